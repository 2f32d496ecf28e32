# SPDX-License-Identifier: GPL-2.0-or-later
berth_test(zebra_client_test berth_client zebra_client_test.cpp)
