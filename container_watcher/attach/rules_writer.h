// SPDX-License-Identifier: GPL-2.0-or-later
//
// Puts our rules into Docker's chains as they should be (firewall/docker_user.h, firewall/docker_raw.h). Blocks for some milliseconds (libnftables, one
// transaction): on the worker's thread, never on the way of a container's start.
//
// Rules that nft refuses: each network gets a transaction of its own, and the refused one is told; it is tried again with every
// look, within limits.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/budget.h"
#include "container_watcher/attach/host_plan.h"
#include "container_watcher/firewall/nft.h"
#include "container_watcher/firewall/rules_reader.h"

namespace berth {

class RulesWriter {
 public:
  // `reader`: as it has read them it finds them; reads again what was changed.
  RulesWriter(firewall::Nft& nft, firewall::RulesReader& reader) : nft_(nft), reader_(reader) {}

  struct Outcome {
    bool changed = false;
    bool undone = false;                         // somebody takes them out again and again: this time they were not put
    std::map<std::string, std::string> refused;  // networks whose rules nft refuses, with why
  };
  Outcome apply(const HostPlan& plan);

 private:
  Status put(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep, Budget* budget, Outcome* out);
  void put_singly(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep, Outcome* out);

  firewall::Nft& nft_;
  firewall::RulesReader& reader_;
  std::map<std::string, std::string> refused_;  // so far
  Budget changes_{20, std::chrono::seconds(10)}, retries_{20, std::chrono::seconds(10)};
};

}  // namespace berth
