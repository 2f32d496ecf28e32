// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/port_book.h"

#include <algorithm>
#include <utility>

namespace berth {
namespace {

std::string first_address(const std::vector<IpAddress>& addresses) {
  return addresses.empty() ? std::string("it") : addresses.front().to_string();
}

bool runs(const ContainerFact& fact) {
  return fact.state.view() == "running" || fact.state.view() == "paused";
}

std::string name_of(const EndpointKey& key, const SharedText& container) {
  return container.empty() ? key.container.id.str().substr(0, 12) : container.str();
}

}  // namespace

void PortBook::set_networks(const std::map<std::string, NetworkConfig>& networks) {
  const std::lock_guard lock(mutex_);
  networks_.clear();
  plugged_.clear();
  for (const auto& [name, network] : networks) {
    networks_.emplace(NetworkName{network.runtime, network.runtime_network()}, name);
    if (network.plugged) plugged_.insert(name);
  }
}

PortBook::Endpoints PortBook::take(const ContainerKey& container) {
  Endpoints out;
  forks_.erase(container);
  for (auto each = endpoints_.lower_bound({container, {}});
       each != endpoints_.end() && each->first.container == container;) {
    const EndpointKey& key = each->first;
    bound_.erase(key);
    own_links_.erase(key);
    const auto [begin, end] = by_mac_.equal_range(each->second.mac);
    const auto named = std::find_if(begin, end, [&](const auto& one) { return one.second == key; });
    if (named != end) by_mac_.erase(named);
    out.insert(endpoints_.extract(each++));
  }
  return out;
}

bool PortBook::put(const ContainerFact& fact) {
  const Endpoints old = take(fact.key);
  bool unbound = false;
  for (const EndpointFact& each : fact.endpoints) {
    const auto network = networks_.find(network_of(fact, each));
    if (network == networks_.end() || each.id.empty()) continue;
    const EndpointKey key{fact.key, each.id};
    Endpoint endpoint;
    endpoint.container = fact.name;
    endpoint.network = network->second;
    endpoint.mac = parse_mac(each.mac);
    endpoint.addresses = each.addresses;
    endpoint.created = fact.created;
    endpoint.host_link = each.host_link;
    endpoint.netns = fact.netns;
    if (const auto before = old.find(key); before != old.end() && before->second.mac == endpoint.mac) {
      endpoint.port = before->second.port;
      endpoint.port_name = before->second.port_name;
      endpoint.on_parent = before->second.on_parent;
      if (before->second.netns == endpoint.netns) endpoint.inner = before->second.inner;
    }
    if (endpoint.mac) by_mac_.emplace(endpoint.mac, key);
    if (endpoint.port) bound_.insert(key);
    if (!endpoint.host_link.empty()) own_links_.insert(key);
    unbound = unbound || (endpoint.mac && !endpoint.port);
    endpoints_.insert_or_assign(key, std::move(endpoint));
    if (fact.endpoints.size() > 1) forks_.try_emplace(fact.key);
  }
  if (const auto forks = forks_.find(fact.key); forks != forks_.end())
    for (const EndpointFact& each : fact.endpoints)
      forks->second.push_back({parse_mac(each.mac), each.network, each.addresses});
  return unbound;
}

bool PortBook::upsert(const ContainerFact& fact) {
  const std::lock_guard lock(mutex_);
  if (!runs(fact)) found_running_.erase(fact.key);
  return put(fact);
}

void PortBook::remove(const ContainerKey& key) {
  const std::lock_guard lock(mutex_);
  found_running_.erase(key);
  take(key);
}

bool PortBook::set_containers(const std::string& runtime, const std::vector<ContainerFact>& all) {
  const std::lock_guard lock(mutex_);
  const bool first = listed_.insert(runtime).second;
  std::set<ContainerKey> running;
  for (const ContainerFact& fact : all)
    if (runs(fact) && (first || found_running_.contains(fact.key))) running.insert(fact.key);
  std::erase_if(found_running_, [&](const ContainerKey& each) { return each.runtime == runtime; });
  found_running_.merge(running);
  std::set<ContainerKey> gone;
  for (const auto& [key, endpoint] : endpoints_)
    if (key.container.runtime == runtime) gone.insert(key.container);
  for (const ContainerFact& fact : all) gone.erase(fact.key);
  for (const ContainerKey& key : gone) take(key);
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
  for (const auto& [key, endpoint] : endpoints_) {
    if (endpoint.network != network) continue;
    for (const IpAddress& address : endpoint.addresses) {
      const auto found = std::ranges::find_if(prefixes, [&](const auto& each) { return each.first.contains(address); });
      if (found == prefixes.end()) {
        open.insert(address.is_v4() ? Family::V4 : Family::V6);
        continue;
      }
      Problem problem = found->second;
      problem.text = address.to_string() + " of " + endpoint.container + ": " + problem.text;
      none_left->try_emplace(problem.family, problem);
      // One problem is told of each endpoint: closed in both families it is closed as a whole.
      const auto [at, fresh] = out.emplace(key, problem);
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
  for (const auto& [container, forks] : forks_)
    for (auto each = bound_.lower_bound({container, {}}); each != bound_.end() && each->container == container;
         ++each) {
      const Endpoint& endpoint = endpoints_.at(*each);
      const auto own = std::ranges::find(forks, endpoint.mac, &Fork::mac);
      if (own == forks.end() || endpoint.mac == 0) continue;
      out.push_back({*each, name_of(*each, endpoint.container), own->network, *own, forks, endpoint.port,
                     endpoint.on_parent, endpoint.netns.empty() ? endpoint.inner.netns : endpoint.netns,
                     plugged_.contains(endpoint.network)});
    }
  return out;
}

std::vector<ParentEndpoint> PortBook::on_parents() const {
  const std::lock_guard lock(mutex_);
  std::vector<ParentEndpoint> out;
  for (const EndpointKey& key : bound_)
    if (const Endpoint& endpoint = endpoints_.at(key); endpoint.on_parent)
      out.push_back({key, name_of(key, endpoint.container), endpoint.network, endpoint.mac, endpoint.addresses});
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
      Endpoint& endpoint = endpoints_.at(each->second);
      if (endpoint.port == port.index || (endpoint.port != 0 && state.find(endpoint.port))) continue;
      const auto bridge = bridges.find(endpoint.network);
      if (bridge == bridges.end() || bridge->second != link->master) continue;
      endpoint.port = port.index;
      endpoint.port_name = link->name;
      endpoint.inner = {};
      bound_.insert(each->second);
    }
  }
}

// Of no bridge: there is nothing to judge but whether they are there, which is done where they are made.
void PortBook::bind_own_links(const HostState& state) {
  for (const EndpointKey& key : own_links_) {
    Endpoint& endpoint = endpoints_.at(key);
    const HostLink* link = state.find(endpoint.host_link.str());
    const int port = link ? link->index : 0;
    if (std::exchange(endpoint.port, port) == port) continue;
    endpoint.port_name = endpoint.host_link;
    endpoint.inner = {};
    if (link)
      bound_.insert(key);
    else
      bound_.erase(key);
  }
}

std::string PortBook::again(const EndpointKey& key, const Endpoint& endpoint) const {
  if (key.plugged()) return "none: berthd plugs it in again";
  if (plugged_.contains(endpoint.network)) return "start it anew, so that CNI plugs it in";
  return "docker restart " + name_of(key, endpoint.container);
}

// Is there something wrong with it?
bool PortBook::judge(const EndpointKey& key, const Endpoint& endpoint, const HostState& state, int bridge,
                     Problem* out) const {
  const std::string container = name_of(key, endpoint.container);
  const HostLink* of = state.find(bridge);
  const std::string bridge_name = of ? of->name : endpoint.network.str();
  const HostLink* link = state.find(endpoint.port);
  const std::string port = link ? link->name : endpoint.port_name.str();
  const std::string anew = again(key, endpoint);
  const auto is = [&](std::string code, const std::string& what, std::string remedy) {
    *out = {std::move(code),
            container + "'s port " + port + what + ": nothing reaches " + first_address(endpoint.addresses),
            std::move(remedy)};
    return true;
  };
  if (!link) return is("port-gone", " on " + bridge_name + " is gone", anew);
  if (link->master != bridge)
    return is("port-gone", " is no longer a port of " + bridge_name, "ip link set " + port + " master " + bridge_name);
  if (!link->up) return is("port-down", " on " + bridge_name + " is down", "ip link set " + port + " up");
  if (!link->carrier) return is("port-down", " on " + bridge_name + " is down at the container's end", anew);
  if (!link->forwards)
    return is("port-down", " on " + bridge_name + " waits for the spanning tree",
              "ip link set " + bridge_name + " type bridge stp_state 0 && ip link set " + port +
                  " down && ip link set " + port + " up");
  return false;
}

// Of whom nothing is known yet is not taken for somebody else's.
bool PortBook::all_listed(const std::map<std::string, MacParent>& parents) const {
  return std::ranges::all_of(networks_, [&](const auto& each) {
    return !parents.contains(each.second.str()) || listed_.contains(each.first.runtime);
  });
}

// Of each parent: those of other hands are there, and of ours the older container has the place, as of an address. One of
// other hands that comes later takes no place from ours: its MAC address is on the wire whatever is advertised, and a
// container whose runtime has not told of it yet looks the same. With another limit than before all is decided anew. Of two
// limits on one parent the lower counts.
std::set<EndpointKey> PortBook::beyond_limits(const std::map<std::string, MacParent>& parents) {
  if (!all_listed(parents)) return {};
  std::map<std::string, MacParent> by_name;
  for (const auto& [network, parent] : parents) {
    MacParent& one = by_name.try_emplace(parent.name, parent).first->second;
    if (one.limit == 0 || (parent.limit != 0 && parent.limit < one.limit)) one.limit = parent.limit;
  }
  std::map<std::string, std::set<std::pair<std::int64_t, EndpointKey>>> ours;
  for (const auto& [key, endpoint] : endpoints_)
    if (const auto at = parents.find(endpoint.network); at != parents.end() && at->second.macs.contains(endpoint.mac))
      ours[at->second.name].insert({endpoint.created, key});
  std::set<EndpointKey> out;
  const std::map<std::string, Places> before = std::exchange(places_, {});
  for (const auto& [name, parent] : by_name) {
    if (parent.limit == 0) continue;
    const std::set<std::pair<std::int64_t, EndpointKey>>& seniors = ours[name];
    const std::size_t others = parent.macs.size() - std::min(parent.macs.size(), seniors.size());
    std::size_t places = parent.limit - std::min<std::size_t>(parent.limit, others);
    if (const auto had = before.find(name); had != before.end() && had->second.limit == parent.limit)
      places = std::max(places, had->second.held);
    places = std::min(places, seniors.size());
    for (auto each = std::next(seniors.begin(), static_cast<long>(places)); each != seniors.end(); ++each)
      out.insert(each->second);
    places_[name] = {parent.limit, places};
  }
  return out;
}

void PortBook::look_at_parents(const std::map<std::string, MacParent>& parents, std::map<EndpointKey, Problem>* out) {
  if (parents.empty()) return;
  const std::set<EndpointKey> beyond = beyond_limits(parents);
  for (auto& each : endpoints_) {
    const EndpointKey& key = each.first;
    Endpoint& endpoint = each.second;
    const auto found = parents.find(endpoint.network);
    if (found == parents.end() || endpoint.mac == 0) continue;
    const MacParent& parent = found->second;
    const auto is = [&](std::string code, const std::string& text, std::string remedy) {
      out->insert_or_assign(key, Problem{std::move(code), text, std::move(remedy)});
    };
    const std::string container = name_of(key, endpoint.container);
    if (parent.macs.contains(endpoint.mac)) {
      endpoint.port = parent.index;
      endpoint.on_parent = true;
      bound_.insert(key);
      if (beyond.contains(key))
        is("mac-limit", parent.name + " carries more MAC addresses than are allowed: " + container + " is one too many",
           "mac-limit N, in berthd.conf, if its switch learns so many; stop what is not needed");
    } else if (endpoint.port != 0) {
      is("port-gone",
         container + "'s macvlan on " + parent.name + " is gone: nothing reaches " + first_address(endpoint.addresses),
         again(key, endpoint));
    }
  }
}

std::map<EndpointKey, Problem> PortBook::look(const HostState& state, const std::map<std::string, int>& bridges,
                                              const std::vector<BridgePort>& ports,
                                              const std::map<std::string, MacParent>& parents) {
  const std::lock_guard lock(mutex_);
  bind(bridges, state, ports);
  bind_own_links(state);
  std::map<EndpointKey, Problem> out;
  look_at_parents(parents, &out);
  for (const EndpointKey& key : bound_) {
    const Endpoint& endpoint = endpoints_.at(key);
    const auto bridge = bridges.find(endpoint.network);
    if (bridge == bridges.end()) continue;  // told of the network itself, or on a parent
    Problem problem;
    if (judge(key, endpoint, state, bridge->second, &problem)) out[key] = std::move(problem);
  }
  return out;
}

std::vector<BoundEndpoint> PortBook::bound() const {
  std::vector<BoundEndpoint> out;
  const std::lock_guard lock(mutex_);
  out.reserve(bound_.size());
  for (const EndpointKey& key : bound_) {
    const Endpoint& endpoint = endpoints_.at(key);
    out.push_back({key, endpoint.mac, endpoint.port, endpoint.on_parent, endpoint.netns, endpoint.inner});
  }
  return out;
}

bool PortBook::knows(const EndpointKey& key) const {
  const std::lock_guard lock(mutex_);
  return endpoints_.contains(key);
}

std::vector<SegmentEndpoint> PortBook::on_segment(const std::string& network) const {
  std::vector<SegmentEndpoint> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, endpoint] : endpoints_)
    if (endpoint.network == network && !endpoint.on_parent)
      out.push_back({key, name_of(key, endpoint.container), endpoint.mac, endpoint.addresses, endpoint.port,
                     !found_running_.contains(key.container), endpoint.inner});
  return out;
}

void PortBook::set_inner(const EndpointKey& key, InnerEnd inner) {
  const std::lock_guard lock(mutex_);
  if (bound_.contains(key)) endpoints_.at(key).inner = std::move(inner);
}

std::map<EndpointKey, HostPort> PortBook::ports() const {
  std::map<EndpointKey, HostPort> out;
  const std::lock_guard lock(mutex_);
  for (const EndpointKey& key : bound_) {
    const Endpoint& endpoint = endpoints_.at(key);
    out.emplace(key, HostPort{endpoint.on_parent ? 0 : endpoint.port, endpoint.port_name, endpoint.inner});
  }
  return out;
}

}  // namespace berth
