// SPDX-License-Identifier: GPL-2.0-or-later
//
// Network namespaces: how they are held and entered. A thread enters one for the length of a call and comes back; a socket
// stays where it was opened. Blocks shortly; any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "container_watcher/netlink/fd.h"
#include "container_watcher/netlink/operation.h"
#include "core/result.h"

namespace berth {

// A pidfd. The caller asks its runtime once more, after this, whether the container still has that pid: from then on the
// process behind it is the container's, and stays it.
Result<std::shared_ptr<const Fd>> open_process(int pid);

// Holds the namespace: it lives for as long as the descriptor does. Stale: there is none, or its process has ended.
Result<Fd> open_netns(const Netns& where);

Result<NetnsId> netns_id(const Fd& netns);

// Runs `work` in it. Files below /proc/sys/net and sockets are that namespace's meanwhile; /sys is not.
Status within(const Fd& netns, const std::function<void()>& work);

}  // namespace berth
