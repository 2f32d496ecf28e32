// SPDX-License-Identifier: GPL-2.0-or-later
//
// The links by which the fabric is really reached: those that the host's routes to the fabric's prefixes go out by, through
// a router. A rule that closes the only one of them closes the network, whatever other links are open.
//
// Asks the kernel for routes of its main table (rtnetlink(7), RTM_GETROUTE), the first some thousands of them: a host with
// a full table must not pay for all of it at each look, and its routes repeat the same few links. Blocks shortly; the
// worker's thread. Where no route says it, every link that leads out of the host counts.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/firewall/verdict.h"
#include "container_watcher/netlink/host_state.h"
#include "core/ip.h"

namespace berth {

// Indices of links that a route through a router to one of `fabric` (or to a part of it) goes out by; no prefix of the
// family: to anything.
std::set<int> routed_links(bool v4, const std::vector<Prefix>& fabric);

// `uplinks`: of uplinks_of(). `ports`: rules of the families bridge or netdev ask for the ports of bridges.
firewall::Surroundings surroundings_of(const HostState& state, const std::vector<Prefix>& fabric,
                                       const std::vector<std::string>& uplinks, bool ports);

}  // namespace berth
