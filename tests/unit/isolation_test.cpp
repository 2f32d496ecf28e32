// SPDX-License-Identifier: GPL-2.0-or-later
//
// What keeps overlays apart, as nft commands. That the kernel takes them and prints them so is tests/netns/host_firewall_test.cpp's.
#include "container_watcher/firewall/isolation.h"

#include <gtest/gtest.h>

#include "container_watcher/firewall/verdict.h"

namespace berth::firewall {
namespace {

NetworkSite site(const std::string& name, const std::string& subnet, const std::vector<std::string>& others) {
  NetworkSite out{name, "br-" + name, {*Prefix::parse(subnet)}};
  for (const std::string& each : others) out.isolated_from.push_back(*Prefix::parse(each));
  return out;
}
const NetworkSite kRed = site("red", "10.66.0.0/16", {"10.68.0.0/16", "10.64.0.0/16", "fd00:67::/64"});
const NetworkSite kOpen = site("open", "10.67.0.0/16", {});

const std::string kOut =
    "iifname \"br-red\" ip daddr { 10.64.0.0/16, 10.68.0.0/16 } counter drop comment \"berth:red\"";
const std::string kIn = "oifname \"br-red\" ip saddr { 10.64.0.0/16, 10.68.0.0/16 } counter drop comment \"berth:red\"";
const std::string kOut6 = "iifname \"br-red\" ip6 daddr fd00:67::/64 counter drop comment \"berth:red\"";
const std::string kIn6 = "oifname \"br-red\" ip6 saddr fd00:67::/64 counter drop comment \"berth:red\"";
const std::string kAdd = "add rule inet berth isolation ";

Ruleset table(const std::vector<std::string>& rules, const std::string& more = "") {
  std::string text =
      "table inet berth { # handle 1\n\tchain isolation { # handle 1\n"
      "\t\ttype filter hook forward priority filter - 1; policy accept;\n";
  for (std::size_t i = 0; i < rules.size(); ++i)
    text += "\t\t" + rules[i] + " # handle " + std::to_string(i + 2) + "\n";
  return parse_ruleset(text + "\t}\n" + more + "}\n");
}

TEST(Isolation, OneRuleEachWayInATableOfOurOwn) {
  EXPECT_EQ(isolation_commands({}, {kRed, kOpen}, {"red", "open"}),
            "add table inet berth\nadd chain inet berth isolation { type filter hook forward priority -1 ; }\n" + kAdd +
                kOut + "\n" + kAdd + kIn + "\n" + kAdd + kOut6 + "\n" + kAdd + kIn6 + "\n");
  EXPECT_EQ(isolation_commands({}, {kOpen}, {"open"}), "") << "no table for nothing";
  EXPECT_EQ(isolation_commands(table({kOut, kIn, kOut6, kIn6}), {kRed, kOpen}, {"red", "open"}), "");
}

TEST(Isolation, WhatLiesSideBySideIsOneAsNftPrintsIt) {
  const std::string out =
      isolation_commands({}, {site("red", "10.1.0.0/16", {"10.66.0.0/16", "10.67.0.0/16", "10.68.0.0/16"})}, {});
  EXPECT_NE(out.find("ip daddr 10.66.0.0-10.68.255.255 counter"), std::string::npos) << out;
  const std::string two = isolation_commands({}, {site("red", "10.1.0.0/16", {"10.67.0.0/16", "10.66.0.0/16"})}, {});
  EXPECT_NE(two.find("ip daddr 10.66.0.0/15 counter"), std::string::npos) << two;
}

TEST(Isolation, WhatIsMissingIsAddedAndWhatIsNotWantedGoes) {
  EXPECT_EQ(isolation_commands(table({kOut, kOut6, kIn6}), {kRed}, {"red"}), kAdd + kIn + "\n");
  const NetworkSite fewer = site("red", "10.66.0.0/16", {"fd00:67::/64"});
  EXPECT_EQ(isolation_commands(table({kOut, kIn, kOut6, kIn6}), {fewer}, {"red"}),
            "delete rule inet berth isolation handle 2\ndelete rule inet berth isolation handle 3\n");
  EXPECT_EQ(isolation_commands(table({kOut, kIn, kOut6, kIn6}), {}, {"red"}), "") << "its runtime is away";
  EXPECT_EQ(isolation_commands(table({kOut, kIn, kOut6, kIn6}), {kOpen}, {"open"}), "delete table inet berth\n");
}

TEST(Isolation, WhatIsAnothersInTheTableStays) {
  const std::string theirs = "ip saddr 192.0.2.1 counter drop";
  EXPECT_EQ(isolation_commands(table({theirs, kOut}), {kOpen}, {"open"}),
            "delete rule inet berth isolation handle 3\n");
  EXPECT_EQ(isolation_commands(table({kOut}, "\tchain mine { # handle 9\n\t}\n"), {kOpen}, {"open"}),
            "delete rule inet berth isolation handle 2\n");
}

TEST(Isolation, IsNothingThatIsToldOfANetwork) {
  NetworkSite black = site("black", "10.68.0.0/16", {"10.66.0.0/16"});
  const auto found = judge(table({kOut, kIn}), {kRed, black}, {});
  EXPECT_TRUE(found.at("red").problems.empty());
  EXPECT_TRUE(found.at("black").problems.empty());
  const Ruleset others = parse_ruleset(
      "table inet other {\n\tchain isolation {\n\t\ttype filter hook forward priority filter - 1; policy "
      "accept;\n\t\t" +
      kOut + "\n\t}\n}\n");
  EXPECT_FALSE(judge(others, {kRed, black}, {}).at("red").problems.empty()) << "in another table it is";
}

}  // namespace
}  // namespace berth::firewall
