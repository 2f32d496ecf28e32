# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(grammar_test berth_config grammar_test.cpp)
berth_test(config_edit_test berth_config config_edit_test.cpp)
berth_test(show_test berth_show show_test.cpp)
berth_test(shell_test berth_vty shell_test.cpp)
berth_test(vty_server_test berth_vty vty_server_test.cpp)
berth_test(docs_test berth_vty docs_test.cpp)
target_compile_definitions(docs_test PRIVATE BERTH_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
