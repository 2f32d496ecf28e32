// SPDX-License-Identifier: GPL-2.0-or-later
//
// Judges a bridge network by the rules in force: is its traffic translated, and does it pass? Pure; any thread.
//
// A network is advertised only when it is certain that its sources stay and its packets pass (DESIGN), so what can't be
// judged is a problem that blocks. What concerns only some outside addresses, ports or interfaces is the operator's
// policy: told, and advertised all the same.
#pragma once

#include <string>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/attach/rule_walk.h"
#include "container_watcher/attach/ruleset.h"
#include "core/facts.h"
#include "core/ip.h"

namespace berth {

struct RulesVerdict {
  Nat nat = Nat::Off;
  std::vector<Problem> problems;
  bool passing_state = false;  // what blocks may be Docker in the middle of its work: look again before acting
};

// `uplinks`: interfaces that lead out of the host; none: any that is not `site`'s bridge.
RulesVerdict check_rules(const Ruleset& rules, const NetworkSite& site, const std::vector<NetworkSite>& others,
                         const std::vector<std::string>& uplinks);

}  // namespace berth
