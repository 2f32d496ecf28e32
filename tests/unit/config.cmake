# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(config_file_test berth_config config_file_test.cpp)
berth_test(config_cost_test "berth_config;berth_redistribute" config_cost_test.cpp)
berth_test(network_lines_test berth_config network_lines_test.cpp)
