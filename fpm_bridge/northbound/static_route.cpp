// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/static_route.h"

#include <algorithm>
#include <utility>

namespace berth {
namespace {

// What stands in the configuration for one prefix.
struct Standing {
  std::vector<const StaticRoute*> ours, theirs;
};

}  // namespace

std::string StaticRoute::line() const {
  std::string out = (prefix.is_v4() ? "ip" : "ipv6") + std::string(" route ") + prefix.to_string();
  if (gateway) out += " " + gateway->to_string();
  if (!interface.empty()) out += " " + interface;
  if (!gateway && interface.empty()) out += " blackhole";
  if (tag) out += " tag " + std::to_string(tag);
  if (distance != 1) out += " " + std::to_string(distance);
  return out;
}

std::set<Prefix> StaticPlan::changed() const {
  std::set<Prefix> out;
  for (const std::vector<StaticRoute>* all : {&add, &remove})
    for (const StaticRoute& each : *all) out.insert(each.prefix);
  return out;
}

StaticPlan plan_static_routes(const std::vector<StaticRoute>& have, const std::vector<StaticRoute>& strays,
                              const StaticWishes& wishes, const StaticMark& mark, std::size_t at_most) {
  std::map<Prefix, Standing> standing;
  std::size_t ours = 0;
  for (const StaticRoute& each : have) {
    Standing& at = standing[each.prefix];
    if (mark.bears(each) || wishes.passing.contains(each)) {
      ours += at.ours.empty() ? 1 : 0;
      at.ours.push_back(&each);
    } else {
      at.theirs.push_back(&each);
    }
  }
  StaticPlan out;
  std::size_t changed = 0;
  const auto turn = [&] { return ++changed <= at_most || (++out.later, false); };
  // What goes, first: it makes room.
  for (const auto& [prefix, at] : standing) {
    if (at.ours.empty() || wishes.routes.contains(prefix)) continue;
    if (!wishes.goes(prefix)) continue;
    --ours;
    if (wishes.barred.contains(prefix) || !turn()) continue;
    for (const StaticRoute* each : at.ours) out.remove.push_back(*each);
    out.swept += wishes.unwanted.contains(prefix) ? 0 : 1;
  }
  for (const StaticRoute& each : strays) {
    if (!mark.bears(each) || standing.contains(each.prefix) || wishes.routes.contains(each.prefix)) continue;
    if (wishes.goes(each.prefix) && turn()) out.add.push_back(each);
  }
  for (const auto& wish : wishes.routes) {
    const Prefix& prefix = wish.first;  // by their own names: an old clang keeps bindings out of lambdas
    const StaticRoute& wanted = wish.second;
    const auto found = standing.find(prefix);
    const Standing at = found == standing.end() ? Standing() : found->second;
    const auto same = [&](const StaticRoute* each) { return *each == wanted; };
    if (at.ours.size() == 1 && same(at.ours.front())) continue;
    if (const auto barred = wishes.barred.find(prefix); barred != wishes.barred.end()) {
      out.refused[prefix] = barred->second;
      continue;
    }
    // One of theirs that has the same key, of which FRR knows two kinds, would be set anew as ours.
    const auto rival = std::ranges::find_if(at.theirs, [&](const StaticRoute* each) {
      return at.ours.empty() || each->same_next_hop(wanted) || each->distance == wanted.distance;
    });
    if (rival != at.theirs.end()) {
      out.refused[prefix] = "FRR's configuration has a static route of its own for it: " + (*rival)->line();
      if (at.ours.empty() || !turn()) continue;
      for (const StaticRoute* each : at.ours) out.remove.push_back(*each);
      continue;
    }
    if (at.ours.empty()) {
      if (ours >= wishes.limit) {
        out.refused[prefix] = "the limit of routes through the northbound is reached (zebra route-limit " +
                              std::to_string(wishes.limit) +
                              "): each change costs FRR its whole configuration; the module has no such cost";
        continue;
      }
      ++ours;
    }
    if (!turn()) continue;
    const bool there = std::ranges::any_of(at.ours, same);
    for (const StaticRoute* each : at.ours)
      if (there ? !same(each) : !each->same_next_hop(wanted)) out.remove.push_back(*each);
    if (!there) out.add.push_back(wanted);
  }
  return out;
}

}  // namespace berth
