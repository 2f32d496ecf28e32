// SPDX-License-Identifier: GPL-2.0-or-later
//
// Policy over one container: its fact and the configuration become what it claims and what is refused to it. Pure; one
// thread, the daemon's. Costs O(its endpoints and labels).
#pragma once

#include <map>
#include <set>
#include <string>

#include "core/config.h"
#include "core/facts.h"
#include "redistribute/claims.h"
#include "redistribute/refusals.h"

namespace berth {

// The configuration, found by the names that the runtimes use and by the ids of the networks that were found under them.
class NetworkIndex {
 public:
  void set(const Config& config);
  const Config& config() const { return config_; }
  // Which network of a runtime this one is; false where that was known.
  bool set_key(const std::string& network, const NetworkKey& key);
  // nullptr: not ours. A network of the same name and another id is not, and none is before its id is known.
  const NetworkConfig* of(const ContainerFact& fact, const EndpointFact& endpoint) const;
  // By name alone. Where two configured networks name one network of a runtime, the lower name has it.
  const NetworkConfig* called(const ContainerFact& fact, const EndpointFact& endpoint) const;
  std::set<std::string> attached(const ContainerFact& fact) const;  // names of the configured networks it is on

 private:
  Config config_;
  std::map<NetworkName, std::string> by_runtime_name_;
  std::map<std::string, NetworkKey> keys_;  // by NetworkConfig::name
};

struct Evaluation {
  Contribution contribution;
  std::set<Refusal> refusals;
};

Evaluation evaluate(const NetworkIndex& networks, const std::set<IpAddress>& host_addresses, const ContainerFact& fact);

}  // namespace berth
