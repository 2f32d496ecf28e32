// SPDX-License-Identifier: GPL-2.0-or-later
//
// A set of numbers of at most 128 bits: addresses, ports, marks, interface numbers. Pure values; any thread. Copies are
// cheap, since what they hold is shared and never changed.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/ip.h"

namespace berth::firewall {

__extension__ typedef unsigned __int128 Word;

struct Interval {
  Word first = 0, last = 0;  // both are in it
  bool operator==(const Interval&) const = default;
};

class IntervalSet {
 public:
  IntervalSet() = default;                                // empty
  explicit IntervalSet(std::vector<Interval> intervals);  // in any order; they may overlap
  static IntervalSet of(Word value) { return IntervalSet({{value, value}}); }
  static IntervalSet range(Word first, Word last);  // empty where last < first
  static IntervalSet of(const Prefix& prefix);
  static IntervalSet all() { return range(0, ~Word{0}); }

  bool empty() const { return !intervals_; }
  bool single() const { return intervals_ && size() == 1 && intervals()[0].first == intervals()[0].last; }
  bool contains(Word value) const;
  bool intersects(const IntervalSet& other) const;
  std::size_t size() const { return intervals_ ? intervals_->size() : 0; }  // intervals
  const std::vector<Interval>& intervals() const;
  double volume() const;  // how many numbers, roughly

  IntervalSet operator&(const IntervalSet& other) const;
  IntervalSet operator|(const IntervalSet& other) const;
  IntervalSet operator-(const IntervalSet& other) const;
  bool operator==(const IntervalSet& other) const;

 private:
  static IntervalSet made(std::vector<Interval> sorted);    // sorted, apart from each other
  std::shared_ptr<const std::vector<Interval>> intervals_;  // null: empty
};

Word word_of(const IpAddress& address);
IpAddress address_of(Word word, bool v4);
// The prefixes that it is made of, at most `most` of them.
std::vector<Prefix> prefixes_of(const IntervalSet& set, bool v4, std::size_t most);

}  // namespace berth::firewall
