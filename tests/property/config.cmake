# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(config_property_test "berth_config;berth_redistribute" config_property_test.cpp)
