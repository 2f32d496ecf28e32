// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host around its rules: what a verdict depends on beside them. The links by which the fabric is really reached are those
// that the host's routes to the fabric's prefixes go out by, through a router: a rule that closes the only one of them closes
// the network, whatever other links are open. Where no route says it, every link that leads out of the host counts.
//
// Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "container_watcher/firewall/verdict.h"
#include "container_watcher/netlink/host_state.h"
#include "core/ip.h"

namespace berth {

// `uplinks`: of uplinks_of(). `ports`: rules of the families bridge or netdev ask for the ports of bridges.
firewall::Surroundings surroundings_of(const HostState& state, const std::vector<NetworkSite>& sites,
                                       const std::vector<Prefix>& fabric, const std::vector<std::string>& uplinks,
                                       bool ports);

}  // namespace berth
