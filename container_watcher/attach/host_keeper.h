// SPDX-License-Identifier: GPL-2.0-or-later
//
// One round of this host's side of the networks: observe the host and its rules, plan what is missing (host_plan.h), carry it
// out (repair.h, rules_writer.h), and judge what is in force. Each step stands for itself; only apply() changes anything.
// Blocks for some milliseconds: lives on HostAgent's worker thread. Failures become problems of the networks that they
// concern.
//
// What can't be read: that of the last time is judged, told after some failures.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/attach/driver.h"
#include "container_watcher/attach/host.h"
#include "container_watcher/attach/host_plan.h"
#include "container_watcher/attach/network_site.h"
#include "container_watcher/attach/repair.h"
#include "container_watcher/attach/rules_writer.h"
#include "container_watcher/firewall/nft.h"
#include "container_watcher/firewall/rules_reader.h"
#include "container_watcher/firewall/verdict.h"
#include "container_watcher/netlink/executor.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/observer.h"
#include "core/facts.h"
#include "core/result.h"

namespace berth {

inline constexpr unsigned kFailuresToTell = 4;  // in a row, of reading the links or the rules

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
  std::map<std::string, GroundReport> grounds;  // of the configured networks that need any
  bool changed_rules = false;
  bool read_rules = false;                    // they were not those of the last look
  bool others_changed = false;                // another hand changed them since the last look
  unsigned failures = 0;                      // in a row, of reading the rules
  std::shared_ptr<const JudgedRules> judged;  // null: the rules were never read
  bool again = false;                         // something is waited for: look again within a second
};

class HostKeeper {
 public:
  HostKeeper(Observer& observer, Executor& executor, DriverLookup drivers)
      : observer_(observer), repair_(executor), drivers_(std::move(drivers)) {}

  // A failure to read the host leaves what was seen before; the rules are read all the same.
  Status observe(const WantedHost& wanted);
  bool seen() const { return seen_; }  // the host was ever read
  const HostState& state() const { return state_; }
  HostPlan plan(const WantedHost& wanted);
  // True: the host is not as it was observed any more. Rules that were changed are read again at once.
  bool apply(const HostPlan& plan);
  Status observe_again(const WantedHost& wanted) { return read_host(wanted); }
  // What was found in this round.
  Findings judge(const WantedHost& wanted);
  // By the rules that were judged last; where none ever were, none is changed.
  std::vector<Nat> sources_of(const std::vector<firewall::Leaving>& leaving);

 private:
  struct Rules {  // how it went with them in this round
    Status readable;
    bool fresh = false;  // others than at the last look
    RulesWriter::Outcome written;
  };
  Status read_host(const WantedHost& wanted);
  void read_proxies(const WantedHost& wanted);
  void learn_gateways(std::vector<NetworkSite>* sites);
  void judge_rules(firewall::Surroundings around);
  std::map<std::string, GroundReport> grounds_of(const WantedHost& wanted);
  std::vector<Problem> common_problems() const;
  std::vector<Problem> problems_of(const NetworkSite& site) const;

  Observer& observer_;
  Repair repair_;
  const DriverLookup drivers_;
  firewall::Nft nft_;
  firewall::RulesReader reader_{nft_};
  RulesWriter writer_{nft_, reader_};

  HostState state_;
  bool seen_ = false;
  bool current_ = false;     // the state is of this round
  bool no_proxies_ = false;  // none of ours was there when no network was spread
  Result<std::vector<std::string>> forgetful_ = std::vector<std::string>();
  std::vector<std::string> legacy_;  // tables of iptables-legacy
  std::vector<NetworkSite> sites_;   // that are wanted, with the gateways that the host knows of
  Repair::Outcome repaired_;
  Rules rules_;
  unsigned failures_ = 0;                      // in a row, of reading the rules
  std::shared_ptr<const JudgedRules> judged_;  // null: the rules were never read
  struct Sources {
    std::shared_ptr<const JudgedRules> by;
    std::vector<firewall::Leaving> leaving;
    std::vector<Nat> nats;
  } sources_;                                               // as they were asked for last
  std::set<std::string> linkless_;                          // networks for which a link is to be made in this round
  std::map<std::string, unsigned> made_;                    // by network
  std::map<std::string, firewall::RulesVerdict> verdicts_;  // of these
  std::map<std::pair<std::string, Prefix>, IpAddress> gateways_;  // of bridges whose gateway nobody says
};

}  // namespace berth
