// SPDX-License-Identifier: GPL-2.0-or-later
//
// The Redistributor's inside, shared by redistributor.cpp (what changes), attachments.cpp (what hangs where) and explain.cpp
// (what is shown). Nobody else includes it. Pure; one thread, the daemon's.
//
//   facts -> Inventory -> evaluate() -> Claims -> Gates -> check() -> DeltaTracker of routes ------> actions
//   berthd.conf ---------------------------------------------------> DeltaTracker of attachments --^
//
// Each arrow carries only what changed; the work is counted ("evaluations" of endpoints, "checks" of RIB keys).
#pragma once

#include <map>
#include <set>
#include <string>

#include "core/attachment.h"
#include "core/delta_tracker.h"
#include "redistribute/claims.h"
#include "redistribute/elsewhere.h"
#include "redistribute/evaluation.h"
#include "redistribute/gates.h"
#include "redistribute/inventory.h"
#include "redistribute/redistributor.h"
#include "redistribute/refusals.h"

namespace berth {

// What zebra is to have, and the attachment that it points at.
struct Routed {
  RibObject object;
  AttachmentKey by;
  bool operator==(const Routed&) const = default;
};
inline AttachmentKey depends_on(const Routed& route) {
  return route.by;
}

// What zebra said of one object.
struct RouteAnswer {
  RibState state = RibState::Pending;
  SharedText reason;
};

struct Redistributor::Impl {
  class Explainer;  // explain.cpp

  // what was said
  NetworkIndex networks;
  bool configured = false;
  Inventory inventory;
  Gates gates;
  std::set<IpAddress> host_addresses;
  std::set<std::string> synced;  // runtimes
  // what follows from it
  struct Evaluated {
    Seniority seniority;  // as in `claims`
    SharedText name;
  };
  std::map<ContainerKey, Evaluated> evaluated;
  Claims claims;
  Refusals refusals;
  std::map<RibKey, std::set<ContainerKey>> refused_at;  // who is told that it does not get this key
  // what is to be done
  DeltaTracker<RibKey, Routed, RouteAnswer> routes;
  Elsewhere elsewhere;                            // what must be asked before it is announced
  std::map<RibKey, ContainerKey> told_elsewhere;  // who is told that another host has this
  DeltaTracker<AttachmentKey, AttachmentSpec> attachments{InFlight::One};
  std::map<SharedText, AttachmentSpec> looked;  // by network: what was there when it was looked at last
  std::map<ContainerKey, AttachmentKey> plugs;  // what berthd itself is to plug in
  std::set<ContainerKey> asking;                // to be plugged in: allowed or not
  // What is taken away before its container is plugged in again: it has room for one link. True: even where that is the same one.
  std::map<ContainerKey, std::map<AttachmentKey, bool>> leaving;
  std::map<AttachmentKey, Problem> plug_problems;
  bool zebra_up = false, sync_due = false;
  bool swept = false;        // zebra holds nothing of ours that this session did not name, but in `kept`
  std::vector<Prefix> kept;  // of the last EndOfSync of this session
  std::map<std::string, std::uint64_t> counters;

  const Problem* endpoint_problem(const Candidate& candidate) const;  // nullptr: its container's endpoint is well
  SharedText name_of(const ContainerKey& key) const;                  // as it was evaluated
  void evaluate_container(const ContainerKey& key);
  void evaluate_containers(const std::set<ContainerKey>& keys);
  void check(const RibKey& key);
  void check(const std::set<RibKey>& keys);
  void check_network(const SharedText& network);
  void tell_losers(const RibKey& key);
  void look_at_wish(const ContainerKey& key, const ContainerFact* fact, std::set<RibKey>& changed);
  void unplug(std::map<ContainerKey, AttachmentKey>::iterator plug, bool anew);
  static std::set<RibKey> routes_to(const ContainerFact& fact);
  std::optional<AttachmentKey> attachment_of(const Candidate& candidate) const;  // nothing: it is being taken away
  bool plugs_settled() const;                                                    // each was tried that can be
  bool may_announce(const Candidate& candidate);                                 // as far as other hosts are concerned
  void tell_elsewhere(const RibKey& key, const Candidate* candidate);
  AttachmentSpec spec_of(const NetworkConfig& network) const;
  Attachment attachment(const AttachmentKey& key) const;
  AttachmentState state_of(const AttachmentKey& key) const;
  bool listed(const NetworkConfig& network) const;            // its runtime has said who is on it
  bool everybody_listed(const NetworkConfig& network) const;  // and whoever else may know of one that is
  bool sync_ready() const;
  std::vector<Prefix> unknown_scope() const;
  bool looked_at(const AttachmentKey& key) const;  // as it is wanted now
  bool may_change(const AttachmentKey& key, const AttachmentSpec* wanted) const;
  bool attachment_due() const;
  bool explain_wish(const ContainerFact& fact, Explanation& out) const;
  RibState state_of(const RibKey& key) const;
  RouteView view(const Candidate& candidate) const;
  std::optional<RouteView> subnet_of(const NetworkConfig& network, const IpAddress& address) const;
};

}  // namespace berth
