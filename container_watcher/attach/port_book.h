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

#include "container_watcher/attach/host.h"
#include "container_watcher/netlink/host_state.h"
#include "core/config.h"
#include "core/facts.h"

namespace berth {

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
  Mac mac = 0;              // its own
  bool up = false, carrier = false;
  bool ours = false;  // a link of berthd's: nobody but containers of this host is behind it
  bool usable() const { return up && carrier; }
};

// An endpoint that is bound to its parent.
struct ParentEndpoint {
  EndpointKey key;
  std::string container, network;  // names
  Mac mac = 0;
  std::vector<IpAddress> addresses;
};

// An endpoint whose link was found.
struct BoundEndpoint {
  EndpointKey key;
  Mac mac = 0;
  int port = 0;  // or its parent
  bool on_parent = false;
  SharedText netns;  // where its runtime says it
  InnerEnd inner;    // as last seen
};

// An endpoint of one network, bound or not.
struct SegmentEndpoint {
  EndpointKey key;
  std::string container;  // its name
  Mac mac = 0;
  std::vector<IpAddress> addresses;
  int port = 0;               // 0: not bound
  bool started_here = false;  // berthd saw its container start, and has not found it running
  InnerEnd inner;             // as last seen
};

// One connection of a container that is on several networks.
struct Fork {
  Mac mac = 0;
  SharedText network;  // the runtime's name
  std::vector<IpAddress> addresses;
};

// A bound endpoint of such a container.
struct ForkedEndpoint {
  EndpointKey key;
  std::string container, network;  // names; the runtime's of the network
  Fork own;
  std::vector<Fork> all;  // of the container, ours or not
  int port = 0;           // or its parent
  bool on_parent = false;
  std::string netns;    // empty: not known
  bool by_cni = false;  // the network's runtime plugs nothing in
};

class PortBook {
 public:
  // The daemon's side. True: an endpoint is not bound yet.
  void set_networks(const std::map<std::string, NetworkConfig>& networks);  // settled: each says its runtime
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
  std::vector<ParentEndpoint> on_parents() const;
  bool knows(const EndpointKey& key) const;
  std::vector<BoundEndpoint> bound() const;
  std::vector<SegmentEndpoint> on_segment(const std::string& network) const;  // NetworkConfig::name
  void set_inner(const EndpointKey& key, InnerEnd inner);                     // of a bound one
  std::map<EndpointKey, HostPort> ports() const;                              // of bound ones

 private:
  struct Endpoint {
    SharedText container;  // its name
    SharedText network;    // NetworkConfig::name
    Mac mac = 0;
    std::vector<IpAddress> addresses;
    int port = 0;              // 0: not bound
    std::int64_t created = 0;  // of its container
    bool on_parent = false;    // its port is the parent that carries its MAC address
    SharedText port_name;      // as last seen
    SharedText host_link;      // its port, where berthd made one that is no bridge's
    SharedText netns;          // where its runtime says it
    InnerEnd inner;
  };
  using Endpoints = std::map<EndpointKey, Endpoint>;
  bool put(const ContainerFact& fact);
  Endpoints take(const ContainerKey& container);  // out of here
  void look_at_parents(const std::map<std::string, MacParent>& parents, std::map<EndpointKey, Problem>* out);
  std::set<EndpointKey> beyond_limits(const std::map<std::string, MacParent>& parents);
  bool all_listed(const std::map<std::string, MacParent>& parents) const;
  void bind_own_links(const HostState& state);
  void bind(const std::map<std::string, int>& bridges, const HostState& state, const std::vector<BridgePort>& ports);
  std::string again(const EndpointKey& key, const Endpoint& endpoint) const;  // what plugs it in anew
  bool judge(const EndpointKey& key, const Endpoint& endpoint, const HostState& state, int bridge, Problem* out) const;

  mutable std::mutex mutex_;
  std::map<NetworkName, SharedText> networks_;  // by what its runtime calls it
  std::set<SharedText> plugged_;                // NetworkConfig::name of those whose runtime plugs nothing in
  Endpoints endpoints_;
  // Of a parent with a limit: as many of its endpoints as have a place within it.
  struct Places {
    std::uint32_t limit = 0;
    std::size_t held = 0;
  };
  std::map<std::string, Places> places_;  // by the parent's name
  std::set<std::string> listed_;          // runtimes whose first full list came
  std::set<ContainerKey> found_running_;  // by that: berthd did not see them start
  std::unordered_multimap<Mac, EndpointKey> by_mac_;
  std::map<ContainerKey, std::vector<Fork>> forks_;  // of those on several networks, one of ours among them
  std::set<EndpointKey> bound_, own_links_;          // the latter: with a `host_link`
};

}  // namespace berth
