// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each operation through a socket of the namespace that it is for. Private to netlink/: KernelExecutor's parts, by what they are
// about (kernel_executor.cpp, kernel_links.cpp, kernel_entries.cpp).
#pragma once

#include "container_watcher/netlink/netlink.h"
#include "container_watcher/netlink/operation.h"
#include "core/result.h"

namespace berth {

Status carry_out(const PutAddress& what, Netlink& netlink);
Status carry_out(const DeleteAddress& what, Netlink& netlink);
Status carry_out(const RepeatAddresses& what, Netlink& netlink);
Status carry_out(const AnnounceAddress& what, Netlink& netlink);
Status carry_out(const AwaitOperUp& what, Netlink& netlink);
Status carry_out(const PutLink& what, Netlink& netlink);
Status carry_out(const SetLink& what, Netlink& netlink);
Status carry_out(const DeleteLink& what, Netlink& netlink);
Status carry_out(const DeleteMarkedLinks& what, Netlink& netlink);
Status carry_out(const PutRoute& what, Netlink& netlink);
Status carry_out(const DeleteRoute& what, Netlink& netlink);
Status carry_out(const PutNeighbour& what, Netlink& netlink);
Status carry_out(const DeleteNeighbour& what, Netlink& netlink);
Status carry_out(const PutFdb& what, Netlink& netlink);
Status carry_out(const DeleteFdb& what, Netlink& netlink);

// Of something that is to be taken away: what it was on is gone, and took it along.
inline Status gone(const Error& error) {
  return error.kind == ErrorKind::Stale ? Status() : Status(error);
}

}  // namespace berth
