// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the runtimes and the kernel say. Pure values; each is the whole state of its subject, never a change.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/ip.h"

namespace berth {

// A container's connection to one network. It exists from the runtime's connect (before the application runs) until
// its disconnect; paused and restarting containers keep theirs as long as the runtime lists it.
struct EndpointFact {
  std::string id;       // the runtime's endpoint id
  std::string network;  // the runtime's network name
  std::string network_id;
  std::string mac;  // "02:42:…", may be empty
  std::vector<IpAddress> addresses;
  bool operator==(const EndpointFact&) const = default;
};

struct ContainerKey {
  std::string runtime;  // name of the runtime line in berthd.conf: "docker"
  std::string id;       // full id
  auto operator<=>(const ContainerKey&) const = default;
};

struct ContainerFact {
  ContainerKey key;
  std::string name;   // without a leading slash
  std::string state;  // the runtime's word: "created", "running", "paused", … for showing only
  std::map<std::string, std::string> labels;  // hostile: an image may set them
  std::vector<EndpointFact> endpoints;        // presence means attached
  std::int64_t created =
      0;  // Unix seconds by the runtime's clock; 0: not known. Where two want one thing, the older has it
  bool operator==(const ContainerFact&) const = default;
};

struct SubnetFact {
  Prefix subnet;
  std::optional<IpAddress> gateway;
  std::optional<Prefix> ip_range;
  bool operator==(const SubnetFact&) const = default;
};

// A network as the runtime has it.
struct NetworkFact {
  std::string runtime;
  std::string id;
  std::string name;
  std::string driver;
  std::string interface;  // the bridge's name on the host; empty where the driver has none
  std::vector<SubnetFact> subnets;
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
  bool internal = false;
  bool operator==(const NetworkFact&) const = default;
};

enum class Nat { Unknown, Off, On };

// Something wrong with a network, with what to do about it. Codes are stable words: "nat-on", "firewall-drops".
struct Problem {
  std::string code;
  std::string text;
  std::string remedy;
  bool blocks = true;  // nothing of this network is advertised while it lasts
  bool operator==(const Problem&) const = default;
};

// What berth found on the host for one configured network, from the rules and links in force.
struct NetworkHealth {
  bool attached = false;  // the network and its interface exist
  std::string interface;
  Nat nat = Nat::Unknown;
  std::vector<Problem> problems;
  bool operator==(const NetworkHealth&) const = default;
  bool advertisable() const {
    if (!attached || nat != Nat::Off) return false;
    for (const Problem& problem : problems)
      if (problem.blocks) return false;
    return true;
  }
};

}  // namespace berth
