# SPDX-License-Identifier: GPL-2.0-or-later
find_package(spdlog REQUIRED)
set(daemon ${PROJECT_SOURCE_DIR}/daemon)
berth_test(app_test "berth_vty;berth_client;berth_docker;berth_attach;spdlog::spdlog"
  app_test.cpp ${daemon}/app.cpp ${daemon}/app_shell.cpp)
berth_test(berthctl_pty_test berth_vty berthctl_pty_test.cpp)
target_compile_definitions(berthctl_pty_test PRIVATE BERTHCTL="$<TARGET_FILE:berthctl>")
add_dependencies(berthctl_pty_test berthctl)
