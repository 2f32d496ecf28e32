// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/interval_set.h"

#include <algorithm>
#include <array>
#include <utility>

namespace berth::firewall {
namespace {

constexpr Word kLast = ~Word{0};

using Place = std::vector<Interval>::const_iterator;

// The first from `at` on that ends at `value` or behind it. Looked for in steps that grow: two long lists are gone through
// once, and of a long list beside a short one only what is near is touched.
Place reaching(Place at, Place end, Word value) {
  std::ptrdiff_t step = 1;
  while (end - at > step && (at + step)->last < value) {
    at += step;
    step *= 2;
  }
  return std::lower_bound(at, end - at > step ? at + step + 1 : end, value,
                          [](const Interval& each, Word v) { return each.last < v; });
}

bool begins_before(const Interval& a, const Interval& b) {
  return a.first < b.first;
}

// Of sorted ones, those that touch each other become one.
std::vector<Interval> joined(const std::vector<Interval>& sorted) {
  std::vector<Interval> out;
  for (const Interval& each : sorted)
    if (!out.empty() && (out.back().last == kLast || each.first <= out.back().last + 1))
      out.back().last = std::max(out.back().last, each.last);
    else
      out.push_back(each);
  return out;
}

}  // namespace

const std::vector<Interval>& IntervalSet::intervals() const {
  static const std::vector<Interval> kNone;
  return intervals_ ? *intervals_ : kNone;
}

IntervalSet IntervalSet::made(std::vector<Interval> sorted) {
  IntervalSet out;
  if (!sorted.empty()) out.intervals_ = std::make_shared<const std::vector<Interval>>(std::move(sorted));
  return out;
}

IntervalSet::IntervalSet(std::vector<Interval> intervals) {
  std::erase_if(intervals, [](const Interval& each) { return each.last < each.first; });
  if (!std::is_sorted(intervals.begin(), intervals.end(), begins_before))
    std::sort(intervals.begin(), intervals.end(), begins_before);
  *this = made(joined(intervals));
}

IntervalSet IntervalSet::range(Word first, Word last) {
  return last < first ? IntervalSet() : made({{first, last}});
}

IntervalSet IntervalSet::of(const Prefix& prefix) {
  return range(word_of(prefix.address()), word_of(prefix.last()));
}

bool IntervalSet::contains(Word value) const {
  const auto& all = intervals();
  const auto after =
      std::upper_bound(all.begin(), all.end(), value, [](Word v, const Interval& each) { return v < each.first; });
  return after != all.begin() && value <= std::prev(after)->last;
}

bool IntervalSet::intersects(const IntervalSet& other) const {
  if (size() > other.size()) return other.intersects(*this);
  const auto& many = other.intervals();
  auto at = many.begin();
  for (const Interval& mine : intervals()) {
    at = reaching(at, many.end(), mine.first);
    if (at != many.end() && at->first <= mine.last) return true;
  }
  return false;
}

double IntervalSet::volume() const {
  double out = 0;
  for (const Interval& each : intervals()) out += static_cast<double>(each.last - each.first) + 1;
  return out;
}

// From the longer one only what the shorter one reaches is looked at: a set of the operator may have many elements.
IntervalSet IntervalSet::operator&(const IntervalSet& other) const {
  if (intervals_ == other.intervals_) return *this;
  if (size() > other.size()) return other & *this;
  std::vector<Interval> out;
  const auto& many = other.intervals();
  auto from = many.begin();
  for (const Interval& mine : intervals()) {
    from = reaching(from, many.end(), mine.first);
    for (auto at = from; at != many.end() && at->first <= mine.last; ++at)
      out.push_back({std::max(at->first, mine.first), std::min(at->last, mine.last)});
  }
  if (out == intervals()) return *this;
  return made(std::move(out));
}

IntervalSet IntervalSet::operator|(const IntervalSet& other) const {
  if (empty()) return other;
  if (other.empty()) return *this;
  std::vector<Interval> out(size() + other.size());
  std::merge(intervals().begin(), intervals().end(), other.intervals().begin(), other.intervals().end(), out.begin(),
             begins_before);
  return made(joined(out));
}

IntervalSet IntervalSet::operator-(const IntervalSet& other) const {
  std::vector<Interval> out;
  const auto& many = other.intervals();
  auto from = many.begin();
  for (Interval mine : intervals()) {
    from = reaching(from, many.end(), mine.first);
    bool left = true;
    for (auto at = from; left && at != many.end() && at->first <= mine.last; ++at) {
      if (mine.first < at->first) out.push_back({mine.first, at->first - 1});
      left = at->last < mine.last;
      mine.first = at->last + 1;
    }
    if (left) out.push_back(mine);
  }
  return made(std::move(out));
}

bool IntervalSet::operator==(const IntervalSet& other) const {
  return intervals_ == other.intervals_ || intervals() == other.intervals();
}

Word word_of(const IpAddress& address) {
  Word out = 0;
  for (const std::uint8_t byte : address.bytes()) out = out << 8 | byte;
  return out;
}

IpAddress address_of(Word word, bool v4) {
  std::array<std::uint8_t, 16> bytes{};
  const std::size_t size = v4 ? 4 : 16;
  for (std::size_t i = size; i-- > 0; word >>= 8) bytes[i] = static_cast<std::uint8_t>(word & 0xff);
  return *IpAddress::from_bytes({bytes.data(), size});
}

std::vector<Prefix> prefixes_of(const IntervalSet& set, bool v4, std::size_t most) {
  std::vector<Prefix> out;
  const unsigned bits = v4 ? 32 : 128;
  for (const Interval& each : set.intervals()) {
    Word at = each.first;
    while (out.size() < most) {
      unsigned host = 0;  // bits of the greatest block that begins here and does not go too far
      Word block = 1;
      while (host < bits && (at & (block * 2 - 1)) == 0 && each.last - at >= block * 2 - 1) ++host, block *= 2;
      out.push_back(Prefix::of(address_of(at, v4), bits - host));
      if (host == bits || each.last - at < block) break;
      at += block;
    }
  }
  return out;
}

}  // namespace berth::firewall
