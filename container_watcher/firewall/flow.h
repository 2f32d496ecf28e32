// SPDX-License-Identifier: GPL-2.0-or-later
//
// One class of packets and what becomes of it. Private to firewall/: see verdict.h for the promise. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/verdict.h"
#include "container_watcher/firewall/walk.h"

namespace berth::firewall {

struct FlowVerdict {
  Passing passed = Passing::All;
  Passing source_kept = Passing::All, destination_kept = Passing::All;
  bool no_transport = false;                       // neither TCP nor UDP passes, whatever else does
  std::optional<Decision> drop, nat, redirect;     // what decided most of it
  std::optional<Decision> drop_doubt, nat_doubt;   // where that is unsure: the rule that can't be judged
  std::vector<Decision> drops;                     // all of them
  std::string drop_part, nat_part, redirect_part;  // of what, where it is not all
  IntervalSet closed, natted;                      // addresses of the containers, wholly
};

// Which end of a class the containers are.
enum class End { Source, Destination };

class Flows {
 public:
  // What the program asks of the host's own addresses is put into it.
  Flows(Program& program, const std::vector<NetworkSite>& sites, const Surroundings& around);
  IntervalSet containers_of(const NetworkSite& site, const Prefix& subnet) const;
  FlowVerdict in(const NetworkSite& site, const Prefix& subnet) const;
  FlowVerdict out(const NetworkSite& site, const Prefix& subnet) const;
  // To all other networks at once, whichever bridge with whichever subnet: where all of it passes, each of them is reached.
  FlowVerdict to_others(const NetworkSite& from, const Prefix& subnet, const std::vector<NetworkSite>& sites) const;
  FlowVerdict between(const NetworkSite& from, const Prefix& subnet, const NetworkSite& to, const Prefix& theirs) const;

 private:
  Box box(const IntervalSet& in, const IntervalSet& out, const IntervalSet& from, const IntervalSet& to) const;
  FlowVerdict judged(const Box& of, End containers) const;
  IntervalSet uplinks(const NetworkSite& site) const;

  const Program& program_;
  const Surroundings& around_;
  IntervalSet fabric_;
  IntervalSet host_;
};

// The first packet of a connection, a datagram, a ping: whatever the protocol, what a rule may ask of its header.
Box first_packet(const Box& of, bool v4);
// New connections, then what answers them, then what follows. `passed` is of those that all three let through.
Passage walk_flow(const Program& program, const Box& of, bool past_drops, std::vector<TraceStep>* trace);

}  // namespace berth::firewall
