// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reads the host as the kernel has it now (rtnetlink(7)). Blocks for some dumps: on the worker's thread. Transient: the kernel
// does not say, or its lists changed under the reading several times.
#pragma once

#include "container_watcher/netlink/host_state.h"
#include "core/result.h"

namespace berth {

Result<HostState> read_host_state();

}  // namespace berth
