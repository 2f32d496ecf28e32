// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rules in force as values: what `nft list ruleset` prints (numeric priorities, no counters, handles), parsed.
//
// The text and not the JSON is read, because iptables' own matches (`-m conntrack`, `-m addrtype`) are opaque in the
// JSON and translated in the text. What is not understood is kept as Key::Unknown, never dropped: whoever walks the
// rules decides what to make of it. Pure; any thread. Parsing never fails: strange text gives unknown rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

enum class Key {
  Unknown,
  InName,
  OutName,
  Source,  // ip saddr, ip6 saddr; the family is in Match::family
  Destination,
  Protocol,  // by name: tcp, udp, icmp, ipv6-icmp
  SourcePort,
  DestinationPort,
  Family,      // meta nfproto: ipv4, ipv6
  State,       // ct state
  SourceType,  // fib saddr type
  DestinationType,
  Mark,
  Sometimes,  // hits some packets of a flow and not others: a port option, tcp flags, an icmp type
};

struct Match {
  Key key = Key::Unknown;
  bool negated = false;
  std::string family;               // "ip", "ip6" where the key says so
  std::vector<std::string> values;  // any of them; "" as the only one of an Unknown
  bool operator==(const Match&) const = default;
};

enum class Action { None, Accept, Drop, Return, Jump, Goto, Translate };

struct Rule {
  std::vector<Match> matches;
  Action action = Action::None;
  std::string target;  // of Jump and Goto
  bool sets_mark = false;
  std::optional<std::uint32_t> mark;  // where it is a plain number
  std::string text;                   // as printed, without handle
  std::string comment;
  std::uint64_t handle = 0;  // 0: not printed
};

struct Chain {
  std::string family, table, name;
  std::string type, hook;  // empty: not a base chain
  int priority = 0;
  bool drops = false;  // policy drop
  std::string device;  // netdev family
  std::vector<Rule> rules;
};

struct Ruleset {
  std::vector<Chain> chains;
  const Chain* find(std::string_view family, std::string_view table, std::string_view name) const;
};

Ruleset parse_ruleset(std::string_view text);
// One rule as printed or as written for `nft add rule`.
Rule parse_rule(std::string_view text);

}  // namespace berth
