// SPDX-License-Identifier: GPL-2.0-or-later
//
// Judges bridge networks by the rules in force: does what goes between the fabric and their containers pass, and does it
// keep its addresses? Pure; any thread.
//
// For each network and family there are classes of packets: from the fabric to the containers, new connections with what
// answers them; from the containers to the fabric; to the containers of the other networks of this host. The fabric is
// the addresses of the `fabric` lines, reached by the links that its routes really use. Law 9 says what follows: where
// all of a class is dropped on its way in, or has its source changed, that family of that network is withheld. What
// concerns a part of it is told. A drop that can't be judged is told too; a NAT that can't be judged withholds, since who
// advertises an address says that it is to be seen, unless the network says `nat-check lenient`.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/packet.h"
#include "container_watcher/firewall/ruleset.h"
#include "container_watcher/firewall/walk.h"
#include "core/facts.h"
#include "core/ip.h"

namespace berth::firewall {

// What of the host a verdict depends on, beside its rules.
struct Surroundings {
  Interfaces interfaces;
  std::vector<std::string> uplinks_v4, uplinks_v6;  // by which the fabric is routed; none: not known, any that comes
  std::vector<Prefix> fabric;                       // of a family that has none: everything
  std::set<IpAddress> host_addresses;
  std::vector<Prefix> own;  // networks that lie on this host itself: docker0's, podman's
  bool operator==(const Surroundings&) const = default;
};

struct RulesVerdict {
  Nat nat = Nat::Off;  // of both families together
  FamilyHealth v4, v6;
  std::vector<Problem> problems;
  // Addresses of single containers that nothing reaches, or that are hidden by NAT, with why; not where it is all of them.
  std::vector<std::pair<Prefix, Problem>> closed;
  bool passing_state = false;  // what blocks may be Docker in the middle of its work: look again before acting
};

// By NetworkSite::name.
std::map<std::string, RulesVerdict> judge(const Ruleset& rules, const std::vector<NetworkSite>& sites,
                                          const Surroundings& around);

// What a container opens itself: by which link of the host it comes, and with which source.
struct Leaving {
  std::string link;
  IpAddress source;
  bool operator==(const Leaving&) const = default;
};

// What the rules do to the source of each of them on its way to the fabric. Off: it is kept, or nothing passes.
std::vector<Nat> sources_of(const Ruleset& rules, const std::vector<Leaving>& leaving, const Surroundings& around);

// One packet, as an operator asks for it: from where to where.
struct TracedPacket {
  IpAddress source, destination;
  std::string protocol = "icmp";  // "tcp", "udp", "icmp"
  unsigned port = 0;
};

// Each rule that it met, and what became of it, and of the answer to it.
struct Trace {
  std::string in, out;  // the links that it takes
  std::vector<TraceStep> steps;
  std::string verdict;
};
Trace trace(const Ruleset& rules, const std::vector<NetworkSite>& sites, const Surroundings& around,
            const TracedPacket& packet);

}  // namespace berth::firewall
