// SPDX-License-Identifier: GPL-2.0-or-later
//
// zebra's RIB, by its answers to `show ip route … json`, and what they say of a route of ours. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/rib.h"
#include "fpm_bridge/northbound/static_route.h"

namespace berth {

struct RibEntry {
  std::string protocol;  // "static", "connected", "kernel", …
  std::uint32_t distance = 0, tag = 0;
  bool selected = false, installed = false;
  bool alive = false;  // a next hop of it is in use
  bool left = false;   // by the zebra before this one: read from the kernel, and not said by a daemon
  std::vector<RibNextHop> next_hops;
};
using Rib = std::map<Prefix, std::vector<RibEntry>>;

Result<Rib> read_rib(std::string_view json);

// Of the entries for its prefix; `mark`: which one is ours.
RibAnswer judge_route(const StaticRoute& wanted, const std::vector<RibEntry>& entries);
// What hides it: the static route that the zebra before this one has left in the kernel. It has the distance that FRR gives to static
// routes, without a tag, and stands until `zebra -K` has passed, or for ever; only a static route of that distance takes its place.
std::optional<StaticRoute> left_before(const StaticRoute& wanted, const std::vector<RibEntry>& entries);
// A subnet that is advertised by its connected route.
RibAnswer judge_connected(const Prefix& subnet, const std::vector<RibEntry>& entries);
// Is there a route of ours?
bool has_ours(const std::vector<RibEntry>& entries, const StaticMark& mark);
std::vector<StaticRoute> ours_in(const Rib& rib, const StaticMark& mark);
RibFound found_in(const Prefix& prefix, const std::vector<RibEntry>& entries, const StaticMark& mark);

}  // namespace berth
