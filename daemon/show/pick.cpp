// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/show/pick.h"

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

}  // namespace

Picker::Picker(const View& view) : view_(view) {
  for (const auto& [name, network] : view.config.networks) by_runtime_name_[network.runtime_network()] = &network;
  for (const RouteView& route : view.routes)
    if (!route.subnet) host_routes_[route.key.prefix] = &route;
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
    AttachmentView each{&container, &endpoint, network_of(endpoint), "", 0, "none", ""};
    if (each.network) {
      each.advertise = to_string(each.network->advertise);
      each.mtu = each.network->mtu;
      const auto health = view_.health.find(each.network->name);
      if (health != view_.health.end()) each.parent = health->second.interface;
      const auto link = view_.links.find(each.parent);
      if (!each.mtu && link != view_.links.end()) each.mtu = link->second.mtu;
    }
    const RouteView* worst = nullptr;
    for (const IpAddress& address : endpoint.addresses) {
      const auto route = host_routes_.find(Prefix::host(address));
      if (route == host_routes_.end() || route->second->container != container.name) continue;
      if (!worst || badness(route->second->state) > badness(worst->state)) worst = route->second;
    }
    if (worst) each.route_state = to_string(worst->state);
    out.push_back(std::move(each));
  }
  return out;
}

WallTime since_of(const View& view, const RouteView& route) {
  const auto entry = view.since.find(route.key);
  return entry == view.since.end() ? view.now : entry->second;
}

}  // namespace berth
