# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(redistribute_property_test berth_redistribute redistribute_property_test.cpp world.cpp)
berth_test(reconciler_property_test "berth_reconciler;berth_bridge" reconciler_property_test.cpp world.cpp)
