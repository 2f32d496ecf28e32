// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/return_path.h"

#include <string>
#include <utility>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace berth {
namespace {

constexpr auto kAskAgain = 30s;  // nobody tells of a route that changes in a container
constexpr int kStrict = 1;
constexpr int kMostAsked = 64;  // at a look

const HostLink* bridge_or_self(const HostState& state, const HostLink* link) {
  const HostLink* master = link && link->master ? state.find(link->master) : nullptr;
  return master ? master : link;
}

std::string loosen(const HostLink& link) {
  return "sysctl -w " + link_sysctl(true, link.name, "rp_filter") + "=2";
}

}  // namespace

std::map<EndpointKey, Problem> ReturnPaths::look(const HostState& state, const std::vector<ForkedEndpoint>& endpoints) {
  std::map<EndpointKey, Problem> out;
  std::vector<const HostLink*> strict;
  for (const HostLink& link : state.links)
    if (link.kind == "bridge" && state.rp_filter(link) == kStrict) strict.push_back(&link);
  if (strict.empty()) return out;
  std::map<EndpointKey, Known> before = std::exchange(known_, {});
  std::optional<std::map<int, std::string>> names;
  int asked = 0;
  for (const ForkedEndpoint& each : endpoints) {
    const HostLink* port = state.find(each.port);
    if (!port) continue;
    Known& known = known_[each.key] = before[each.key];
    if ((known.port != each.port || known.asked + kAskAgain < Clock::now()) && ++asked <= kMostAsked) {
      if (!names) names = observer_.named_netns();
      const auto path = port->peer_netns ? names->find(*port->peer_netns) : names->end();
      known = {each.port, path == names->end() ? std::nullopt : observer_.way_out({path->second, {}}, each.address),
               Clock::now()};
    }
    const HostLink* own = bridge_or_self(state, port);
    const HostLink* way = known.leaves_by ? bridge_or_self(state, state.find(*known.leaves_by)) : nullptr;
    if (way && way != own && state.rp_filter(*way) == kStrict)
      out[each.key] = {"rp-filter",
                       each.container + " answers for " + each.address.to_string() + " by " + way->name +
                           ", where rp_filter is strict and drops what comes from another link's address",
                       loosen(*way), true, Family::V4};
    if (way) continue;
    for (const HostLink* other : strict)
      if (other != own)
        out[each.key] = {"rp-filter",
                         each.container + " is on several networks and may answer for " + each.address.to_string() +
                             " by another than " + own->name + "; rp_filter is strict on " + other->name,
                         loosen(*other), false, Family::V4};
  }
  return out;
}

}  // namespace berth
