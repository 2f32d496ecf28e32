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

// The configuration, found by the names that the runtimes use.
class NetworkIndex {
 public:
  void set(const Config& config);
  const Config& config() const { return config_; }
  // Where two configured networks name one network of the runtime, the lower name has it. nullptr: not ours.
  const NetworkConfig* of(const EndpointFact& endpoint) const;
  std::set<std::string> attached(const ContainerFact& fact) const;  // names of the configured networks it is on

 private:
  Config config_;
  std::map<std::string, std::string> by_runtime_name_;
};

struct Evaluation {
  Contribution contribution;
  std::set<Refusal> refusals;
};

Evaluation evaluate(const NetworkIndex& networks, const std::set<IpAddress>& host_addresses, const ContainerFact& fact);

}  // namespace berth
