# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(zebra_client_test berth_client zebra_client_test.cpp)
berth_test(route_sink_test berth_client route_sink_test.cpp)

# With the real module in a real zebra: scripts/test netns runs it, with the module's path.
add_executable(route_sink_zebra_test ${PROJECT_SOURCE_DIR}/tests/netns/route_sink_zebra_test.cpp
  ${PROJECT_SOURCE_DIR}/daemon/berthctl/connection.cpp)
target_link_libraries(route_sink_zebra_test PRIVATE berth_client berth_northbound berth_json GTest::gtest)
target_include_directories(route_sink_zebra_test PRIVATE ${PROJECT_SOURCE_DIR})
berth_test(evpn_check_test berth_frr_vty evpn_check_test.cpp)

# The same of FRR's northbound: scripts/test netns runs it, with each release's FRR.
add_executable(northbound_zebra_test ${PROJECT_SOURCE_DIR}/tests/netns/northbound_zebra_test.cpp
  ${PROJECT_SOURCE_DIR}/daemon/berthctl/connection.cpp)
target_link_libraries(northbound_zebra_test PRIVATE berth_northbound berth_json GTest::gtest)
target_include_directories(northbound_zebra_test PRIVATE ${PROJECT_SOURCE_DIR})
add_custom_target(berth_frr_tests DEPENDS route_sink_zebra_test northbound_zebra_test)
