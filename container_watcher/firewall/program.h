// SPDX-License-Identifier: GPL-2.0-or-later
//
// A ruleset as one address family of one host meets it: words have become sets of numbers. Made once for each state of
// the rules and of the links, walked many times (walk.h). Pure; any thread.
//
// What a key means for the packets of a class, and what can't be known, is decided here (program_keys.cpp), by nft(8) and
// the kernel's nft_meta.c, nft_ct.c, nft_fib.c, nft_exthdr.c. A key that the kernel can't load for such a packet (the
// socket of a forwarded packet, a header that it lacks) ends the rule, negated or not.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/firewall/packet.h"
#include "container_watcher/firewall/ruleset.h"

namespace berth::firewall {

// What of a packet one part of a key asks.
struct Part {
  enum class Kind {
    Field,    // `field`
    Always,   // the same for all packets of every class: 1
    Varies,   // differs from packet to packet in what a class leaves open
    Unknown,  // can't be known
  };
  Kind kind = Kind::Unknown;
  Field field = Field::In;
  bool original = false;                                  // of a reply it is the other end's: ct original
  bool routed = false;                                    // what the routing table says of the destination: fib daddr
  std::vector<std::pair<char, std::uint32_t>> mask = {};  // of a mark, carried out on the value
};

struct Op {
  enum class Kind {
    Test,    // is the one part in `set`?
    Lookup,  // is there an entry for the parts?
    Never,
    Varies,
    Unknown,
    Connected,  // conntrack knows its flow: of any other packet the kernel loads no ct key but the state
    Ports,      // th dport: of what has no ports it reads something else
    SetMark,
    SetCtMark,
    Notrack,
    SourceNat,
    DestinationNat,
    Queue,
    Accept,
    Drop,
    Return,
    Jump,
    Goto,
  };
  struct Entry {
    std::vector<IntervalSet> sets;  // one for each part
    Kind verdict = Kind::Never;     // of a vmap
    int chain = -1;
    std::optional<std::uint32_t> value = {};  // of a map
  };
  Kind kind = Kind::Unknown;
  std::vector<Part> parts = {};
  IntervalSet set = {};
  bool negated = false;
  std::shared_ptr<const std::vector<Entry>> entries = {};
  int chain = -1;  // of Jump and Goto: its place in Program::chains; -1: there is none
  // SetMark, SetCtMark: the value that is begun with, then the mask. Unknown: neither.
  enum class From { Number, Mark, CtMark, Unknown, Map } from = From::Unknown;
  std::uint32_t number = 0;
  std::vector<std::pair<char, std::uint32_t>> mask = {};
};

struct CompiledRule {
  const Rule* rule = nullptr;
  std::vector<Op> ops;
  bool inert = false;  // nothing comes of it
};

struct CompiledChain {
  const Chain* chain = nullptr;
  std::vector<CompiledRule> rules;
};

struct Program {
  bool v4 = true;
  Interfaces interfaces;
  IntervalSet host;                   // the host's own addresses, one of which a changed source is; empty: not known
  bool translates = false;            // some rule changes a source
  std::vector<CompiledChain> chains;  // of the families that such a packet meets
};

// `rules` must outlive what is returned.
Program compile(const Ruleset& rules, bool v4, const Interfaces& interfaces);

// The result of a mask: & | ^ < >, in order.
std::uint32_t masked(std::uint32_t value, const std::vector<std::pair<char, std::uint32_t>>& mask);

}  // namespace berth::firewall
