// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/port_book.h"

#include <charconv>
#include <utility>

namespace berth {
namespace {

std::string first_address(const std::vector<IpAddress>& addresses) {
  return addresses.empty() ? std::string("it") : addresses.front().to_string();
}

}  // namespace

Mac parse_mac(const std::string& text) {
  if (text.size() != 17) return 0;
  Mac out = 0;
  for (std::size_t at = 0; at < 17; at += 3) {
    unsigned byte = 0;
    const auto end = text.data() + at + 2;
    const auto [stop, error] = std::from_chars(text.data() + at, end, byte, 16);
    if (error != std::errc() || stop != end || (at < 15 && *end != ':')) return 0;
    out = out << 8 | byte;
  }
  return out;
}

void PortBook::set_networks(const std::map<std::string, NetworkConfig>& networks) {
  const std::lock_guard lock(mutex_);
  networks_.clear();
  for (const auto& [name, network] : networks) networks_.emplace(network.runtime_network(), name);
}

void PortBook::erase(Containers::iterator container) {
  for (const auto& [id, endpoint] : container->second.endpoints) {
    const EndpointKey key{container->first, id};
    bound_.erase(key);
    const auto [begin, end] = by_mac_.equal_range(endpoint.mac);
    for (auto each = begin; each != end; ++each)
      if (each->second == key) {
        by_mac_.erase(each);
        break;
      }
  }
  containers_.erase(container);
}

bool PortBook::put(const ContainerFact& fact) {
  Container now;
  for (const EndpointFact& endpoint : fact.endpoints) {
    const auto network = networks_.find(endpoint.network);
    if (network == networks_.end() || endpoint.id.empty()) continue;
    now.endpoints[endpoint.id] = {network->second, parse_mac(endpoint.mac), endpoint.addresses, 0, {}};
  }
  const auto old = containers_.find(fact.key);
  if (old != containers_.end()) {
    for (auto& [id, endpoint] : now.endpoints)  // what is known of it stays known
      if (const auto before = old->second.endpoints.find(id);
          before != old->second.endpoints.end() && before->second.mac == endpoint.mac) {
        endpoint.port = before->second.port;
        endpoint.port_name = before->second.port_name;
      }
    erase(old);
  }
  if (now.endpoints.empty()) return false;
  bool unbound = false;
  now.name = fact.name;
  now.forked = fact.endpoints.size() > 1;
  for (const auto& [id, endpoint] : now.endpoints) {
    if (endpoint.mac) by_mac_.emplace(endpoint.mac, EndpointKey{fact.key, id});
    if (endpoint.port) bound_.insert({fact.key, id});
    unbound = unbound || (endpoint.mac && !endpoint.port);
  }
  containers_[fact.key] = std::move(now);
  return unbound;
}

bool PortBook::upsert(const ContainerFact& fact) {
  const std::lock_guard lock(mutex_);
  return put(fact);
}

void PortBook::remove(const ContainerKey& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = containers_.find(key); found != containers_.end()) erase(found);
}

bool PortBook::set_containers(const std::string& runtime, const std::vector<ContainerFact>& all) {
  const std::lock_guard lock(mutex_);
  std::set<ContainerKey> named;
  for (const ContainerFact& fact : all) named.insert(fact.key);
  for (auto each = containers_.begin(); each != containers_.end();) {
    const auto next = std::next(each);
    if (each->first.runtime == runtime && !named.contains(each->first)) erase(each);
    each = next;
  }
  bool unbound = false;
  for (const ContainerFact& fact : all) unbound = put(fact) || unbound;
  return unbound;
}

std::map<EndpointKey, Problem> PortBook::closed(const std::string& network,
                                                const std::vector<std::pair<Prefix, Problem>>& prefixes,
                                                std::map<Family, Problem>* none_left) const {
  std::map<EndpointKey, Problem> out;
  if (prefixes.empty()) return out;
  std::set<Family> open;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, container] : containers_)
    for (const auto& [id, endpoint] : container.endpoints) {
      if (endpoint.network != network) continue;
      for (const IpAddress& address : endpoint.addresses) {
        const auto found = std::find_if(prefixes.begin(), prefixes.end(),
                                        [&](const auto& each) { return each.first.contains(address); });
        if (found == prefixes.end()) {
          open.insert(address.is_v4() ? Family::V4 : Family::V6);
          continue;
        }
        Problem problem = found->second;
        problem.text = address.to_string() + " of " + container.name + ": " + problem.text;
        none_left->try_emplace(problem.family, problem);
        // One problem is told of each endpoint: closed in both families it is closed as a whole.
        const auto [at, fresh] = out.emplace(EndpointKey{key, id}, problem);
        if (!fresh && at->second.family != problem.family) at->second.family = Family::Both;
      }
    }
  std::erase_if(*none_left, [&](const auto& each) { return open.contains(each.first); });
  return out;
}

bool PortBook::claimed(Mac mac) const {
  const std::lock_guard lock(mutex_);
  return by_mac_.contains(mac);
}

std::vector<ForkedEndpoint> PortBook::forked() const {
  const std::lock_guard lock(mutex_);
  std::vector<ForkedEndpoint> out;
  for (const EndpointKey& key : bound_) {
    const Container& container = containers_.at(key.container);
    if (!container.forked) continue;
    const Endpoint& endpoint = container.endpoints.at(key.endpoint);
    for (const IpAddress& address : endpoint.addresses)
      if (address.is_v4()) out.push_back({key, container.name, endpoint.network, address, endpoint.port});
  }
  return out;
}

// Those that have no port yet, and those whose link is gone: a container that is connected anew. To a port that works: one
// that does not work yet is being set up, and a container that starts must not be withdrawn for it.
void PortBook::bind(const std::map<std::string, int>& bridges, const HostState& state,
                    const std::vector<BridgePort>& ports) {
  for (const BridgePort& port : ports) {
    if (port.peer == 0) continue;
    const HostLink* link = state.find(port.index);
    if (!link || !link->up || !link->carrier || !link->forwards) continue;
    const auto [begin, end] = by_mac_.equal_range(port.peer);
    for (auto each = begin; each != end; ++each) {
      Endpoint& endpoint = containers_.at(each->second.container).endpoints.at(each->second.endpoint);
      if (endpoint.port == port.index || (endpoint.port != 0 && state.find(endpoint.port))) continue;
      const auto bridge = bridges.find(endpoint.network);
      if (bridge == bridges.end() || bridge->second != link->master) continue;
      endpoint.port = port.index;
      endpoint.port_name = link->name;
      bound_.insert(each->second);
    }
  }
}

// Is there something wrong with it?
bool PortBook::judge(const EndpointKey& key, const std::string& name, const Endpoint& endpoint, const HostState& state,
                     int bridge, Problem* out) const {
  const std::string container = name.empty() ? key.container.id.substr(0, 12) : name;
  const HostLink* of = state.find(bridge);
  const std::string bridge_name = of ? of->name : endpoint.network;
  const HostLink* link = state.find(endpoint.port);
  const std::string& port = link ? link->name : endpoint.port_name;
  const std::string again = "docker restart " + container;
  const auto is = [&](std::string code, const std::string& what, std::string remedy) {
    *out = {std::move(code),
            container + "'s port " + port + what + ": nothing reaches " + first_address(endpoint.addresses),
            std::move(remedy)};
    return true;
  };
  if (!link) return is("port-gone", " on " + bridge_name + " is gone", again);
  if (link->master != bridge)
    return is("port-gone", " is no longer a port of " + bridge_name, "ip link set " + port + " master " + bridge_name);
  if (!link->up) return is("port-down", " on " + bridge_name + " is down", "ip link set " + port + " up");
  if (!link->carrier) return is("port-down", " on " + bridge_name + " is down at the container's end", again);
  if (!link->forwards)
    return is("port-down", " on " + bridge_name + " waits for the spanning tree",
              "ip link set " + bridge_name + " type bridge stp_state 0 && ip link set " + port +
                  " down && ip link set " + port + " up");
  return false;
}

std::map<EndpointKey, Problem> PortBook::look(const HostState& state, const std::map<std::string, int>& bridges,
                                              const std::vector<BridgePort>& ports) {
  const std::lock_guard lock(mutex_);
  bind(bridges, state, ports);
  std::map<EndpointKey, Problem> out;
  for (const EndpointKey& key : bound_) {
    const Container& container = containers_.at(key.container);
    const Endpoint& endpoint = container.endpoints.at(key.endpoint);
    const auto bridge = bridges.find(endpoint.network);
    if (bridge == bridges.end()) continue;  // told of the network itself
    Problem problem;
    if (judge(key, container.name, endpoint, state, bridge->second, &problem)) out[key] = std::move(problem);
  }
  return out;
}

}  // namespace berth
