// SPDX-License-Identifier: GPL-2.0-or-later
//
// The links of this network namespace, their addresses and how they forward, as the kernel had them at one moment. Pure
// values; any thread. Read by netlink/snapshot.h.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/ip.h"

namespace berth {

// net.ipv4.conf.LINK.* or net.ipv6.conf.LINK.*; nothing where the kernel does not say.
struct LinkSysctls {
  std::optional<int> forwarding;
  std::optional<int> rp_filter;  // IPv4 alone
  bool operator==(const LinkSysctls&) const = default;
};

struct LinkAddress {
  IpAddress address;
  unsigned length = 0;  // of its prefix
  bool failed = false;  // duplicate address detection found another of it: it is not in use
  bool operator==(const LinkAddress&) const = default;
};

struct HostLink {
  int index = 0;
  int master = 0;
  unsigned group = 0;  // ip link set LINK group N
  std::string name;
  std::string kind;  // "veth", "bridge"; empty: a real device
  bool up = false;
  bool carrier = false;
  bool loopback = false;
  bool forwards = true;           // of a bridge's port: it is in the state "forwarding"
  int peer = 0;                   // a veth's other end, in the namespace that this one calls `peer_netns`
  std::optional<int> peer_netns;  // nothing: in this one
  LinkSysctls v4, v6;
  std::vector<LinkAddress> addresses;
  bool operator==(const HostLink&) const = default;
};

struct HostState {
  std::vector<HostLink> links;    // by index
  std::set<IpAddress> addresses;  // of all links
  LinkSysctls all_v4, all_v6;     // net.ipv4.conf.all.*: its forwarding is net.ipv4.ip_forward
  bool operator==(const HostState&) const = default;
  const HostLink* find(const std::string& name) const;
  const HostLink* find(int index) const;
  // What the kernel does: the stricter of the link's own and the one for all. 1: strict, 2: loose.
  int rp_filter(const HostLink& link) const;
};

// Interfaces that lead out of the host: up, addressed (a link-local address does: BGP unnumbered), no port of a bridge,
// no bridge that has only containers and tunnels as ports.
std::vector<std::string> uplinks_of(const HostState& state);

}  // namespace berth
