// SPDX-License-Identifier: GPL-2.0-or-later
//
// What berth puts into zebra's RIB, and what zebra says of it. Pure values.
//
// Two kinds of object (fpm_bridge/proto/berth.proto): a route of ours, and our tag on a connected route.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip.h"
#include "core/shared_text.h"

namespace berth {

enum class RibKind { Route, ConnectedTag };

struct RibKey {
  RibKind kind = RibKind::Route;
  Prefix prefix;
  auto operator<=>(const RibKey&) const = default;
};

// What should be there.
struct RibObject {
  RibKey key;
  std::uint32_t tag = 0;
  SharedText interface;              // next hop interface, or the interface of the connected route
  std::optional<IpAddress> gateway;  // absent: the destination is on the interface itself
  std::uint32_t distance = 0;        // 0: the module's default
  std::uint32_t metric = 0;
  bool operator==(const RibObject&) const = default;
};

enum class RibState {
  Pending,    // wanted; zebra has not answered
  Accepted,   // in the RIB
  Installed,  // selected and in the kernel: OSPF and BGP may carry it
  NotBest,    // another route for this prefix wins
  Inactive,   // the next hop does not resolve, or there is no such connected route
  Rejected,   // refused, with a reason
  Gone,       // not there (any more)
  Stale,      // zebra is away: last known state unknown
  Other,      // a newer module's word for what this berthd has no name for; the reason says which
};
std::string_view to_string(RibState state);  // as in `show routes json`: "pending", "notBest", …; Gone: "gone"

struct RibAnswer {
  RibKey key;
  RibState state = RibState::Pending;
  std::string reason;
};

// What the RIB has for exactly one prefix, of whatever protocol.
struct RibNextHop {
  std::optional<IpAddress> gateway;
  std::string interface;  // both empty: a blackhole
};
struct RibRoute {
  std::string type;   // as FRR names it: "bgp", "kernel", …
  bool ours = false;  // put there by this berthd, or by one before it
  std::vector<RibNextHop> next_hops;
};
struct RibFound {
  Prefix prefix;
  std::vector<RibRoute> routes;
  std::string error;  // not empty: the sink can't say, and why
};

}  // namespace berth

template <>
struct std::hash<berth::RibKey> {
  std::size_t operator()(const berth::RibKey& key) const {
    return berth::hash_value(key.prefix) * 2 + (key.kind == berth::RibKind::ConnectedTag ? 1 : 0);
  }
};
