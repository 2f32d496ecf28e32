# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(nat_check_test berth_rules nat_check_test.cpp)
berth_test(docker_user_test berth_rules docker_user_test.cpp)
berth_test(docker_order_test berth_rules docker_order_test.cpp)
berth_test(docker_networks_test berth_docker docker_networks_test.cpp)
berth_test(docker_watcher_test berth_docker docker_watcher_test.cpp)
berth_test(host_state_test berth_attach ${CMAKE_SOURCE_DIR}/tests/netns/host_state_test.cpp)
berth_test(host_firewall_test berth_attach ${CMAKE_SOURCE_DIR}/tests/netns/host_firewall_test.cpp)
