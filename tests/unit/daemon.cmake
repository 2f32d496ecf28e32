# SPDX-License-Identifier: GPL-2.0-or-later
set(daemon ${PROJECT_SOURCE_DIR}/daemon)
berth_test(app_test "berth_vty;berth_log;berth_client;berth_docker;berth_attach"
  app_test.cpp ${daemon}/app.cpp ${daemon}/app_shell.cpp)
berth_test(log_test berth_log log_test.cpp)
berth_test(told_test berth_log told_test.cpp)
berth_test(berthd_process_test "berth_vty" berthd_process_test.cpp ${daemon}/berthctl/connection.cpp)
target_compile_definitions(berthd_process_test PRIVATE BERTHD="$<TARGET_FILE:berthd>")
add_dependencies(berthd_process_test berthd)
berth_test(berthctl_pty_test berth_vty berthctl_pty_test.cpp)
target_compile_definitions(berthctl_pty_test PRIVATE BERTHCTL="$<TARGET_FILE:berthctl>")
add_dependencies(berthctl_pty_test berthctl)
berth_test(app_docker_test "berth_vty;berth_log;berth_client;berth_docker;berth_attach"
  ${PROJECT_SOURCE_DIR}/tests/netns/app_docker_test.cpp ${daemon}/app.cpp ${daemon}/app_shell.cpp)
berth_test(connection_test Boost::headers connection_test.cpp ${daemon}/berthctl/connection.cpp)
target_compile_definitions(connection_test PRIVATE BERTHCTL="$<TARGET_FILE:berthctl>")
target_include_directories(connection_test PRIVATE ${PROJECT_SOURCE_DIR})
add_dependencies(connection_test berthctl)
