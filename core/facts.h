// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the runtimes and the kernel say. Pure values; each is the whole state of its subject, never a change.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip.h"
#include "core/shared_text.h"

namespace berth {

// The id of an endpoint that berthd makes itself: a container has at most one.
inline constexpr const char* kPlug = "berth";
// ContainerFact::network_mode of one whose links somebody else made, and whose addresses are as its own kernel has them.
inline constexpr const char* kByCni = "cni";

// A container's connection to one network. It exists from the runtime's connect (before the application runs) until
// its disconnect; paused and restarting containers keep theirs as long as the runtime lists it.
struct EndpointFact {
  SharedText id;       // the runtime's endpoint id
  SharedText network;  // the runtime's network name
  SharedText network_id;
  SharedText mac;  // "02:42:…", may be empty
  std::vector<IpAddress> addresses;
  SharedText driver = {};      // the network's, in the runtime's word; for showing only
  SharedText inside = {};      // the link's name in the container, where the runtime says it: "eth0"
  SharedText of_runtime = {};  // whose network it is, where that is not the container's own runtime
  SharedText host_link = {};   // by which routes to it go out, where that is not the network's own interface
  bool plugged() const { return id.view() == kPlug; }  // by berthd itself
  bool operator==(const EndpointFact&) const = default;
};

struct ContainerKey {
  SharedText runtime;  // name of the runtime line in berthd.conf: "docker"
  SharedText id;       // full id
  auto operator<=>(const ContainerKey&) const = default;
};

struct ContainerFact {
  ContainerKey key;
  SharedText name;                            // without a leading slash
  SharedText state;                           // the runtime's word: "created", "running", "paused", …
  std::map<std::string, std::string> labels;  // hostile: an image may set them
  std::vector<EndpointFact> endpoints;        // presence means attached
  std::int64_t created =
      0;  // Unix seconds by the runtime's clock; 0: not known. Where two want one thing, the older has it
  SharedText network_mode =
      {};                 // "host", "none", "container:ID": it has no endpoint of its own; kByCni; else another word
  SharedText netns = {};  // where its network namespace is, where the runtime says it
  SharedText start = {};  // of one without a network: another text for each start, where `netns` does not say it
  bool operator==(const ContainerFact&) const = default;
};

// The container runs, with a network namespace of its own in which its runtime has put nothing.
bool is_bare(const ContainerFact& fact);
// It asks berthd itself to plug it into a network: into which, its label berth.network says.
bool asks_for_a_plug(const ContainerFact& fact);
// Another text for another network namespace of the same container, as far as its runtime says.
std::string incarnation_of(const ContainerFact& fact);

struct SubnetFact {
  Prefix subnet;
  std::optional<IpAddress> gateway;
  std::optional<Prefix> ip_range;
  std::map<std::string, IpAddress> reserved = {};  // that no container gets, by whose they are
  bool operator==(const SubnetFact&) const = default;
};

// What a network is called, and by whom: one of the same name in another runtime is another network.
struct NetworkName {
  SharedText runtime;
  SharedText name;
  auto operator<=>(const NetworkName&) const = default;
};

// Which network of which runtime: names say it not, since one Docker may have several networks of one name (an overlay of a
// swarm beside a bridge), and a network that is made anew has another id.
struct NetworkKey {
  SharedText runtime;
  SharedText id;  // empty: none is known
  auto operator<=>(const NetworkKey&) const = default;
};

// Whose network an endpoint of this container is on, and what it is called there.
inline NetworkName network_of(const ContainerFact& fact, const EndpointFact& endpoint) {
  return {endpoint.of_runtime.empty() ? fact.key.runtime : endpoint.of_runtime, endpoint.network};
}

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
  std::string created = {};  // when, in the runtime's own form; of two texts the lower is the older
  bool operator==(const NetworkFact&) const = default;
};

// Does the host change the source of a network's traffic? Some: of a part of it, which is told and not acted upon.
enum class Nat { Unknown, Off, On, Some };

// How much of a network's traffic the rules in force let through.
enum class Passing { Unknown, All, Some, None };

enum class Family { Both, V4, V6 };

inline std::string_view to_string(Family family) {
  return family == Family::V4 ? "IPv4" : family == Family::V6 ? "IPv6" : "both";
}

inline bool concerns(Family family, const Prefix& prefix) {
  return family == Family::Both || (family == Family::V4) == prefix.is_v4();
}

// Something wrong with a network or with one endpoint, with what to do about it. Codes are stable words: "nat-on",
// "firewall-drops".
struct Problem {
  std::string code;
  std::string text;
  std::string remedy;
  bool blocks = true;  // nothing of its subject, in its family, is advertised while it lasts
  Family family = Family::Both;
  bool waited_for = false;  // it would block, but may pass by itself: it counts when it lasts
  bool operator==(const Problem&) const = default;
  bool concerns(const Prefix& prefix) const { return berth::concerns(family, prefix); }
};

// One endpoint of one container. A restarted container has the same key and another endpoint id.
struct EndpointKey {
  ContainerKey container;
  SharedText endpoint;  // EndpointFact::id
  bool plugged() const { return endpoint.view() == kPlug; }
  auto operator<=>(const EndpointKey&) const = default;
};

// What the rules in force do to one address family of a network. What stands against it is among the problems.
struct FamilyHealth {
  bool known = false;  // the rules were judged
  Nat nat = Nat::Unknown;
  Passing in = Passing::Unknown, out = Passing::Unknown;  // from the fabric to the containers, and from them
  std::string rule, chain;  // what decided, where it is not that all is well: its text, "ip filter FORWARD"
  bool operator==(const FamilyHealth&) const = default;
};

// What berth found on the host for one configured network, from the rules and links in force.
struct NetworkHealth {
  bool attached = false;  // the network and its interface exist
  SharedText interface;
  Nat nat = Nat::Unknown;
  std::vector<Problem> problems;
  NetworkKey key = {};   // whose endpoints are this network's; without an id: nobody's
  bool unknown = false;  // the runtime fails to say what it is, or who is on it: what zebra holds of it is not swept
  FamilyHealth v4 = {}, v6 = {};  // where not known, `nat` is of both
  bool operator==(const NetworkHealth&) const = default;
  bool nat_holds_back(bool of_v4) const { return !(of_v4 ? v4 : v6).known && nat != Nat::Off; }
  // Nothing stands against this prefix of the network.
  bool advertisable(const Prefix& prefix) const {
    if (!attached || nat_holds_back(prefix.is_v4())) return false;
    for (const Problem& problem : problems)
      if (problem.blocks && problem.concerns(prefix)) return false;
    return true;
  }
  // The same for all that it has, in both families.
  bool advertisable() const {
    if (!attached || (!v4.known && !v6.known && nat != Nat::Off)) return false;
    for (const Problem& problem : problems)
      if (problem.blocks) return false;
    return true;
  }
};

}  // namespace berth
