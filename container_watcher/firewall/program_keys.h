// SPDX-License-Identifier: GPL-2.0-or-later
//
// The words of nft(8) for keys and values, as program.cpp needs them. Private to firewall/. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/firewall/program.h"

namespace berth::firewall {

enum class ValueType {
  Constant,
  Address,
  Port,
  Protocol,
  IcmpType,
  Flags,
  State,
  Status,
  Mark,
  Direction,
  Link,
  LinkGroup,
  LinkKind,
  Bridge
};

struct KeyMeaning {
  std::vector<Op> before;  // what a packet must be for the kernel to load the key: its protocol, its connection
  Part part;
  ValueType type = ValueType::Constant;
  std::vector<std::string_view> constant;  // the words for what every packet has
  bool absent = false;                     // a header that no packet of a class has: only "missing" holds
  bool never = false;                      // the kernel can't load it: the rule ends
};

KeyMeaning meaning_of(const std::string& key, bool v4);

// The numbers that a word stands for. Nothing: not understood.
std::optional<IntervalSet> values_of(const std::string& word, const KeyMeaning& key, const Program& program);

// Fields that have few values, so that what a mask or a comparison of bits means can be tried on each.
bool is_small(ValueType type);
IntervalSet small_values(ValueType type);

std::optional<std::uint32_t> number_of(std::string_view word);

}  // namespace berth::firewall
