// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the rules in force do to a flow: a set of packets that differ in what the flow leaves open (who is outside,
// which port). Walks base chains by hook and priority, through jumps, gotos, returns and policies, as nft(8) says.
//
// Certain only where it must be: a rule that hits some of the flow, or that can't be judged, never counts as an accept
// for the rest; as a drop it counts against (not judged) or is told (some packets). Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "container_watcher/attach/ruleset.h"
#include "core/ip.h"

namespace berth {

// How much of a flow a rule hits, or is still on its way; ordered.
enum class Extent {
  None,
  Some,     // some of what the flow leaves open: ports, outside addresses
  OurSome,  // some of the network's own addresses
  Unknown,  // can't be judged
  All,
};

enum class FlowState { New, Established };

// An interface by name, or, with an empty name, any that is not in `except`.
struct FlowInterface {
  std::string name;
  std::vector<std::string> except;
};

// The addresses of `prefix` without those of `except`. `ours`: the network's own.
struct FlowAddresses {
  Prefix prefix;
  std::vector<Prefix> except;
  bool ours = false;
};

struct Flow {
  FlowInterface in, out;
  FlowAddresses source, destination;
  std::string protocol;  // "tcp", "udp", "icmp", "ipv6-icmp"; empty: any
  std::optional<unsigned> source_port, destination_port;
  FlowState state = FlowState::New;
  bool is_v4() const { return source.prefix.is_v4(); }
};

struct Decision {
  std::string chain;   // "ip filter FORWARD"
  std::string rule;    // its text, or "policy drop"
  bool judged = true;  // false: what it does could not be told, and counts against
};

struct WalkResult {
  std::optional<Decision> drop;          // the first thing that takes the flow
  std::vector<Decision> partial;         // takes some packets of it
  std::vector<Decision> source_nat;      // changes the source of some or all
  std::vector<Decision> source_nat_all;  // of those: of all
  std::vector<Decision> redirected;      // DNAT of some or all
  std::vector<Decision> redirected_all;
};

// A packet's way through a forwarding host: prerouting, forward, postrouting. `past_drops`: as if nothing dropped.
WalkResult walk_forward(const Ruleset& rules, const Flow& flow, bool past_drops = false);

}  // namespace berth
