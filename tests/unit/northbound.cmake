# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(northbound_plan_test berth_northbound_forms northbound_plan_test.cpp)
berth_test(northbound_forms_test berth_northbound_forms northbound_forms_test.cpp)
