// SPDX-License-Identifier: GPL-2.0-or-later
//
// What holds routes back, and why: gates at the host (the operator's `withdraw`), at a network or one address family of it
// (what was found on this host), and at one endpoint. Pure; one thread, the daemon's. Owner: the Redistributor.
//
// Everything passes a gate that is not there, but a network that was never looked at: of that nothing is advertised.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/facts.h"

namespace berth {

// One that is closed.
struct Gate {
  std::string name;                // stable word, the name of a step of explain: "health", "endpoint"
  Family family = Family::Both;    // what of its subject it holds back
  std::string code, text, remedy;  // code: of the problem behind it; empty where there is none
  bool concerns(const Prefix& prefix) const { return berth::concerns(family, prefix); }
};

class Gates {
 public:
  bool withdraw(bool on);  // false: nothing changed
  bool withdrawn() const { return withdrawn_; }

  // What was found of a network, all of it. Returns whether other routes than before may pass.
  bool set_network(const std::string& network, const NetworkHealth& health);
  void forget_network(const std::string& network) { health_.erase(network); }
  const std::map<std::string, NetworkHealth>& networks() const { return health_; }
  const NetworkHealth* network(const SharedText& name) const;  // nullptr: never looked at

  // What stands against single endpoints, all of it. Returns the containers for which something is different.
  std::set<ContainerKey> set_endpoints(const std::map<EndpointKey, Problem>& problems);
  bool any_endpoint() const { return !endpoints_.empty(); }
  const std::map<EndpointKey, Problem>& endpoints() const { return endpoints_; }

  bool open(const SharedText& network, const Prefix& prefix) const;       // at the host and the network
  const Problem* at(const EndpointKey& endpoint, const Prefix& p) const;  // nullptr: it is open
  std::vector<Gate> closed(const SharedText& network) const;              // of host, network, families, in that order
  std::vector<Gate> closed(const EndpointKey& endpoint) const;
  std::vector<Gate> told(const EndpointKey& endpoint) const;  // what holds nothing back

 private:
  std::map<std::string, NetworkHealth> health_;
  std::map<EndpointKey, Problem> endpoints_;
  bool withdrawn_ = false;
};

}  // namespace berth
