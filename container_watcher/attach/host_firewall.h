// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of bridge networks: forwarding on, our rules in DOCKER-USER, and what is in force read back.
// Blocks for some milliseconds (libnftables, one transaction): lives on HostAgent's worker thread, never on the way of a
// container's start. Failures become problems of the networks.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/host_state.h"
#include "container_watcher/attach/nat_check.h"
#include "core/facts.h"
#include "core/result.h"

namespace berth {

struct HostWish {
  std::map<std::string, NetworkSite> sites;  // by NetworkConfig::name
  std::set<std::string> keep;  // configured, or not yet withdrawn: their rules stay, with or without a site
  bool sweep = false;          // `keep` is complete: rules of ours for other networks go
};

struct SiteFinding {
  bool attached = false;
  RulesVerdict verdict;
};

struct Findings {
  std::map<std::string, SiteFinding> sites;
  bool changed_rules = false;
  bool read_rules = false;  // they were not those of the last look
};

class HostFirewall {
 public:
  HostFirewall();
  ~HostFirewall();
  // Rules and sysctls as they must be, then what is really in force.
  Findings look(const HostWish& wish, const HostState& state);

 private:
  struct Nft;
  bool may_change_rules();
  Status read_rules(Findings* out);
  std::vector<Problem> put_rules(const HostWish& wish, Findings* out);

  std::unique_ptr<Nft> nft_;
  Ruleset rules_;                                              // as last read
  std::optional<std::uint32_t> generation_;                    // the kernel's number of that state of the rules
  std::deque<std::chrono::steady_clock::time_point> changes_;  // lately; somebody may undo what we do
};

}  // namespace berth
