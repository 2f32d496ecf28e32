// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/show/pick.h"

#include <algorithm>
#include <set>

#include "daemon/config/words.h"

namespace berth {
namespace {

// The further from "installed", the higher.
int badness(RibState state) {
  switch (state) {
    case RibState::Installed: return 0;
    case RibState::Accepted: return 1;
    case RibState::Pending: return 2;
    case RibState::Stale: return 3;
    case RibState::Other: return 4;
    case RibState::NotBest: return 5;
    case RibState::Inactive: return 6;
    case RibState::Gone: return 7;
    case RibState::Rejected: return 8;
  }
  return 8;
}

// What is refused stands below what zebra does not take.
int badness(const AttachmentRoute& each) {
  return each.route ? badness(each.route->state) : 9;
}

const AttachmentRoute* worst_of(const std::vector<AttachmentRoute>& routes) {
  const auto worst = std::max_element(routes.begin(), routes.end(),
                                      [](const auto& a, const auto& b) { return badness(a) < badness(b); });
  return worst == routes.end() ? nullptr : &*worst;
}

}  // namespace

std::string AttachmentView::route_state() const {
  const AttachmentRoute* worst = worst_of(routes);
  return worst ? std::string(worst->state()) : "";
}

std::string AttachmentView::route_text(const char* partly) const {
  const AttachmentRoute* worst = worst_of(routes);
  const bool part = worst && badness(*worst) > 0 &&
                    std::any_of(routes.begin(), routes.end(), [](const auto& each) { return badness(each) == 0; });
  if (!part) return route_state();
  return partly + std::string(worst->prefix.is_v4() ? "IPv4 " : "IPv6 ") + (worst->subnet ? "subnet " : "") +
         route_state();
}

Picker::Picker(const View& view) : view_(view) {
  for (const auto& [name, network] : view.config.networks) by_runtime_name_[network.runtime_network()] = &network;
  for (const RouteView& route : view.routes) routes_[route.key] = &route;
  for (const ContainerFact& container : view.containers) {
    std::set<const NetworkConfig*> seen;
    for (const EndpointFact& endpoint : container.endpoints)
      if (const NetworkConfig* network = network_of(endpoint); network && seen.insert(network).second)
        ++containers_in_[network->name];
  }
}

const NetworkConfig* Picker::network_of(const EndpointFact& endpoint) const {
  const auto entry = by_runtime_name_.find(endpoint.network);
  if (entry == by_runtime_name_.end()) return nullptr;
  // One of the same name may be another one; before its id is known the name has to do.
  const auto health = view_.health.find(entry->second->name);
  const bool other =
      health != view_.health.end() && !health->second.key.id.empty() && health->second.key.id != endpoint.network_id;
  return other ? nullptr : entry->second;
}

std::vector<AttachmentView> Picker::attachments(const ContainerFact& container) const {
  std::vector<AttachmentView> out;
  for (const EndpointFact& endpoint : container.endpoints) {
    AttachmentView each{&container, &endpoint, network_of(endpoint), "", 0, "none", {}};
    if (each.network) {
      each.advertise = to_string(each.network->advertise);
      each.mtu = each.network->mtu;
      const auto health = view_.health.find(each.network->name);
      if (health != view_.health.end()) each.parent = health->second.interface;
      const auto link = view_.links.find(each.parent);
      if (!each.mtu && link != view_.links.end()) each.mtu = link->second.mtu;
    }
    if (each.network) each.routes = routes_of(each);
    out.push_back(std::move(each));
  }
  return out;
}

std::vector<AttachmentRoute> Picker::routes_of(const AttachmentView& attachment) const {
  std::vector<AttachmentRoute> out;
  bool hosts = false;
  for (const IpAddress& address : attachment.endpoint->addresses) {
    for (const SubnetConfig& each : attachment.network->subnets)
      if (const auto route = routes_.find({RibKind::Mark, each.subnet});
          each.subnet.contains(address) && route != routes_.end())
        out.push_back({each.subnet, true, route->second});
    const auto route = routes_.find({RibKind::Route, Prefix::host(address)});
    const bool own = route != routes_.end() && route->second->container == attachment.container->name;
    out.push_back({Prefix::host(address), false, own ? route->second : nullptr});
    hosts = hosts || own;
  }
  // Where none of its addresses has a route none was asked for, or all are refused, which is one thing to see here.
  if (!hosts) std::erase_if(out, [](const auto& each) { return !each.subnet; });
  return out;
}

WallTime since_of(const View& view, const RouteView& route) {
  const auto entry = view.since.find(route.key);
  return entry == view.since.end() ? view.now : entry->second;
}

}  // namespace berth
