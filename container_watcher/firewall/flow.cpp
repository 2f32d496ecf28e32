// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/flow.h"

#include <algorithm>
#include <array>
#include <utility>

namespace berth::firewall {
namespace {

// What is no address of a host that is reached by routing: unspecified, loopback, link-local, multicast, mapped.
constexpr std::array<const char*, 6> kNobodyV4{"0.0.0.0/8",   "127.0.0.0/8", "169.254.0.0/16",
                                               "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32"};
// 6to4 around such an IPv4 address (RFC 3964, 5.2) is nobody's either.
constexpr std::array<const char*, 14> kNobodyV6{"::/8",           "fe80::/10",      "fec0::/10",      "ff00::/8",
                                                "100::/64",       "2002::/24",      "2002:a00::/24",  "2002:7f00::/24",
                                                "2002:a9fe::/32", "2002:ac10::/28", "2002:c0a8::/32", "2002:e000::/19",
                                                "2001::/128",     "::1/128"};

IntervalSet nobody(bool v4) {
  IntervalSet out;
  const auto add = [&](const char* each) { out = out | IntervalSet::of(*Prefix::parse(each)); };
  if (v4)
    for (const char* each : kNobodyV4) add(each);
  else
    for (const char* each : kNobodyV6) add(each);
  return out;
}

constexpr std::size_t kMostEffort = 4096;  // boxes taken from each other to see what is sure

constexpr Word kSyn = 2, kAck = 0x10, kPshAck = 0x18, kFinAck = 0x11, kSynAck = 0x12;

IntervalSet flags(std::initializer_list<Word> all) {
  std::vector<Interval> out;
  for (const Word each : all) out.push_back({each, each});
  return IntervalSet(std::move(out));
}

// Those that classes are made of.
IntervalSet all_protocols(bool v4) {
  return IntervalSet::of(v4 ? kIcmp : kIcmpV6) |
         (IntervalSet::range(2, 255) - flags({kIcmpV6, 0, 43, 44, 59, 60, 135}));
}

std::vector<Box> back(std::vector<Box> boxes, bool v4, const IntervalSet& tcp_flags) {
  for (Box& each : boxes) {
    each = mirrored(each, v4);
    each[Field::Flags] = tcp_flags;
  }
  return boxes;
}

std::vector<Box> of_protocols(std::vector<Box> boxes, const IntervalSet& protocols) {
  for (Box& each : boxes) each[Field::Protocol] = each[Field::Protocol] & protocols;
  std::erase_if(boxes, [](const Box& each) { return each[Field::Protocol].empty(); });
  return boxes;
}

// By what a packet is known on its whole way: TCP's flags and the type of an ICMP message are other ones in its answer.
Box place_of(Box box) {
  box[Field::Flags] = box[Field::Icmp] = IntervalSet::of(0);
  return box;
}

// What is in none of the others. Nothing, where that would take too long.
std::vector<Box> beyond(std::vector<Box> left, const std::vector<Box>& others, std::size_t* effort) {
  for (const Box& other : others) {
    if (left.empty()) break;
    const Box place = place_of(other);
    std::vector<Box> next;
    for (const Box& each : left) {
      if ((*effort)++ > kMostEffort) return {};
      for (Box& piece : minus(each, place)) next.push_back(std::move(piece));
    }
    left = std::move(next);
  }
  return left;
}

// What can't be judged leaves no doubt of a packet where all that may become of it is the same: where it is in `boxes`, and
// neither in the others nor aside.
bool any_sure(const std::vector<Box>& boxes, const std::vector<Box>& others, const std::vector<Box>& aside) {
  if (std::any_of(boxes.begin(), boxes.end(), [](const Box& each) { return !each.unsure; })) return true;
  std::size_t effort = 0;
  return std::any_of(boxes.begin(), boxes.end(), [&](const Box& each) {
    const std::vector<Box> left = beyond({place_of(each)}, others, &effort);
    return !beyond(left, aside, &effort).empty();
  });
}

// How much is kept, of what is kept and what is lost; `aside`: what is neither.
Passing share(const std::vector<Box>& kept, const std::vector<Box>& lost, const std::vector<Box>& aside = {}) {
  if (lost.empty()) return Passing::All;
  if (kept.empty()) return Passing::None;
  return any_sure(kept, lost, aside) && any_sure(lost, kept, aside) ? Passing::Some : Passing::Unknown;
}

// What made that unsure which this rule takes.
std::optional<Decision> doubt_of(const std::optional<Decision>& what, const std::vector<Gone>& gone,
                                 const Passage& passage) {
  for (const Gone& each : gone)
    if (what && each.box.doubt >= 0 && passage.decisions[each.by] == *what)
      return passage.decisions[static_cast<std::size_t>(each.box.doubt)];
  return std::nullopt;
}

double volume(const Box& box) {
  return box[Field::Source].volume() * box[Field::Destination].volume() * box[Field::Protocol].volume() *
         box[Field::DestinationPort].volume() * static_cast<double>(box[Field::In].volume() * box[Field::Out].volume());
}

// Of many sets, most of which are one and the same.
class Union {
 public:
  void add(const IntervalSet& set) {
    if (set == last_) return;
    last_ = set;
    all_.insert(all_.end(), set.intervals().begin(), set.intervals().end());
  }
  IntervalSet take() { return IntervalSet(std::move(all_)); }

 private:
  std::vector<Interval> all_;
  IntervalSet last_;
};

// The rule that took most, and what it took.
std::optional<Decision> greatest(const std::vector<Gone>& gone, const Passage& passage, const Box& whole,
                                 const Program& program, std::string* part) {
  std::vector<double> by(passage.decisions.size());
  for (const Gone& each : gone) by[each.by] += volume(each.box);
  const auto most = std::max_element(by.begin(), by.end());
  if (most == by.end() || gone.empty()) return std::nullopt;
  const auto at = static_cast<std::size_t>(most - by.begin());
  // In each field what it took, all together.
  constexpr Field kTold[] = {Field::In,       Field::Out,        Field::Source,         Field::Destination,
                             Field::Protocol, Field::SourcePort, Field::DestinationPort};
  Box taken = whole;
  for (const Field field : kTold) {
    Union all;
    for (const Gone& each : gone)
      if (each.by == at) all.add(each.box[field]);
    taken[field] = all.take();
  }
  if (taken[Field::Protocol] == all_protocols(program.v4)) taken[Field::Protocol] = whole[Field::Protocol];
  *part = describe(taken, whole, program.interfaces, program.v4);
  return passage.decisions[at];
}

IntervalSet ends(const std::vector<Box>& boxes, Field field) {
  Union out;
  for (const Box& each : boxes) out.add(each[field]);
  return out.take();
}

}  // namespace

// TCP's flags and the type of an ICMP message are only ever looked at in packets that have them.
Box first_packet(const Box& of, bool v4) {
  Box out = of;
  out[Field::Protocol] = of[Field::Protocol] & all_protocols(v4);
  out[Field::Flags] = IntervalSet::of(kSyn);
  out[Field::Icmp] = IntervalSet::of(v4 ? 8 : 128);
  return out;
}

Passage walk_flow(const Program& program, const Box& of, bool past_drops, std::vector<TraceStep>* trace) {
  Passage out;
  WalkOptions options;
  options.past_drops = past_drops;
  options.trace = trace;
  walk(program, {first_packet(of, program.v4)}, options, &out);
  if (past_drops || out.passed.empty()) return out;
  options.state = FlowState::Established;
  const std::size_t before = out.dropped.size();
  options.reply = true;
  walk(program, back(out.passed, program.v4, flags({kSynAck, kAck, kPshAck, kFinAck})), options, &out);
  // What is dropped on its way back is told as it went there.
  for (std::size_t i = before; i < out.dropped.size(); ++i)
    out.dropped[i].box = mirrored(out.dropped[i].box, program.v4);
  // An answer that goes past conntrack keeps the address that NAT gave the client.
  for (Box& each : out.passed) {
    if (each.source_nat < 0 || !(each[Field::State] == IntervalSet::of(kUntracked))) continue;
    each.unsure = true;
    out.dropped.push_back({mirrored(each, program.v4), static_cast<std::size_t>(each.source_nat)});
  }
  // A TCP connection needs what follows; a datagram that was answered has done its work, and what takes the next is told.
  options.reply = false;
  std::vector<Box> answered = back(out.passed, program.v4, flags({kAck, kPshAck, kFinAck}));
  std::vector<Box> others = of_protocols(answered, all_protocols(program.v4) - IntervalSet::of(kTcp));
  walk(program, std::move(answered), options, &out);
  out.passed = of_protocols(out.passed, IntervalSet::of(kTcp));
  out.passed.insert(out.passed.end(), others.begin(), others.end());
  return out;
}

Flows::Flows(Program& program, const std::vector<NetworkSite>& sites, const Surroundings& around)
    : program_(program), around_(around) {
  const bool v4 = program.v4;
  for (const Prefix& each : around.fabric)
    if (each.is_v4() == v4) fabric_ = fabric_ | IntervalSet::of(each);
  if (fabric_.empty()) fabric_ = IntervalSet::of(*Prefix::parse(v4 ? "0.0.0.0/0" : "::/0"));
  for (const IpAddress& each : around.host_addresses)
    if (each.is_v4() == v4) host_ = host_ | IntervalSet::of(word_of(each));
  program.host = host_;
  fabric_ = fabric_ - nobody(v4) - host_;
  for (const Prefix& each : around.own)
    if (each.is_v4() == v4) fabric_ = fabric_ - IntervalSet::of(each);
  IntervalSet here = fabric_;
  for (const NetworkSite& site : sites)
    for (const Prefix& each : site.subnets)
      if (each.is_v4() == v4) here = here - IntervalSet::of(each);
  if (!here.empty()) fabric_ = here;
}

IntervalSet Flows::containers_of(const NetworkSite& site, const Prefix& subnet) const {
  IntervalSet out = IntervalSet::of(subnet) - host_;
  for (const SiteAddress& each : site.addresses)
    if (each.gateway && each.gateway->is_v4() == program_.v4) out = out - IntervalSet::of(word_of(*each.gateway));
  const unsigned bits = subnet.address().bits();
  if (subnet.length() + 1 >= bits) return out;
  out = out - IntervalSet::of(word_of(subnet.address()));
  if (program_.v4) out = out - IntervalSet::of(word_of(subnet.last()));
  return out;
}

Box Flows::box(const IntervalSet& in, const IntervalSet& out, const IntervalSet& from, const IntervalSet& to) const {
  Box made;
  made[Field::In] = in;
  made[Field::Out] = out;
  made[Field::Source] = from;
  made[Field::Destination] = to;
  made[Field::Protocol] = IntervalSet::range(0, 255);
  made[Field::SourcePort] = made[Field::DestinationPort] = IntervalSet::range(0, 0xffff);
  made[Field::Mark] = made[Field::CtMark] = made[Field::State] = made[Field::Status] = IntervalSet::of(0);
  return made;
}

IntervalSet Flows::uplinks(const NetworkSite& site) const {
  std::vector<std::string> names = program_.v4 ? around_.uplinks_v4 : around_.uplinks_v6;
  std::erase(names, site.interface);
  return around_.interfaces.numbers(names);
}

FlowVerdict Flows::in(const NetworkSite& site, const Prefix& subnet) const {
  return judged(box(uplinks(site), around_.interfaces.numbers({site.interface}), fabric_ - IntervalSet::of(subnet),
                    containers_of(site, subnet)),
                End::Destination);
}

FlowVerdict Flows::out(const NetworkSite& site, const Prefix& subnet) const {
  return judged(box(around_.interfaces.numbers({site.interface}), uplinks(site), containers_of(site, subnet),
                    fabric_ - IntervalSet::of(subnet)),
                End::Source);
}

FlowVerdict Flows::to_others(const NetworkSite& from, const Prefix& subnet,
                             const std::vector<NetworkSite>& sites) const {
  std::vector<std::string> bridges;
  IntervalSet theirs;
  for (const NetworkSite& site : sites) {
    if (site.name == from.name || site.interface.empty()) continue;
    for (const Prefix& each : site.subnets) {
      if (each.is_v4() != program_.v4) continue;
      theirs = theirs | containers_of(site, each);
      bridges.push_back(site.interface);
    }
  }
  if (bridges.empty()) return {};
  return judged(box(around_.interfaces.numbers({from.interface}), around_.interfaces.numbers(bridges),
                    containers_of(from, subnet), theirs),
                End::Source);
}

FlowVerdict Flows::between(const NetworkSite& from, const Prefix& subnet, const NetworkSite& to,
                           const Prefix& theirs) const {
  return judged(box(around_.interfaces.numbers({from.interface}), around_.interfaces.numbers({to.interface}),
                    containers_of(from, subnet), containers_of(to, theirs)),
                End::Source);
}

FlowVerdict Flows::judged(const Box& of, End containers) const {
  FlowVerdict out;
  if (of[Field::Source].empty() || of[Field::Destination].empty()) return out;
  const Field ours = containers == End::Source ? Field::Source : Field::Destination;
  const Passage passage = walk_flow(program_, of, false, nullptr);
  std::vector<Box> lost, diverted;
  for (const Gone& each : passage.dropped) lost.push_back(each.box);
  for (const Gone& each : passage.diverted) diverted.push_back(each.box);
  out.passed = passage.passed.empty() && lost.empty() ? Passing::All : share(passage.passed, lost, diverted);
  out.drop = greatest(passage.dropped, passage, of, program_, &out.drop_part);
  out.drop_doubt = doubt_of(out.drop, passage.dropped, passage);
  std::vector<bool> drops(passage.decisions.size());
  for (const Gone& each : passage.dropped) {
    if (!drops[each.by]) out.drops.push_back(passage.decisions[each.by]);
    drops[each.by] = true;
  }
  // Ping alone reaches nothing.
  const IntervalSet transport = flags({kTcp, kUdp});
  const std::vector<Box> used = of_protocols(passage.passed, transport), moved = of_protocols(diverted, transport);
  out.no_transport = out.passed == Passing::None || (out.passed == Passing::Some && used.empty() && moved.empty());
  if (out.passed == Passing::Some && !out.no_transport) out.closed = of[ours] - ends(used, ours) - ends(moved, ours);

  // What nothing lets through is judged as if it were: the drop may go, the NAT would stay.
  const Passage open = out.passed == Passing::None ? walk_flow(program_, of, true, nullptr) : Passage();
  const Passage& seen = out.passed == Passing::None ? open : passage;
  std::vector<Box> kept, changed;
  std::vector<Gone> natted;
  for (const Box& each : seen.passed) {
    (each.source_nat < 0 ? kept : changed).push_back(each);
    if (each.source_nat >= 0) natted.push_back({each, static_cast<std::size_t>(each.source_nat)});
  }
  out.source_kept = share(kept, changed);
  out.nat = greatest(natted, seen, of, program_, &out.nat_part);
  out.nat_doubt = doubt_of(out.nat, natted, seen);
  if (out.source_kept == Passing::Some) out.natted = of[ours] - ends(kept, ours) - out.closed;

  std::vector<Box> straight = seen.passed;
  straight.insert(straight.end(), lost.begin(), lost.end());
  out.destination_kept = share(straight, diverted);
  out.redirect = greatest(passage.diverted, passage, of, program_, &out.redirect_part);
  if (!passage.gave_up && !open.gave_up) return out;
  out.passed = Passing::Unknown;
  out.no_transport = false;
  if (program_.translates) out.source_kept = Passing::Unknown;
  return out;
}

}  // namespace berth::firewall
