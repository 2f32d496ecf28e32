# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(redistributor_test berth_redistribute redistributor_test.cpp)
berth_test(explain_test berth_redistribute explain_test.cpp)
berth_test(elsewhere_test berth_redistribute elsewhere_test.cpp)
berth_test(redistributor_cost_test berth_redistribute redistributor_cost_test.cpp)
berth_test(delta_tracker_test berth_redistribute delta_tracker_test.cpp)
berth_test(scope_test berth_redistribute scope_test.cpp)
