// SPDX-License-Identifier: GPL-2.0-or-later
//
// One subnet over several hosts (`spread`): containers take each address of it for one on their link, so the host answers ARP
// and ND for those that the fabric has elsewhere, and routes to them. No broadcast crosses. Pure; any thread.
//
// Exactly those: each is an entry of its own (ip neigh show proxy), with our mark, made when a host route to it by another link
// is in the kernel and taken away with that route. The kernel's own proxy_arp would answer for whatever has a route, the whole
// world by a default route, and there is no such thing in IPv6. Entries of another hand stay.
//
// A container that moved to another host leaves its old MAC address in its neighbours' tables: with the entry they are told the
// link's own.
#pragma once

#include <string>
#include <vector>

#include "container_watcher/attach/host_plan.h"
#include "container_watcher/attach/network_site.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/operation.h"
#include "core/facts.h"

namespace berth {

// What is missing, and what is there in excess. Of a network without `spread`: all entries of ours.
std::vector<Sequence> plan_spread(const NetworkSite& site, const HostLink& link, const HostState& host);
// Entries of ours on links that no network of ours is on.
std::vector<Operation> plan_unspread(const std::vector<NetworkSite>& sites, const HostState& host);
// Whether it is one of these operations.
bool is_of_spread(const Operation& operation);
// "spread-refused".
std::vector<Problem> spread_problems(const std::string& interface, const std::vector<Undone>& undone);

}  // namespace berth
