// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of a bridge network: forwarding on, our accept rules in DOCKER-USER (comment "berth:NAME"), and what is
// in force read back. Blocks for some milliseconds (libnftables): never on the way of a container's start.
// Thread: one. Owner: the daemon. Failures become problems of the network.
#pragma once

#include <memory>
#include <vector>

#include "core/config.h"
#include "core/facts.h"

namespace berth {

class HostFirewall {
 public:
  HostFirewall();
  ~HostFirewall();
  // Rules and sysctls as they must be, then what is really in force.
  NetworkHealth ensure(const NetworkConfig& config, const NetworkFact& fact, std::vector<Problem> problems);

 private:
  struct Nft;
  std::unique_ptr<Nft> nft_;
};

}  // namespace berth
