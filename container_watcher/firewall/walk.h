// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the rules in force do to a class of packets that this host forwards. The class, as boxes, goes through the base
// chains in the order in which the kernel asks them: the ingress of a device; prerouting and input of the bridge family
// where it comes in by a bridge's port; prerouting, forward and postrouting of IP; the egress of a device; output and
// postrouting of the bridge family. Each rule cuts a box into what it hits and what it leaves, so that at the end it is
// known of every packet of the class where it went. What a rule asks of a packet that the class leaves open and no field
// stands for (its length, the time of day) hits some and leaves some. What can't be judged makes both parts unsure.
//
// Pure; any thread. Bounded: gives up with `gave_up` where a ruleset would need more boxes or steps than a look may cost.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "container_watcher/firewall/packet.h"
#include "container_watcher/firewall/program.h"

namespace berth::firewall {

// The rule that decided, or, without one, a chain's policy.
struct Decision {
  const Chain* chain = nullptr;
  const Rule* rule = nullptr;
  std::string text() const { return rule ? rule->text : "policy drop"; }
  bool operator==(const Decision&) const = default;
};

struct Gone {
  Box box;
  std::size_t by = 0;  // in Passage::decisions
};

struct Passage {
  std::vector<Box> passed;  // a box's source_nat and doubt are places in `decisions`
  std::vector<Gone> dropped;
  std::vector<Gone> diverted;  // to another destination
  std::vector<Decision> decisions;
  bool gave_up = false;
};

// A rule that a packet met, and what became of it, for people.
struct TraceStep {
  std::string hook, chain, rule, outcome;
};

enum class FlowState { New, Established };

struct WalkOptions {
  FlowState state = FlowState::New;
  bool reply = false;       // of an established flow: the way back
  bool past_drops = false;  // as if nothing dropped
  std::vector<TraceStep>* trace = nullptr;
};

// `boxes`: in the direction that the packet goes, the marks of the packet are set anew. Appends to `out`.
void walk(const Program& program, std::vector<Box> boxes, const WalkOptions& options, Passage* out);

}  // namespace berth::firewall
