// SPDX-License-Identifier: GPL-2.0-or-later
//
// A look into a task's network namespace, through netlink. Blocks for some dumps; any thread.
#pragma once

#include "container_watcher/containerd/containerd_view.h"
#include "container_watcher/netlink/operation.h"
#include "core/result.h"

namespace berth {

// Stale: its process has ended.
Result<TaskNetns> read_task_netns(const Netns& where);

}  // namespace berth
