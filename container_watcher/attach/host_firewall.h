// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of bridge networks: what is ours to set (HostRepair), our rules in DOCKER-USER, and what is in force read
// back and judged, links and rules. Blocks for some milliseconds (libnftables, one transaction): lives on HostAgent's worker
// thread, never on the way of a container's start. Failures become problems of the networks that they concern.
//
// Rules that can't be read: those of the last time are judged, told after some failures. Rules that nft refuses: each
// network gets a transaction of its own, and the refused one the problem; it is tried again with every look, within limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/attach/budget.h"
#include "container_watcher/attach/host_repair.h"
#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/verdict.h"
#include "container_watcher/netlink/host_state.h"
#include "core/facts.h"
#include "core/result.h"

namespace berth {

struct HostWish {
  std::map<std::string, NetworkSite> sites;  // by NetworkConfig::name
  std::set<std::string> keep;       // configured, or not yet withdrawn: their rules stay, with or without a site
  bool sweep = false;               // `keep` is complete: rules of ours for other networks go
  std::vector<Prefix> fabric = {};  // Config::fabric
  bool v4 = false, v6 = false;  // configured, whether the runtime has it or not: forwarding is on before it asks for it
};

struct SiteFinding {
  bool attached = false;
  bool up = false;  // so is its bridge
  std::string interface;
  firewall::RulesVerdict verdict;
};

// What verdicts were made of; never changed.
struct JudgedRules {
  std::shared_ptr<const firewall::Ruleset> rules;
  std::vector<NetworkSite> sites;
  firewall::Surroundings around;
};

struct Findings {
  std::map<std::string, SiteFinding> sites;
  bool changed_rules = false;
  bool read_rules = false;                    // they were not those of the last look
  bool others_changed = false;                // another hand changed them since the last look
  unsigned failures = 0;                      // in a row, of reading the rules
  std::shared_ptr<const JudgedRules> judged;  // null: the rules were never read
  bool again = false;                         // something is waited for: look again within a second
};

class HostFirewall {
 public:
  HostFirewall();
  ~HostFirewall();
  // Rules, addresses and sysctls as they must be, then what is really in force.
  Findings look(const HostWish& wish, const HostState& state);

 private:
  struct Nft;
  using Problems = std::map<std::string, std::vector<Problem>>;  // by network; "": of all
  Status read_rules(Findings* out);
  void read_and_put_rules(const HostWish& wish, const std::vector<NetworkSite>& sites, Findings* out,
                          Problems* problems);
  void put_back(const std::vector<NetworkSite>& sites, const std::vector<MissingAddress>& missing, Findings* out);
  void put_rules(const HostWish& wish, const std::vector<NetworkSite>& sites, Findings* out, Problems* problems);
  Status put_rules_of(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep, Budget* budget,
                      Findings* out);
  void put_rules_singly(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep, Findings* out,
                        Problems* problems);
  void learn_gateways(const HostState& state, std::vector<NetworkSite>* sites);
  void judge_rules(const std::vector<NetworkSite>& sites, firewall::Surroundings around);

  std::unique_ptr<Nft> nft_;
  HostRepair repair_;
  std::shared_ptr<const firewall::Ruleset> rules_ = std::make_shared<firewall::Ruleset>();  // as last read
  bool known_ = false;                                                                      // they were ever read
  unsigned failures_ = 0;                                                                   // in a row, of reading them
  std::optional<std::uint32_t> generation_;     // the kernel's number of that state of the rules
  std::map<std::string, std::string> refused_;  // networks whose rules nft refuses, with why
  Budget changes_{20, std::chrono::seconds(10)}, retries_{20, std::chrono::seconds(10)};
  std::shared_ptr<const JudgedRules> judged_;                     // null: not of the rules as last read
  std::map<std::string, firewall::RulesVerdict> verdicts_;        // of these
  std::map<std::pair<std::string, Prefix>, IpAddress> gateways_;  // of bridges whose gateway nobody says
};

}  // namespace berth
