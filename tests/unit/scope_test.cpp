// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/scope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace berth {
namespace {

Prefix prefix(const std::string& text) {
  return *Prefix::parse(text);
}

std::string text(const std::vector<Prefix>& prefixes) {
  std::string out;
  for (const Prefix& each : prefixes) out += each.to_string() + " ";
  return out;
}

TEST(Scope, IsSubnetsAndAllowedPrefixesOrAll) {
  NetworkConfig network;
  EXPECT_EQ(text(scope_of(network)), "0.0.0.0/0 ::/0 ");
  network.subnets = {{prefix("10.1.0.0/24"), {}, {}}, {prefix("fd00::/64"), {}, {}}};
  network.allow_prefixes = {{prefix("192.0.2.0/24"), 32, 32}};
  EXPECT_EQ(text(scope_of(network)), "10.1.0.0/24 fd00::/64 192.0.2.0/24 ");
}

TEST(Scope, WhatLiesInAnotherIsDropped) {
  EXPECT_EQ(text(covering({prefix("10.1.2.0/24"), prefix("10.1.0.0/16"), prefix("10.1.0.0/24"), prefix("::/0"),
                           prefix("10.2.0.0/24"), prefix("10.1.0.0/16"), prefix("fd00::/8")},
                          10)),
            "10.1.0.0/16 10.2.0.0/24 ::/0 ");
}

// However many there are: few, and each of them is covered, by its own family.
TEST(Scope, TooManyAreCoveredByFewer) {
  std::mt19937 random(7);
  for (const std::size_t most : {2u, 3u, 16u, 1024u}) {
    std::vector<Prefix> all;
    for (int n = 0; n < 3000; ++n) {
      std::array<std::uint8_t, 16> bytes;
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
      const bool v6 = random() % 2;
      const auto address = *IpAddress::from_bytes({bytes.data(), v6 ? 16u : 4u});
      all.push_back(Prefix::of(address, 8 + random() % (address.bits() - 7)));
    }
    const std::vector<Prefix> few = covering(all, most);
    EXPECT_LE(few.size(), most);
    EXPECT_FALSE(few.empty());
    for (const Prefix& each : all) EXPECT_TRUE(overlap({each}, few)) << each.to_string();
    for (const Prefix& each : all)
      EXPECT_TRUE(std::any_of(few.begin(), few.end(), [&](const Prefix& wide) { return wide.contains(each); }));
  }
}

}  // namespace
}  // namespace berth
