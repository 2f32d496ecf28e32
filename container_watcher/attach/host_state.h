// SPDX-License-Identifier: GPL-2.0-or-later
//
// The links and addresses of this network namespace, as the kernel has them now. Reading blocks for a netlink dump:
// on the worker's thread. Judging is pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/ip.h"
#include "core/result.h"

namespace berth {

struct HostLink {
  int index = 0;
  int master = 0;
  std::string name;
  std::string kind;  // "veth", "bridge"; empty: a real device
  bool up = false;
  bool loopback = false;
  bool addressed = false;
  bool operator==(const HostLink&) const = default;
};

struct HostState {
  std::vector<HostLink> links;
  std::set<IpAddress> addresses;
  bool operator==(const HostState&) const = default;
  const HostLink* find(const std::string& name) const;
};

Result<HostState> read_host_state();
// Sets each global address of the interface to what it is: nothing changes, and the kernel announces it anew (RTM_NEWADDR,
// rtnetlink(7)) to those who missed it. Stale where there is no such interface.
Status repeat_addresses(const std::string& interface);

// Interfaces that lead out of the host: up, addressed (a link-local address does: BGP unnumbered), no port of a bridge,
// no bridge that has only containers and tunnels as ports.
std::vector<std::string> uplinks_of(const HostState& state);

}  // namespace berth
