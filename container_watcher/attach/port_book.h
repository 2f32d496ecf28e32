// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which port of which bridge is which container's, and is it still there? A runtime that is away says nothing of a
// container that dies; the kernel does: its port is gone.
//
// On a parent of macvlans it is the parent itself that carries the endpoint's MAC address, or no longer does.
//
// An endpoint is bound to a port when the port's other end has the endpoint's MAC address. One that was never bound is
// not judged: its port may not be made yet, or be of a kind that can't be read. A bound one is without a port when the
// link is gone and no other port of the bridge has its MAC.
//
// Threads: the endpoints come from the daemon's thread, the ports from the worker's; each call locks, and none asks the
// kernel. Costs: a change of a container O(its endpoints · log n); a look O(ports of the bridges + bound endpoints),
// nothing for those that are not bound.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "container_watcher/netlink/host_state.h"
#include "core/config.h"
#include "core/facts.h"

namespace berth {

Mac parse_mac(std::string_view text);  // "02:42:0a:…"; 0: it is none

// A port of a bridge that is wanted, with the MAC address of its other end.
struct BridgePort {
  int index = 0;
  Mac peer = 0;
};

// A link that carries the containers' MAC addresses beside its own: of a network without ports.
struct MacParent {
  int index = 0;
  std::string name;
  std::set<Mac> macs;       // that it carries, its own among them
  std::uint32_t limit = 0;  // of how many; 0: any number
};

// A bound endpoint of a container that is on several networks.
struct ForkedEndpoint {
  EndpointKey key;
  std::string container, network;  // names
  IpAddress address;               // IPv4
  int port = 0;
};

class PortBook {
 public:
  // The daemon's side. True: an endpoint is not bound yet.
  void set_networks(const std::map<std::string, NetworkConfig>& networks);
  bool set_containers(const std::string& runtime, const std::vector<ContainerFact>& all);
  bool upsert(const ContainerFact& fact);
  void remove(const ContainerKey& key);

  // The worker's side. `bridges`: of the networks that are wanted and whose bridge is up, by NetworkConfig::name; `parents`
  // likewise.
  std::map<EndpointKey, Problem> look(const HostState& state, const std::map<std::string, int>& bridges,
                                      const std::vector<BridgePort>& ports,
                                      const std::map<std::string, MacParent>& parents = {});
  // Those of a network of whose addresses one is in a prefix that nothing reaches. `none_left`: families of which that is
  // every endpoint that there is, with the problem.
  std::map<EndpointKey, Problem> closed(const std::string& network,
                                        const std::vector<std::pair<Prefix, Problem>>& prefixes,
                                        std::map<Family, Problem>* none_left) const;
  bool claimed(Mac mac) const;  // some endpoint has it
  std::vector<ForkedEndpoint> forked() const;

 private:
  struct Endpoint {
    SharedText container;  // its name
    SharedText network;    // NetworkConfig::name
    Mac mac = 0;
    std::vector<IpAddress> addresses;
    bool forked = false;       // its container is on several networks, ours or not
    int port = 0;              // 0: not bound
    std::int64_t created = 0;  // of its container
    bool on_parent = false;    // its port is the parent that carries its MAC address
    SharedText port_name;      // as last seen
  };
  using Endpoints = std::map<EndpointKey, Endpoint>;
  bool put(const ContainerFact& fact);
  Endpoints take(const ContainerKey& container);  // out of here
  void look_at_parents(const std::map<std::string, MacParent>& parents, std::map<EndpointKey, Problem>* out);
  std::set<EndpointKey> beyond_limits(const std::map<std::string, MacParent>& parents) const;
  void bind(const std::map<std::string, int>& bridges, const HostState& state, const std::vector<BridgePort>& ports);
  static bool judge(const EndpointKey& key, const Endpoint& endpoint, const HostState& state, int bridge, Problem* out);

  mutable std::mutex mutex_;
  std::map<SharedText, SharedText> networks_;  // by the runtime's name
  Endpoints endpoints_;
  std::unordered_multimap<Mac, EndpointKey> by_mac_;
  std::set<EndpointKey> bound_;
};

}  // namespace berth
