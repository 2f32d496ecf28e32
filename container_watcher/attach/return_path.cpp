// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/return_path.h"

#include <algorithm>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace berth {
namespace {

constexpr auto kPathAgain = 30s;  // nobody tells of a route that changes in a container
constexpr int kAtFirst = 3;       // a container that starts gets its default route last
constexpr int kStrict = 1;
constexpr int kMostPaths = 64;  // at a look

const HostLink* bridge_or_self(const HostState& state, const HostLink* link) {
  const HostLink* master = link && link->master ? state.find(link->master) : nullptr;
  return master ? master : link;
}

std::string loosen(const HostLink& link) {
  return "sysctl -w " + link_sysctl(true, link.name, "rp_filter") + "=2";
}

const IpAddress* address_of(const Fork& fork, bool v4) {
  const auto found = std::ranges::find_if(fork.addresses, [&](const IpAddress& each) { return each.is_v4() == v4; });
  return found == fork.addresses.end() ? nullptr : &*found;
}

// Docker 28 and newer gives the default route to the network of the highest gw-priority. Of equals, and before, one with gateways
// in both families has it before one in IPv4 alone; of such, the one whose name comes first, whenever it was connected (libnetwork,
// Endpoint.Less).
std::string move_default_route(const ForkedEndpoint& of, const std::string& other) {
  if (of.by_cni)
    return "in CNI's configuration, a default route by " + of.network + " and none by " + other + "; start " +
           of.container + " anew";
  return "docker network disconnect " + other + " " + of.container + " (if it needs nothing of " + other +
         "; else, with Docker 28 or newer: docker network disconnect " + of.network + " " + of.container +
         " && docker network connect --gw-priority 1 " + of.network + " " + of.container +
         ", and --ip where it has a fixed address; before 28, of two networks with the same families, the one whose "
         "name comes first has the default route)";
}

// A network by which a container leaves, that is not the endpoint's own.
struct OtherWay {
  const ForkedEndpoint* endpoint;
  const Fork* by;
  bool v4;
};

Problem translated(const OtherWay& way, const std::string& link, Nat nat) {
  const ForkedEndpoint& of = *way.endpoint;
  const std::string other = way.by->network, address = address_of(of.own, way.v4)->to_string();
  return {"default-route-nat",
          of.container + " opens connections by " + other + " (" + link +
              "), which has its default route, and NAT there " + (nat == Nat::On ? "changes" : "may change") +
              " their source: the fabric does not see them come from " + address + "; its answers keep their source",
          move_default_route(of, other), false, way.v4 ? Family::V4 : Family::V6};
}

}  // namespace

std::optional<ReturnPaths::Way> ReturnPaths::way(const ForkedEndpoint& endpoint, bool v4,
                                                 const std::optional<IpAddress>& source) const {
  if (endpoint.netns.empty()) return std::nullopt;
  const auto link = observer_.way_out({endpoint.netns, {}}, v4, source);
  if (!link) return std::nullopt;
  return Way{link->mac, link->kind == "veth", link->peer};
}

void ReturnPaths::ask(const ForkedEndpoint& endpoint, Known* known) const {
  known->asked = Clock::now();
  ++known->asked_times;
  const IpAddress* v4 = address_of(endpoint.own, true);
  known->answers = v4 ? way(endpoint, true, *v4) : std::nullopt;
  known->opens_v4 = v4 ? way(endpoint, true, std::nullopt) : std::nullopt;
  known->opens_v6 = address_of(endpoint.own, false) ? way(endpoint, false, std::nullopt) : std::nullopt;
}

void ReturnPaths::look_at_sources(const HostState& state, const std::vector<ForkedEndpoint>& endpoints,
                                  const Sources& sources, std::map<EndpointKey, Problem>* out) const {
  std::vector<OtherWay> ways;
  std::vector<firewall::Leaving> leaving;
  for (const ForkedEndpoint& each : endpoints) {
    const auto known = known_.find(each.key);
    if (known == known_.end()) continue;
    for (const bool v4 : {true, false}) {
      const std::optional<Way>& way = v4 ? known->second.opens_v4 : known->second.opens_v6;
      // What leaves by a macvlan leaves the host beside its rules.
      if (!way || !way->veth || way->mac == each.own.mac) continue;
      const HostLink* link = bridge_or_self(state, state.find(way->outside));
      const auto by = std::ranges::find(each.all, way->mac, &Fork::mac);
      const IpAddress* source = by == each.all.end() ? nullptr : address_of(*by, v4);
      if (!link || !source) continue;
      ways.push_back({&each, &*by, v4});
      leaving.push_back({link->name, *source});
    }
  }
  const std::vector<Nat> nats = sources(leaving);
  for (std::size_t at = 0; at < ways.size(); ++at) {
    if (nats[at] == Nat::Off) continue;
    const auto [told, fresh] =
        out->try_emplace(ways[at].endpoint->key, translated(ways[at], leaving[at].link, nats[at]));
    // One problem is told of each endpoint: of both families, where it is both.
    if (!fresh && told->second.code == "default-route-nat") told->second.family = Family::Both;
  }
}

std::map<EndpointKey, Problem> ReturnPaths::look(const HostState& state, const std::vector<ForkedEndpoint>& endpoints,
                                                 const Sources& sources, bool* more) {
  std::map<EndpointKey, Problem> out, doubts;
  std::vector<const HostLink*> strict;
  for (const HostLink& link : state.links)
    if (link.kind == "bridge" && state.rp_filter(link) == kStrict) strict.push_back(&link);
  std::map<EndpointKey, Known> before = std::exchange(known_, {});
  int asked = 0;
  for (const ForkedEndpoint& each : endpoints) {
    const HostLink* port = each.on_parent ? nullptr : state.find(each.port);
    if (!port && !each.on_parent) continue;
    Known& known = known_[each.key] = before[each.key];
    if (known.port != each.port) known = {each.port, 0, {}, {}, {}, {}};
    if ((known.asked_times < kAtFirst || known.asked + kPathAgain < Clock::now()) && ++asked <= kMostPaths)
      ask(each, &known);
    *more = *more || known.asked_times < kAtFirst;
    const IpAddress* address = address_of(each.own, true);
    if (!address) continue;
    const HostLink* own = bridge_or_self(state, port);
    const HostLink* way = known.answers ? bridge_or_self(state, state.find(known.answers->outside)) : nullptr;
    if (way && way != own && known.answers->mac != each.own.mac && state.rp_filter(*way) == kStrict)
      out[each.key] = {"rp-filter",
                       each.container + " answers for " + address->to_string() + " by " + way->name +
                           ", where rp_filter is strict and drops what comes from another link's address",
                       loosen(*way), true, Family::V4};
    if (way) continue;
    for (const HostLink* other : strict)
      if (own && other != own)
        doubts[each.key] = {"rp-filter",
                            each.container + " is on several networks and may answer for " + address->to_string() +
                                " by another than " + own->name + "; rp_filter is strict on " + other->name,
                            loosen(*other), false, Family::V4};
  }
  look_at_sources(state, endpoints, sources, &out);
  out.merge(doubts);
  return out;
}

}  // namespace berth
