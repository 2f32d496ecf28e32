# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(wire_test berth_wire wire_test.cpp)
