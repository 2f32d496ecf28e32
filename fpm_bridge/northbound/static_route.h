// SPDX-License-Identifier: GPL-2.0-or-later
//
// Static routes as FRR's configuration has them, and what berthd changes about them. Pure values: what is there is one value, what
// should be there another, and the plan is their difference.
//
// Ours is a route that bears our mark: berth's distance and one of berth's tags, on an interface and nothing else. Whatever else
// stands there is an operator's: it is never changed, and where it stands in the way of ours, ours is refused.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/ip.h"
#include "fpm_bridge/northbound/leaving.h"

namespace berth {

// One next hop of a static route.
struct StaticRoute {
  Prefix prefix;
  std::optional<IpAddress> gateway;
  std::string interface;       // both empty: a blackhole
  std::uint32_t distance = 1;  // FRR's own default
  std::uint32_t tag = 0;       // 0: none
  bool plain = true;           // in the default VRF's main table, and nothing is said of it that does not stand here
  auto operator<=>(const StaticRoute&) const = default;
  // As an operator types it.
  std::string line() const;
  bool same_next_hop(const StaticRoute& other) const {
    return prefix == other.prefix && gateway == other.gateway && interface == other.interface;
  }
};

struct StaticMark {
  std::uint32_t distance = 15;  // as the module's: below eBGP's
  std::set<std::uint32_t> tags;
  bool bears(const StaticRoute& route) const {
    return route.plain && !route.gateway && !route.interface.empty() && route.distance == distance &&
           tags.contains(route.tag);
  }
};

struct StaticWishes : Leaving {
  std::map<Prefix, StaticRoute> routes;
  std::size_t limit = 2000;                   // routes of ours at a time
  std::map<Prefix, std::string> barred = {};  // FRR has refused a change of them, and why: they stay as they are
  std::set<StaticRoute> passing = {};         // ours too, and not wanted: written for the sake of taking them back
};

struct StaticPlan {
  std::vector<StaticRoute> add;     // or set anew: where only the tag differs
  std::vector<StaticRoute> remove;  // before what is added
  std::map<Prefix, std::string> refused;
  std::size_t swept = 0;  // of `remove`: what nobody had named
  std::size_t later = 0;  // prefixes that are changed in a later step
  bool empty() const { return add.empty() && remove.empty(); }
  std::set<Prefix> changed() const;
};

// `at_most`: prefixes that are changed in one step. `strays`: of ours in zebra's RIB, where the configuration lacks them: staticd keeps
// them beyond a restart of mgmtd. They are written first, so that they can be taken back.
StaticPlan plan_static_routes(const std::vector<StaticRoute>& have, const std::vector<StaticRoute>& strays,
                              const StaticWishes& wishes, const StaticMark& mark, std::size_t at_most);

}  // namespace berth
