# SPDX-License-Identifier: GPL-2.0-or-later
# The part of the zebra module that knows no FRR, compiled here as C.
berth_test(module_state_test berth_core module_state_test.cpp)
target_sources(module_state_test PRIVATE ${PROJECT_SOURCE_DIR}/fpm_bridge/zebra/state.c)
