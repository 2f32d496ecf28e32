// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets as classes: a Box holds every packet whose fields are each in a set. Pure values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "container_watcher/firewall/interval_set.h"

namespace berth::firewall {

// By what a rule can tell packets of a class apart. A box's field is a set of numbers: interfaces by their place in
// Interfaces, addresses, IP protocols, ports in host order, the type of an ICMP message, TCP's flags; and what the kernel
// keeps beside the packet: bits of ct state and ct status (nf_conntrack_common.h), the marks.
enum class Field : std::uint8_t {
  In,
  Out,
  Source,
  Destination,
  Protocol,
  SourcePort,
  DestinationPort,
  Icmp,
  Flags,
  State,
  Status,
  Mark,
  CtMark,
};
constexpr std::size_t kFields = 13;

constexpr Word kInvalid = 1, kEstablished = 2, kNew = 8, kUntracked = 64;  // NF_CT_STATE_BIT and its kin
constexpr Word kSnatStatus = 0x10, kDnatStatus = 0x20;                     // IPS_SRC_NAT, IPS_DST_NAT
constexpr Word kTcp = 6, kUdp = 17, kIcmp = 1, kIcmpV6 = 58;

struct Interface {
  std::string name;
  std::string kind = {};    // "bridge", "veth"; empty: a real device
  std::string master = {};  // the bridge that it is a port of
  unsigned group = 0;
  bool operator==(const Interface&) const = default;
};

// 0 is no interface, 1 one that is not among them, the others are `all` in order. A name that is not among them may be
// that one's: then kMaybe is in the set of its numbers.
struct Interfaces {
  static constexpr Word kNone = 0, kAny = 1, kFirst = 2, kMaybe = Word{1} << 127;
  std::vector<Interface> all;
  // net.bridge.bridge-nf-call-iptables and -ip6tables: what comes in by a bridge's port meets the prerouting of IP inside of the
  // bridge's own (br_netfilter), before its input hook.
  bool bridge_calls_v4 = false, bridge_calls_v6 = false;
  Word number(const std::string& name) const;  // kAny: it is not there
  IntervalSet numbers(const std::vector<std::string>& names) const;
  IntervalSet ports_of(const std::string& bridge) const;  // kAny: none is known
  const Interface* find(Word number) const;
  bool operator==(const Interfaces&) const = default;
};

struct Box {
  std::array<IntervalSet, kFields> fields;
  // It may be empty: it was cut by something that can't be judged.
  bool unsure = false;
  bool mark_unknown = false, ct_mark_unknown = false;
  // An earlier packet of the flow went past conntrack: what it makes of this one is not followed.
  bool half_tracked = false;
  int source_nat = -1;  // the number of the rule that changed its source; -1: none did
  int doubt = -1;       // and of that which made it unsure last
  const IntervalSet& operator[](Field field) const { return fields[static_cast<std::size_t>(field)]; }
  IntervalSet& operator[](Field field) { return fields[static_cast<std::size_t>(field)]; }
  bool operator==(const Box&) const = default;
};

// What of `from` is not in `what`, by the fields of the header alone, as boxes apart from each other.
std::vector<Box> minus(const Box& from, const Box& what);
bool overlap(const Box& a, const Box& b);
// As few boxes as can be had cheaply: equal ones are one, and those that differ in one field are joined.
void coalesce(std::vector<Box>* boxes);
// The same packets on their way back.
Box mirrored(const Box& box, bool v4);

// In what `part` is less than `whole`: "tcp port 22 from 10.0.0.0/8". Empty: in nothing that can be named.
std::string describe(const Box& part, const Box& whole, const Interfaces& interfaces, bool v4);

}  // namespace berth::firewall
