# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(redistributor_test berth_redistribute redistributor_test.cpp)
