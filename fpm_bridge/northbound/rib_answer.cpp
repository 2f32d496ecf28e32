// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/rib_answer.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <optional>

#include "fpm_bridge/northbound/json_members.h"

namespace json = boost::json;

namespace berth {
namespace {

constexpr std::uint32_t kSelfRoute = 0x02;  // ZEBRA_FLAG_SELFROUTE, the same from FRR 8.4 to 10.7

RibEntry entry_of(const json::value& in) {
  RibEntry out{json_text(in, "protocol"),
               json_number(in, "distance"),
               json_number(in, "tag"),
               json_yes(in, "selected"),
               json_yes(in, "installed"),
               false,
               (json_number(in, "internalFlags") & kSelfRoute) != 0,
               {}};
  for (const json::value& hop : json_list(&in, "nexthops")) {
    if (!hop.is_object()) continue;
    out.alive = out.alive || json_yes(hop, "active");
    out.next_hops.push_back({IpAddress::parse(json_text(hop, "ip")), json_text(hop, "interfaceName")});
  }
  return out;
}

bool leads(const RibNextHop& hop, const StaticRoute& wanted) {
  return hop.interface == wanted.interface && (!wanted.gateway || hop.gateway == wanted.gateway);
}

bool is(const RibEntry& entry, const StaticRoute& wanted) {
  return entry.protocol == "static" && entry.distance == wanted.distance && entry.tag == wanted.tag &&
         std::ranges::any_of(entry.next_hops, [&](const RibNextHop& each) { return leads(each, wanted); });
}

// zebra tells of a gateway's interface, too, which nobody has written: ours has no gateway.
bool is_marked(const RibEntry& entry, const StaticMark& mark) {
  return entry.distance == mark.distance && mark.tags.contains(entry.tag) &&
         std::ranges::any_of(entry.next_hops, [](const RibNextHop& each) { return !each.gateway; });
}

bool bears(const RibEntry& entry, const StaticMark& mark) {
  return entry.protocol == "static" && is_marked(entry, mark);
}

const RibEntry* selected(const std::vector<RibEntry>& entries) {
  const auto at = std::ranges::find_if(entries, &RibEntry::selected);
  return at == entries.end() ? nullptr : &*at;
}

}  // namespace

Result<Rib> read_rib(std::string_view answer) {
  boost::system::error_code error;
  const json::value root = json::parse(answer, error);
  if (error || !root.is_object()) return transient("zebra's answer on its routes is no JSON");
  Rib out;
  for (const auto& [key, entries] : root.as_object()) {
    const auto prefix = Prefix::parse(std::string_view(key));
    if (!prefix || !entries.is_array()) continue;
    for (const json::value& each : entries.as_array())
      if (each.is_object()) out[*prefix].push_back(entry_of(each));
  }
  return out;
}

std::optional<StaticRoute> left_before(const StaticRoute& wanted, const std::vector<RibEntry>& entries) {
  const RibEntry* best = selected(entries);
  if (!best || !best->left || best->protocol != "static" || best->next_hops.size() != 1) return std::nullopt;
  if (!leads(best->next_hops.front(), wanted)) return std::nullopt;
  StaticRoute out = wanted;
  out.distance = best->distance;
  out.tag = 0;
  return out;
}

RibAnswer judge_route(const StaticRoute& wanted, const std::vector<RibEntry>& entries) {
  RibAnswer out{{RibKind::Route, wanted.prefix}, RibState::Inactive, {}};
  const auto ours = std::ranges::find_if(entries, [&](const RibEntry& each) { return is(each, wanted); });
  const RibEntry* best = selected(entries);
  if (ours == entries.end()) {
    out.reason = "it is in FRR's configuration, and staticd does not give it to zebra: there is no " +
                 wanted.interface + ", or the next hop can't be reached";
  } else if (!ours->selected) {
    out.state = best ? RibState::NotBest : RibState::Accepted;
    if (best) out.reason = "a " + best->protocol + " route is better";
  } else if (!ours->installed) {
    out.state = RibState::Accepted;
  } else if (!ours->alive) {
    out.reason = "the next hop is down";
  } else {
    out.state = RibState::Installed;
  }
  return out;
}

RibAnswer judge_connected(const Prefix& subnet, const std::vector<RibEntry>& entries) {
  const RibEntry* best = selected(entries);
  if (best && best->protocol == "connected") return {{RibKind::ConnectedTag, subnet}, RibState::Installed, {}};
  return {{RibKind::ConnectedTag, subnet},
          RibState::Inactive,
          best ? "a " + best->protocol + " route is better than the connected one" : "there is no connected route"};
}

bool has_ours(const std::vector<RibEntry>& entries, const StaticMark& mark) {
  return std::ranges::any_of(entries, [&](const RibEntry& each) { return bears(each, mark); });
}

std::vector<StaticRoute> ours_in(const Rib& rib, const StaticMark& mark) {
  std::vector<StaticRoute> out;
  for (const auto& [prefix, entries] : rib)
    for (const RibEntry& each : entries) {
      if (!bears(each, mark) || each.next_hops.size() != 1) continue;
      const StaticRoute route{prefix, {}, each.next_hops.front().interface, each.distance, each.tag, true};
      if (mark.bears(route)) out.push_back(route);
    }
  return out;
}

RibFound found_in(const Prefix& prefix, const std::vector<RibEntry>& entries, const StaticMark& mark) {
  RibFound out{prefix, {}, {}};
  // Of another type it is what berth's module keeps for the grace time, when berthd has just gone over from it.
  for (const RibEntry& each : entries) out.routes.push_back({each.protocol, is_marked(each, mark), each.next_hops});
  return out;
}

}  // namespace berth
