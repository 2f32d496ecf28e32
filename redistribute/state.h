// SPDX-License-Identifier: GPL-2.0-or-later
//
// The Redistributor's inside, shared by redistributor.cpp (what changes) and explain.cpp (what is shown). Nobody else
// includes it. Pure; one thread, the daemon's.
//
//   facts -> Inventory -> evaluate() -> Claims -> check() -> DeltaTracker -> steps
//
// Each arrow carries only what changed; the work is counted ("evaluations" of endpoints, "checks" of RIB keys).
#pragma once

#include <map>
#include <set>
#include <string>

#include "redistribute/claims.h"
#include "redistribute/delta_tracker.h"
#include "redistribute/evaluation.h"
#include "redistribute/inventory.h"
#include "redistribute/redistributor.h"
#include "redistribute/refusals.h"

namespace berth {

struct Redistributor::Impl {
  class Explainer;  // explain.cpp

  // what was said
  NetworkIndex networks;
  bool configured = false;
  Inventory inventory;
  std::map<std::string, NetworkHealth> health;
  std::map<EndpointKey, Problem> endpoint_problems;
  std::set<IpAddress> host_addresses;
  std::set<std::string> synced;  // runtimes
  bool withdrawn = false;
  // what follows from it
  struct Evaluated {
    std::int64_t created = 0;  // as its rank in `claims`
    SharedText name;
  };
  std::map<ContainerKey, Evaluated> evaluated;
  Claims claims;
  Refusals refusals;
  std::map<RibKey, std::set<ContainerKey>> refused_at;  // who is told that it does not get this key
  // what is to be done
  DeltaTracker tracker;
  std::set<std::string> attach_due;
  std::map<std::string, std::vector<Prefix>> detach_due;  // with where its routes lay
  std::set<std::string> attaching;  // Attach was, or will be, said; the new health has not come yet
  bool zebra_up = false, sync_due = false;
  bool swept = false;        // zebra holds nothing of ours that this session did not name, but in `kept`
  std::vector<Prefix> kept;  // of the last EndOfSync of this session
  std::map<std::string, std::uint64_t> counters;

  bool may_advertise(const SharedText& network, const Prefix& prefix) const;
  const Problem* network_problem(const SharedText& network, const Prefix& prefix) const;  // nullptr: none that blocks
  const Problem* endpoint_problem(const Wish& wish) const;  // nullptr: its container's endpoint is well
  SharedText name_of(const ContainerKey& key) const;        // as it was evaluated
  void evaluate_container(const ContainerKey& key);
  void evaluate_containers(const std::set<ContainerKey>& keys);
  void check(const RibKey& key);
  void check(const std::set<RibKey>& keys);
  void check_network(const SharedText& network);
  void tell_losers(const RibKey& key);
  bool sources_in_sync() const;
  bool sync_ready() const;
  std::vector<Prefix> unknown_scope() const;
  bool detachable(const std::string& network, const std::vector<Prefix>& scope) const;
  RouteView view(const Wish& wish) const;
  std::optional<RouteView> subnet_of(const NetworkConfig& network, const IpAddress& address) const;
};

}  // namespace berth
