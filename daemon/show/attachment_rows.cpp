// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/show/attachment_rows.h"

#include <algorithm>

#include "daemon/config/config_gaps.h"
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

// One of the routes by which the fabric is to reach an endpoint.
struct AttachmentRows::Route {
  Prefix prefix;
  bool subnet = false;
  const RouteView* route = nullptr;  // null: it is refused

  std::string state() const { return route ? std::string(to_string(route->state)) : "refused"; }
  // What is refused stands below what zebra does not take.
  int badness() const { return route ? berth::badness(route->state) : 9; }
};

AttachmentRows::AttachmentRows(const View& view) : view_(view) {
  for (const auto& [name, network] : view.config.networks) networks_[view.config.name_in_runtime(network)] = &network;
  for (const RouteView& route : view.routes) routes_[route.key] = &route;
  for (const ContainerFact& container : view.containers) {
    std::set<const NetworkConfig*> seen;
    for (const EndpointFact& endpoint : container.endpoints)
      if (const NetworkConfig* network = network_of(container, endpoint); network && seen.insert(network).second)
        ++containers_in_[network->name];
  }
}

std::size_t AttachmentRows::containers_in(const std::string& network) const {
  const auto found = containers_in_.find(network);
  return found == containers_in_.end() ? 0 : found->second;
}

const NetworkConfig* AttachmentRows::network_of(const ContainerFact& container, const EndpointFact& endpoint) const {
  const auto entry = networks_.find(berth::network_of(container, endpoint));
  if (entry == networks_.end()) return nullptr;
  // One of the same name may be another one; before its id is known the name has to do.
  const auto health = view_.health.find(entry->second->name);
  const bool other =
      health != view_.health.end() && !health->second.key.id.empty() && health->second.key.id != endpoint.network_id;
  return other ? nullptr : entry->second;
}

std::vector<AttachmentRow> AttachmentRows::of(const ContainerFact& container) const {
  std::vector<AttachmentRow> out;
  out.reserve(container.endpoints.size());
  for (const EndpointFact& endpoint : container.endpoints) out.push_back(row(container, endpoint));
  return out;
}

AttachmentRow AttachmentRows::row(const ContainerFact& container, const EndpointFact& endpoint) const {
  AttachmentRow out;
  out.container = container.name;
  out.container_id = container.key.id;
  out.network = out.runtime_network = endpoint.network;
  out.driver = endpoint.driver;
  out.runtime = container.key.runtime;
  out.mac = endpoint.mac;
  out.inside = endpoint.inside;
  out.netns = container.netns;
  out.host_interface = endpoint.host_link;
  if (const auto port = view_.ports.find({container.key, endpoint.id}); port != view_.ports.end()) {
    const InnerEnd& inner = port->second.inner;
    out.host_interface = port->second.name;
    out.host_index = port->second.index;
    out.inside_index = inner.index;
    if (out.inside.empty()) out.inside = inner.name;
    if (out.netns.empty()) out.netns = inner.netns;
    out.mtu = inner.mtu;
  }
  for (const IpAddress& address : endpoint.addresses) out.addresses.push_back(address.to_string());
  out.advertise = to_string(Advertise::None);
  const NetworkConfig* network = network_of(container, endpoint);
  if (!network) return out;
  out.ours = true;
  out.network = network->name;
  out.driver = network->driver;
  out.advertise = to_string(network->advertise);
  const auto health = view_.health.find(network->name);
  if (const auto problem = view_.endpoint_problems.find({container.key, endpoint.id});
      problem != view_.endpoint_problems.end())
    out.problems.push_back(problem->second);
  if (const auto parent = view_.parents.find(network->name); parent != view_.parents.end())
    out.parent = parent->second.name;
  else if (health != view_.health.end() && endpoint.host_link.empty())
    out.parent = health->second.interface;
  if (const auto link = view_.links.find(out.parent); out.mtu == 0)
    out.mtu = network->mtu ? network->mtu : link == view_.links.end() ? 0 : link->second.mtu;
  const std::vector<Route> routes = routes_of(container, endpoint, *network);
  for (const Route& each : routes) out.routes.push_back({each.prefix.to_string(), each.state()});
  const auto worst = std::max_element(routes.begin(), routes.end(),
                                      [](const Route& a, const Route& b) { return a.badness() < b.badness(); });
  if (worst == routes.end()) return out;
  out.route_state = worst->state();
  const auto good = [](const Route& each) { return each.badness() == 0; };
  if (!good(*worst) && std::any_of(routes.begin(), routes.end(), good))
    out.lacking =
        (worst->prefix.is_v4() ? "IPv4 " : "IPv6 ") + std::string(worst->subnet ? "subnet " : "") + out.route_state;
  return out;
}

std::vector<AttachmentRows::Route> AttachmentRows::routes_of(const ContainerFact& container,
                                                             const EndpointFact& endpoint,
                                                             const NetworkConfig& network) const {
  std::vector<Route> out;
  bool hosts = false;
  for (const IpAddress& address : endpoint.addresses) {
    for (const SubnetConfig& each : network.subnets)
      for (const RibKind kind : {RibKind::ConnectedTag, RibKind::Route})
        if (const auto route = routes_.find({kind, each.subnet});
            each.subnet.contains(address) && route != routes_.end() && route->second->subnet)
          out.push_back({each.subnet, true, route->second});
    const auto route = routes_.find({RibKind::Route, Prefix::host(address)});
    const bool own = route != routes_.end() && route->second->container == container.name;
    out.push_back({Prefix::host(address), false, own ? route->second : nullptr});
    hosts = hosts || own;
  }
  // Where none of its addresses has a route none was asked for, or all are refused, which is one thing to see here.
  if (!hosts) std::erase_if(out, [](const Route& each) { return !each.subnet; });
  return out;
}

}  // namespace berth
