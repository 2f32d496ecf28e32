// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/packet.h"

#include <algorithm>

namespace berth::firewall {
namespace {

// Those that belong to the packet itself; the others are the kernel's notes about it.
constexpr std::size_t kHeaderFields = static_cast<std::size_t>(Field::State);

std::string number_text(Word value) {
  return std::to_string(static_cast<std::uint64_t>(value));
}

std::string numbers_text(const IntervalSet& set) {
  constexpr std::size_t kMost = 6;
  std::string out;
  std::size_t n = 0;
  for (const Interval& each : set.intervals()) {
    if (n++ == kMost) return out + ", …";
    out += (out.empty() ? "" : ", ") + number_text(each.first);
    if (each.last != each.first) out += "-" + number_text(each.last);
  }
  return out;
}

std::string protocol_text(const IntervalSet& set) {
  if (!set.single()) return set.size() == 1 ? "protocol " + numbers_text(set) : "some protocols";
  switch (static_cast<unsigned>(set.intervals()[0].first)) {
    case 6: return "tcp";
    case 17: return "udp";
    case 1: return "icmp";
    case 58: return "icmpv6";
    default: return "protocol " + numbers_text(set);
  }
}

std::string addresses_text(const IntervalSet& set, bool v4) {
  constexpr std::size_t kMost = 4;
  std::string out;
  std::size_t n = 0;
  for (const Prefix& each : prefixes_of(set, v4, kMost + 1)) {
    if (n++ == kMost) return out + ", …";
    out += (out.empty() ? "" : ", ") + (each.is_host() ? each.address().to_string() : each.to_string());
  }
  return out;
}

}  // namespace

Word Interfaces::number(const std::string& name) const {
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].name == name) return kFirst + i;
  return kAny;
}

IntervalSet Interfaces::numbers(const std::vector<std::string>& names) const {
  std::vector<Interval> out;
  for (const std::string& name : names)
    if (const Word n = number(name); n != kAny) out.push_back({n, n});
  return out.empty() ? IntervalSet::of(kAny) : IntervalSet(std::move(out));
}

IntervalSet Interfaces::ports_of(const std::string& bridge) const {
  std::vector<std::string> names;
  for (const Interface& each : all)
    if (!bridge.empty() && each.master == bridge) names.push_back(each.name);
  return numbers(names);
}

const Interface* Interfaces::find(Word number) const {
  return number >= kFirst && number < kFirst + all.size() ? &all[static_cast<std::size_t>(number - kFirst)] : nullptr;
}

bool overlap(const Box& a, const Box& b) {
  for (std::size_t i = 0; i < kHeaderFields; ++i)
    if ((a.fields[i] & b.fields[i]).empty()) return false;
  return true;
}

std::vector<Box> minus(const Box& from, const Box& what) {
  if (!overlap(from, what)) return {from};
  std::vector<Box> out;
  Box rest = from;
  for (std::size_t i = 0; i < kHeaderFields; ++i) {
    Box apart = rest;
    apart.fields[i] = rest.fields[i] - what.fields[i];
    if (!apart.fields[i].empty()) out.push_back(std::move(apart));
    rest.fields[i] = rest.fields[i] & what.fields[i];
  }
  return out;
}

namespace {

// One box of two, where they differ in one field at most.
bool join(Box* a, const Box& b) {
  if (a->unsure != b.unsure || a->source_nat != b.source_nat || a->mark_unknown != b.mark_unknown ||
      a->ct_mark_unknown != b.ct_mark_unknown || a->half_tracked != b.half_tracked)
    return false;
  std::size_t differing = kFields;
  for (std::size_t i = kFields; i-- > 0;) {  // addresses, which may be long lists, come last
    if (a->fields[i] == b.fields[i]) continue;
    if (differing != kFields) return false;
    differing = i;
  }
  // Two marks are not one unknown mark.
  if (differing >= kHeaderFields && differing != kFields) return false;
  if (differing != kFields) a->fields[differing] = a->fields[differing] | b.fields[differing];
  return true;
}

}  // namespace

void coalesce(std::vector<Box>* boxes) {
  constexpr std::size_t kWindow = 16;  // how far back a box is looked for that takes this one in
  std::vector<Box> out;
  for (Box& each : *boxes) {
    const std::size_t from = out.size() > kWindow ? out.size() - kWindow : 0;
    bool joined = false;
    for (std::size_t i = from; i < out.size() && !joined; ++i) joined = join(&out[i], each);
    if (!joined) out.push_back(std::move(each));
  }
  *boxes = std::move(out);
}

Box mirrored(const Box& box, bool v4) {
  Box out = box;
  std::swap(out[Field::In], out[Field::Out]);
  std::swap(out[Field::Source], out[Field::Destination]);
  std::swap(out[Field::SourcePort], out[Field::DestinationPort]);
  const Word request = v4 ? 8 : 128, reply = v4 ? 0 : 129;
  if (box[Field::Icmp] == IntervalSet::of(request))
    out[Field::Icmp] = IntervalSet::of(reply);
  else if (box[Field::Icmp] == IntervalSet::of(reply))
    out[Field::Icmp] = IntervalSet::of(request);
  return out;
}

std::string describe(const Box& part, const Box& whole, const Interfaces& interfaces, bool v4) {
  std::string out;
  const auto less = [&](Field field) { return !(part[field] == whole[field]); };
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : " ") + text; };
  if (less(Field::Protocol)) add(protocol_text(part[Field::Protocol]));
  if (less(Field::DestinationPort)) add("port " + numbers_text(part[Field::DestinationPort]));
  if (less(Field::SourcePort)) add("source port " + numbers_text(part[Field::SourcePort]));
  if (less(Field::Source)) add("from " + addresses_text(part[Field::Source], v4));
  if (less(Field::Destination)) add("to " + addresses_text(part[Field::Destination], v4));
  for (const Field field : {Field::In, Field::Out}) {
    if (!less(field) || part[field].empty()) continue;
    if (const Interface* one = interfaces.find(part[field].intervals()[0].first))
      add((field == Field::In ? "in by " : "out by ") + one->name);
  }
  return out;
}

}  // namespace berth::firewall
