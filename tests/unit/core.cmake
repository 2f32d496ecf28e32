# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(core_ip_test berth_core core_ip_test.cpp)
berth_test(shared_text_test "berth_core;Threads::Threads" shared_text_test.cpp)
