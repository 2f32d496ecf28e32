// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/program_keys.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/number.h"

namespace berth::firewall {
namespace {

using Names = std::initializer_list<std::pair<std::string_view, unsigned>>;

std::optional<Word> named(std::string_view word, Names names) {
  for (const auto& [name, value] : names)
    if (name == word) return value;
  return std::nullopt;
}

std::optional<Word> wide_number(std::string_view word) {
  if (!word.starts_with("0x")) {
    const auto small = number_of(word);
    return small ? std::optional<Word>(*small) : std::nullopt;
  }
  word.remove_prefix(2);
  if (word.empty() || word.size() > 32) return std::nullopt;
  Word out = 0;
  for (const char c : word) {
    const auto digit = parse_number<unsigned>({&c, 1}, 16);
    if (!digit) return std::nullopt;
    out = out << 4 | *digit;
  }
  return out;
}

std::optional<Word> protocol_number(std::string_view word) {
  return named(word, {{"tcp", 6},   {"udp", 17},      {"icmp", 1},   {"icmpv6", 58}, {"ipv6-icmp", 58}, {"sctp", 132},
                      {"dccp", 33}, {"udplite", 136}, {"esp", 50},   {"ah", 51},     {"comp", 108},     {"ipcomp", 108},
                      {"gre", 47},  {"igmp", 2},      {"ipip", 4},   {"ipencap", 4}, {"ospf", 89},      {"vrrp", 112},
                      {"pim", 103}, {"ipv6", 41},     {"l2tp", 115}, {"eigrp", 88}});
}

// nft prints ports as numbers; these are for rules as somebody wrote them.
std::optional<Word> port_number(std::string_view word) {
  return named(word, {{"ssh", 22},    {"http", 80},   {"https", 443},  {"domain", 53}, {"ftp", 21},
                      {"smtp", 25},   {"ntp", 123},   {"bgp", 179},    {"dns", 53},    {"telnet", 23},
                      {"imap", 143},  {"imaps", 993}, {"snmp", 161},   {"ldap", 389},  {"bootps", 67},
                      {"bootpc", 68}, {"mdns", 5353}, {"syslog", 514}, {"nfs", 2049},  {"mysql", 3306}});
}

std::optional<Word> icmp_type(std::string_view word, bool v4) {
  if (v4)
    return named(word, {{"echo-reply", 0},
                        {"destination-unreachable", 3},
                        {"source-quench", 4},
                        {"redirect", 5},
                        {"echo-request", 8},
                        {"router-advertisement", 9},
                        {"router-solicitation", 10},
                        {"time-exceeded", 11},
                        {"parameter-problem", 12},
                        {"timestamp-request", 13},
                        {"timestamp-reply", 14},
                        {"info-request", 15},
                        {"info-reply", 16},
                        {"address-mask-request", 17},
                        {"address-mask-reply", 18}});
  return named(word, {{"destination-unreachable", 1},
                      {"packet-too-big", 2},
                      {"time-exceeded", 3},
                      {"parameter-problem", 4},
                      {"echo-request", 128},
                      {"echo-reply", 129},
                      {"mld-listener-query", 130},
                      {"mld-listener-report", 131},
                      {"mld-listener-done", 132},
                      {"mld-listener-reduction", 132},
                      {"nd-router-solicit", 133},
                      {"nd-router-advert", 134},
                      {"nd-neighbor-solicit", 135},
                      {"nd-neighbor-advert", 136},
                      {"nd-redirect", 137},
                      {"router-renumbering", 138},
                      {"ind-neighbor-solicit", 141},
                      {"ind-neighbor-advert", 142},
                      {"mld2-listener-report", 143}});
}

std::optional<Word> bit_of(std::string_view word, ValueType type) {
  if (type == ValueType::State)
    return named(word, {{"invalid", 1}, {"established", 2}, {"related", 4}, {"new", 8}, {"untracked", 64}});
  if (type == ValueType::Status)
    return named(word, {{"expected", 1},
                        {"seen-reply", 2},
                        {"assured", 4},
                        {"confirmed", 8},
                        {"snat", 16},
                        {"dnat", 32},
                        {"dying", 512}});
  return named(word,
               {{"fin", 1}, {"syn", 2}, {"rst", 4}, {"psh", 8}, {"ack", 16}, {"urg", 32}, {"ecn", 64}, {"cwr", 128}});
}

std::optional<IntervalSet> addresses(std::string_view word, bool v4) {
  const std::size_t slash = word.find('/'), dash = word.find('-');
  std::optional<IpAddress> first = IpAddress::parse(word.substr(0, std::min(slash, dash)));
  if (!first) {
    const auto number = wide_number(word);  // of a raw payload
    return number ? std::optional(IntervalSet::of(*number)) : std::nullopt;
  }
  if (first->is_v4() != v4) return IntervalSet();
  if (slash != std::string_view::npos) {
    const auto length = number_of(word.substr(slash + 1));
    if (length && *length <= first->bits()) return IntervalSet::of(Prefix::of(*first, *length));
    return std::nullopt;
  }
  if (dash == std::string_view::npos) return IntervalSet::of(word_of(*first));
  const auto last = IpAddress::parse(word.substr(dash + 1));
  if (!last || last->is_v4() != v4) return std::nullopt;
  return IntervalSet::range(word_of(*first), word_of(*last));
}

// "eth0", or "eth*" for a beginning.
bool name_fits(std::string_view pattern, std::string_view name) {
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == name;
}

template <class Fits>
IntervalSet links(const Program& program, Fits fits) {
  std::vector<Interval> out;
  for (std::size_t i = 0; i < program.interfaces.all.size(); ++i)
    if (fits(program.interfaces.all[i])) out.push_back({Interfaces::kFirst + i, Interfaces::kFirst + i});
  return IntervalSet(std::move(out));
}

IntervalSet or_maybe(const IntervalSet& known, bool maybe) {
  return maybe ? known | IntervalSet::of(Interfaces::kMaybe) : known;
}

Op is_protocol(std::initializer_list<Word> protocols) {
  std::vector<Interval> all;
  for (const Word each : protocols) all.push_back({each, each});
  Op out;
  out.kind = Op::Kind::Test;
  out.parts = {{Part::Kind::Field, Field::Protocol}};
  out.set = IntervalSet(std::move(all));
  return out;
}

Part field(Field which, bool original = false) {
  return {Part::Kind::Field, which, original, false, {}};
}

KeyMeaning of(Part part, ValueType type) {
  KeyMeaning out;
  out.part = std::move(part);
  out.type = type;
  return out;
}

KeyMeaning constant(std::vector<std::string_view> words) {
  KeyMeaning out;
  out.part.kind = Part::Kind::Always;
  out.constant = std::move(words);
  return out;
}

KeyMeaning absent() {
  KeyMeaning out = constant({"missing"});
  out.absent = true;
  return out;
}

KeyMeaning never() {
  KeyMeaning out;
  out.never = true;
  return out;
}

KeyMeaning varies() {
  KeyMeaning out;
  out.part.kind = Part::Kind::Varies;
  return out;
}

KeyMeaning after(std::initializer_list<Word> protocols, KeyMeaning what) {
  what.before.push_back(is_protocol(protocols));
  return what;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

KeyMeaning meta_key(std::string_view key, bool v4) {
  if (key == "iifname" || key == "iif") return of(field(Field::In), ValueType::Link);
  if (key == "oifname" || key == "oif") return of(field(Field::Out), ValueType::Link);
  if (key == "ibrname") return of(field(Field::In), ValueType::Bridge);
  if (key == "obrname") return of(field(Field::Out), ValueType::Bridge);
  if (key == "iifgroup") return of(field(Field::In), ValueType::LinkGroup);
  if (key == "oifgroup") return of(field(Field::Out), ValueType::LinkGroup);
  if (key == "iifkind") return of(field(Field::In), ValueType::LinkKind);
  if (key == "oifkind") return of(field(Field::Out), ValueType::LinkKind);
  if (key == "mark") return of(field(Field::Mark), ValueType::Mark);
  if (key == "l4proto") return of(field(Field::Protocol), ValueType::Protocol);
  if (key == "nfproto") return v4 ? constant({"ipv4", "2"}) : constant({"ipv6", "10"});
  if (key == "protocol") return v4 ? constant({"ip", "0x0800", "0x800", "2048"}) : constant({"ip6", "0x86dd", "34525"});
  if (key == "pkttype") return constant({"host", "unicast", "0"});
  if (key == "nftrace") return constant({"0"});
  if (key == "ipsec" || key == "secpath") return constant({"missing", "0"});
  if (is_one_of(key, {"skuid", "skgid", "cgroup", "sdif", "sdifname"})) return never();
  if (is_one_of(key, {"length", "random", "time", "hour", "day", "cpu", "priority"})) return varies();
  return {};
}

KeyMeaning connection_key(std::string_view key, bool v4) {
  if (key == "status") return of(field(Field::Status), ValueType::Status);
  if (key == "mark") return of(field(Field::CtMark), ValueType::Mark);
  if (key == "direction") return of(field(Field::Status), ValueType::Direction);
  if (key == "protocol") return of(field(Field::Protocol), ValueType::Protocol);
  if (key == "l3proto") return v4 ? constant({"ipv4", "2"}) : constant({"ipv6", "10"});
  if (key == "zone") return constant({"0"});
  const bool original = key.starts_with("original "), reply = key.starts_with("reply ");
  if (original || reply) {
    key.remove_prefix(key.find(' ') + 1);
    if (key.starts_with(v4 ? "ip6 " : "ip ")) return never();
    if (key.ends_with("saddr") || key.ends_with("daddr"))
      return of(field(key.ends_with("saddr") == original ? Field::Source : Field::Destination, true),
                ValueType::Address);
    if (key == "proto-src" || key == "proto-dst")
      return of(field((key == "proto-src") == original ? Field::SourcePort : Field::DestinationPort, true),
                ValueType::Port);
    if (key == "protocol") return of(field(Field::Protocol), ValueType::Protocol);
    if (key == "l3proto") return v4 ? constant({"ipv4", "2"}) : constant({"ipv6", "10"});
    if (key == "zone") return constant({"0"});
  }
  return varies();
}

KeyMeaning ct_key(std::string_view key, bool v4) {
  if (key == "state") return of(field(Field::State), ValueType::State);
  KeyMeaning out = connection_key(key, v4);
  Op connected;
  connected.kind = Op::Kind::Connected;
  out.before.insert(out.before.begin(), connected);
  return out;
}

// Neither end of what is forwarded is the host itself, and both are somebody's own address.
KeyMeaning fib_key(std::string_view key) {
  if (key.ends_with(" type")) {
    KeyMeaning out = constant({"unicast", "1"});
    out.part.routed = key.starts_with("daddr");
    return out;
  }
  const bool back = key.starts_with("saddr");
  if (!key.ends_with(" oif") && !key.ends_with(" oifname")) return {};
  // The way back to the source goes out by the link that the packet came in by: it is one of those by which the fabric,
  // or the container, is reached.
  KeyMeaning out = of(field(back ? Field::In : Field::Out), ValueType::Link);
  return out;
}

KeyMeaning transport_key(std::string_view protocol, std::string_view name) {
  const auto number = protocol_number(protocol);
  KeyMeaning out = name == "sport"                        ? of(field(Field::SourcePort), ValueType::Port)
                   : name == "dport"                      ? of(field(Field::DestinationPort), ValueType::Port)
                   : name == "flags" && protocol == "tcp" ? of(field(Field::Flags), ValueType::Flags)
                                                          : varies();
  if (protocol == "th") {
    Op ports;
    ports.kind = Op::Kind::Ports;
    out.before.push_back(ports);
    return out;
  }
  return after({*number}, std::move(out));
}

KeyMeaning raw_key(std::string_view key, bool v4) {
  if (key == (v4 ? "@nh,96,32" : "@nh,64,128")) return of(field(Field::Source), ValueType::Address);
  if (key == (v4 ? "@nh,128,32" : "@nh,192,128")) return of(field(Field::Destination), ValueType::Address);
  if (key == "@th,0,16") return transport_key("th", "sport");
  if (key == "@th,16,16") return transport_key("th", "dport");
  if (v4 && key == "@nh,72,8") return of(field(Field::Protocol), ValueType::Protocol);
  return varies();
}

KeyMeaning icmp_key(std::string_view header, std::string_view name, bool v4) {
  if ((header == "icmp") != v4) return never();
  const Word protocol = v4 ? kIcmp : kIcmpV6;
  if (name == "type") return after({protocol}, of(field(Field::Icmp), ValueType::IcmpType));
  if (name == "code") return after({protocol}, constant({"0"}));
  return after({protocol}, varies());
}

}  // namespace

KeyMeaning meaning_of(const std::string& key, bool v4) {
  if (key.starts_with('@')) return raw_key(key, v4);
  const std::string_view whole = key;
  const std::size_t space = whole.find(' ');
  const std::string_view header = whole.substr(0, space);
  const std::string_view name = space == std::string_view::npos ? std::string_view() : whole.substr(space + 1);
  if (header == "meta") return meta_key(name, v4);
  if (header == "ct") return ct_key(name, v4);
  if (header == "fib") return fib_key(name);
  if (header == "ip" || header == "ip6") {
    if ((header == "ip") != v4) return never();
    if (name == "saddr") return of(field(Field::Source), ValueType::Address);
    if (name == "daddr") return of(field(Field::Destination), ValueType::Address);
    if (name == "protocol" || name == "nexthdr") return of(field(Field::Protocol), ValueType::Protocol);
    if (name == "version") return constant({v4 ? "4" : "6"});
    if (name == "option") return absent();
    return varies();
  }
  if (header == "icmp" || header == "icmpv6") return icmp_key(header, name, v4);
  if (whole == "tcp option") return after({kTcp}, varies());
  if (is_one_of(header, {"tcp", "udp", "udplite", "sctp", "dccp", "th"})) return transport_key(header, name);
  if (is_one_of(header, {"ah", "esp", "comp", "igmp"})) return after({*protocol_number(header)}, varies());
  if (header == "rt") {
    if (name == "ipsec") return constant({"missing", "0"});
    if (is_one_of(name, {"classid", "nexthop", "mtu"})) return {};
    return v4 ? never() : absent();
  }
  if (is_one_of(header, {"frag", "hbh", "dst", "mh", "srh", "exthdr"})) return v4 ? never() : absent();
  if (whole == "ether type") return v4 ? constant({"ip", "0x0800", "0x800"}) : constant({"ip6", "0x86dd"});
  if (header == "ether" || header == "numgen" || header == "symhash" || header == "jhash" || header == "osf")
    return varies();
  if (is_one_of(header, {"vlan", "arp", "socket", "ipsec"})) return never();
  return {};
}

std::optional<std::uint32_t> number_of(std::string_view word) {
  int base = 10;
  if (word.starts_with("0x")) word.remove_prefix(2), base = 16;
  return parse_number<std::uint32_t>(word, base);
}

std::optional<IntervalSet> values_of(const std::string& word, const KeyMeaning& key, const Program& program) {
  const bool v4 = program.v4;
  switch (key.type) {
    case ValueType::Constant:
      return IntervalSet::of(is_one_of(word, {"*"})                                       ? 1
                             : std::count(key.constant.begin(), key.constant.end(), word) ? 1
                                                                                          : 0);
    case ValueType::Link:
      if (word == "*") return IntervalSet::all() - IntervalSet::of(Interfaces::kNone);
      if (word == "exists") return IntervalSet::all() - IntervalSet::of(Interfaces::kNone);
      if (word == "missing" || word == "0") return IntervalSet::of(Interfaces::kNone);
      return or_maybe(links(program, [&](const Interface& each) { return name_fits(word, each.name); }),
                      word.ends_with('*') || program.interfaces.number(word) == Interfaces::kAny);
    case ValueType::Bridge:
      return or_maybe(links(program, [&](const Interface& each) { return name_fits(word, each.master); }), true);
    case ValueType::LinkGroup: {
      const auto number = word == "default" ? std::optional<std::uint32_t>(0) : number_of(word);
      if (!number) return std::nullopt;
      return or_maybe(links(program, [&](const Interface& each) { return each.group == *number; }), true);
    }
    case ValueType::LinkKind:
      return or_maybe(links(program, [&](const Interface& each) { return each.kind == word; }), true);
    default: break;
  }
  if (word == "*") return IntervalSet::all();
  if (key.type == ValueType::Address) return addresses(word, v4);
  if (key.type == ValueType::Direction) {
    if (word == "original" || word == "0") return IntervalSet::range(0, 0x7fff);
    return IntervalSet::range(0x8000, 0xffff);
  }
  const auto one = [&](std::string_view text) -> std::optional<Word> {
    if (const auto number = wide_number(text)) return number;
    switch (key.type) {
      case ValueType::Port: return port_number(text);
      case ValueType::Protocol: return protocol_number(text);
      case ValueType::IcmpType: return icmp_type(text, v4);
      case ValueType::Flags:
      case ValueType::State:
      case ValueType::Status: return bit_of(text, key.type);
      default: return std::nullopt;
    }
  };
  if (const auto value = one(word)) return IntervalSet::of(*value);
  const std::size_t dash = word.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto first = one(std::string_view(word).substr(0, dash)), last = one(std::string_view(word).substr(dash + 1));
  if (!first || !last) return std::nullopt;
  return IntervalSet::range(*first, *last);
}

bool is_small(ValueType type) {
  return type == ValueType::Flags || type == ValueType::State || type == ValueType::Status || type == ValueType::Port ||
         type == ValueType::Protocol || type == ValueType::IcmpType;
}

IntervalSet small_values(ValueType type) {
  switch (type) {
    case ValueType::Port: return IntervalSet::range(0, 0xffff);
    case ValueType::Status: return IntervalSet::range(0, 0x3ff);
    default: return IntervalSet::range(0, 0xff);
  }
}

}  // namespace berth::firewall
