// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/nat_check.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

std::string table(const std::string& rule) {
  return "table ip nat {\n\tchain POSTROUTING {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t\t" +
         rule + "\n\t}\n}\n";
}

TEST(NatCheck, JudgesTheRulesThatDockerMakes) {
  const Prefix subnet = *Prefix::parse("10.10.1.0/24");
  const auto nat = [&](const std::string& rule) { return check_nat(table(rule), subnet, "br-blue").nat; };
  EXPECT_EQ(nat(""), Nat::Off);
  EXPECT_EQ(nat("oifname != \"docker0\" ip saddr 172.17.0.0/16 counter packets 0 bytes 0 masquerade"), Nat::Off);
  EXPECT_EQ(nat("oifname != \"br-blue\" ip saddr 10.10.1.0/24 counter packets 0 bytes 0 masquerade"), Nat::On);
  EXPECT_EQ(nat("oifname \"br-blue\" fib saddr type local counter packets 0 bytes 0 masquerade"), Nat::Off);
  EXPECT_EQ(nat("oifname \"eth0\" counter masquerade"), Nat::On);
  EXPECT_EQ(nat("ip saddr 10.0.0.0/8 snat to 192.0.2.1"), Nat::On);
  EXPECT_EQ(nat("ip saddr != 172.17.0.0/16 masquerade"), Nat::On);
  EXPECT_EQ(nat("counter packets 0 bytes 0 xt target \"MASQUERADE\""), Nat::On);
}

TEST(NatCheck, KeepsTheFamiliesApart) {
  const std::string six = "table ip6 nat {\n\tchain POSTROUTING {\n\t\tmasquerade\n\t}\n}\n";
  EXPECT_EQ(check_nat(six, *Prefix::parse("10.10.1.0/24"), "br-blue").nat, Nat::Off);
  EXPECT_EQ(check_nat(six, *Prefix::parse("fd00:10::/64"), "br-blue").nat, Nat::On);
}

}  // namespace
}  // namespace berth
