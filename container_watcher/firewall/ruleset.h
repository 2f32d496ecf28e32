// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rules in force as values: what `nft list ruleset` prints, parsed. Words only; what they mean for a packet is
// program.h's.
//
// Why the text. On Debian 12, 13 and testing libnftables translates the matches and targets of iptables in its text
// (`-m conntrack` is `ct state`, `-m addrtype` is `fib daddr type`) and leaves them opaque in its JSON
// (`{"xt": {"type", "name"}}`); the JSON of 1.0.6 can't print some rules at all and fails as a whole. libnftnl would give
// the kernel's own expressions, which are the plainest truth, but iptables' matches come as the private structures of each
// kernel module, and nothing that an operator can recognise. Text is printed at the same speed as JSON and read in one
// pass (docs/firewall.md, What it costs). Where the text is ambiguous (a quote inside of a log prefix that iptables wrote,
// a target that nft can't print) tokens_of() and the parser say what they make of it.
//
// Pure; any thread. Parsing never fails: strange text gives opaque statements, which the walk counts as not judged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace berth::firewall {

// What a packet is asked for, as the key of a match: "ip saddr", "meta iifname", "fib daddr type", "ct original ip saddr".
// `mask`: what is done with it before the comparison, "& 0xff", in the order written.
struct Operand {
  std::string key;
  std::vector<std::pair<char, std::string>> mask = {};  // operator (& | ^ < >) and its right side
  bool operator==(const Operand&) const = default;
};

// One element of a set, or the right side of a comparison: a word for each part of a concatenation.
struct Element {
  std::vector<std::string> parts;
  std::string data = {};  // of a map: "0x1", "jump x"
  bool operator==(const Element&) const = default;
};

enum class Comparison { Equal, NotEqual, Less, Greater, LessOrEqual, GreaterOrEqual, NoneOf };

enum class Do {
  Match,    // operands, comparison, elements or set
  Vmap,     // operands, elements or set: a verdict for each
  Opaque,   // can't be judged
  Varies,   // holds for some packets and not for others: a limit, the time of day
  SetMark,  // meta mark; value in `assigned` or from a map
  SetCtMark,
  Notrack,
  SourceNat,
  DestinationNat,  // redirect and tproxy too
  Rewrite,         // ip saddr set, ip daddr set: without conntrack
  Queue,
  Accept,
  Drop,  // reject too
  Return,
  Jump,
  Goto,
  Nothing,  // a log, a counter
};

struct Statement {
  Do what = Do::Opaque;
  std::vector<Operand> operands = {};  // joined by "."
  Comparison comparison = Comparison::Equal;
  bool bits = false;    // no comparison is written: `ct state a,b` asks for any of the bits, where the key has bits
  bool listed = false;  // the elements are those of a set, each for itself; else `a | b` is one value
  std::vector<Element> elements = {};
  std::string set = {};     // named, without @
  std::string target = {};  // of Jump and Goto; of NAT the words after "to"; of Opaque, what it was
  Operand assigned = {};    // of SetMark and SetCtMark: a number, or a key with a mask
  bool operator==(const Statement&) const = default;
};

struct Rule {
  std::vector<Statement> statements;
  std::string text;  // as printed, without handle
  std::string comment;
  std::uint64_t handle = 0;          // 0: not printed
  const Statement* verdict() const;  // the last one that decides; null: none
};

struct Chain {
  std::string family, table, name;
  std::string type, hook;  // empty: not a base chain
  int priority = 0;
  bool drops = false;                // policy drop
  std::vector<std::string> devices;  // of the hooks ingress and egress
  // Handles of the table and the chain, which grow: of base chains of one priority the kernel asks the younger first
  // (nf_hook_entries_grow). 0: not printed.
  std::uint64_t table_handle = 0, handle = 0;
  std::vector<Rule> rules;
  std::string outer = {};  // of `jump { … }`: the chain that it stands in, since nft knows no name for such a one
  const std::string& typed() const { return outer.empty() ? name : outer; }  // the name that can be typed
  std::string title() const { return family + " " + table + " " + typed(); }
};

struct Set {
  std::string family, table, name;
  bool map = false;
  std::vector<Element> elements;
};

// Tables that are dormant are left out: the kernel does not ask them.
struct Ruleset {
  std::vector<Chain> chains;
  std::vector<Set> sets;
  const Chain* find(std::string_view family, std::string_view table, std::string_view name) const;
};

Ruleset parse_ruleset(std::string_view text);
// One rule as printed or as written for `nft add rule`.
Rule parse_rule(std::string_view text);

}  // namespace berth::firewall
