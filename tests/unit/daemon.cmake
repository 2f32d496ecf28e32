# SPDX-License-Identifier: GPL-2.0-or-later
find_package(spdlog REQUIRED)
set(daemon ${PROJECT_SOURCE_DIR}/daemon)
berth_test(app_test "berth_vty;berth_client;berth_docker;berth_attach;spdlog::spdlog"
  app_test.cpp ${daemon}/app.cpp ${daemon}/app_shell.cpp)
