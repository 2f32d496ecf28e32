// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "core/ip.h"

namespace berth {
namespace {

TEST(IpAddress, ReadsAndWritesBothFamilies) {
  for (const char* text : {"10.1.2.3", "0.0.0.0", "255.255.255.255", "fd00::1", "::", "2001:db8::a:0:0:1"})
    EXPECT_EQ(IpAddress::parse(text)->to_string(), text);
  for (const char* text : {"", "10.1.2", "010.1.2.3", "10.1.2.3 ", "fe80::1%eth0", "1.2.3.4.5", "g::1"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(Prefix, RefusesHostBitsAndBadLengths) {
  EXPECT_EQ(Prefix::parse("10.1.2.0/24")->to_string(), "10.1.2.0/24");
  EXPECT_EQ(Prefix::parse("10.1.2.3")->to_string(), "10.1.2.3/32");
  EXPECT_EQ(Prefix::parse("fd00:1::/64")->to_string(), "fd00:1::/64");
  for (const char* text : {"10.1.2.3/24", "10.0.0.0/33", "fd00::1/64", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "/8"})
    EXPECT_FALSE(Prefix::parse(text)) << text;
}

TEST(Prefix, ContainsItsOwnFamilyOnly) {
  const Prefix net = *Prefix::parse("10.1.2.0/23");
  EXPECT_TRUE(net.contains(*IpAddress::parse("10.1.3.255")));
  EXPECT_FALSE(net.contains(*IpAddress::parse("10.1.4.0")));
  EXPECT_FALSE(net.contains(*IpAddress::parse("a01:200::")));
  EXPECT_TRUE(net.contains(*Prefix::parse("10.1.3.0/24")));
  EXPECT_FALSE(Prefix::parse("10.1.3.0/24")->contains(net));
  EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(net));
}

TEST(IpAddress, EndsAtNoZeroByte) {
  using std::string_literals::operator""s;
  EXPECT_FALSE(IpAddress::parse("10.0.0.1\0.example"s));
  EXPECT_FALSE(Prefix::parse("fd00::\0/64"s));
}

TEST(Prefix, KnowsItsLastAddress) {
  for (const auto& [prefix, last] : {std::pair{"10.1.2.0/23", "10.1.3.255"},
                                     {"10.1.2.3/32", "10.1.2.3"},
                                     {"0.0.0.0/0", "255.255.255.255"},
                                     {"10.1.2.64/27", "10.1.2.95"},
                                     {"fd00::/65", "fd00::7fff:ffff:ffff:ffff"},
                                     {"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}})
    EXPECT_EQ(Prefix::parse(prefix)->last().to_string(), last);
}

}  // namespace
}  // namespace berth
