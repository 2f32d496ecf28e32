// SPDX-License-Identifier: GPL-2.0-or-later
//
// Our rules in front of what Docker drops in raw PREROUTING, as nft commands.
#include "container_watcher/firewall/docker_raw.h"

#include <gtest/gtest.h>

namespace berth::firewall {
namespace {

const NetworkSite kBlue{"blue", "br-blue", {*Prefix::parse("10.10.1.0/24"), *Prefix::parse("fd00:1::/64")}};
const NetworkSite kRed{"red", "br-red", {*Prefix::parse("10.10.2.0/24")}};
const std::string kOperator = "\t\tip saddr 192.0.2.0/24 counter packets 0 bytes 0 drop # handle 3\n";
const std::string kOne = "\t\tiifname != \"br-blue\" ip daddr 10.10.1.2 counter packets 0 bytes 0 drop # handle 4\n";
const std::string kTwo = "\t\tiifname != \"br-blue\" ip daddr 10.10.1.3 counter packets 0 bytes 0 drop # handle 5\n";
const std::string kOurs =
    "\t\tiifname != \"br-blue\" ip daddr 10.10.1.0/24 counter packets 7 bytes 9 accept comment \"berth:blue\" # handle "
    "9\n";
const std::string kInsert =
    "insert rule ip raw PREROUTING handle 4 iifname != \"br-blue\" ip daddr 10.10.1.0/24 counter accept comment "
    "\"berth:blue\"\n";
const std::string kDelete = "delete rule ip raw PREROUTING handle 9\n";

std::string commands(const std::string& rules, const std::vector<NetworkSite>& sites = {kBlue, kRed},
                     const std::set<std::string>& keep = {"blue", "red"}, const std::string& family = "ip") {
  return docker_raw_commands(parse_ruleset("table " + family +
                                           " raw { # handle 1\n\tchain PREROUTING { # handle 1\n"
                                           "\t\ttype filter hook prerouting priority raw; policy accept;\n" +
                                           rules + "\t}\n}\n"),
                             sites, keep);
}

TEST(DockerRaw, OneRuleForASubnetGoesBeforeDockersFirstAndBehindTheOperators) {
  EXPECT_EQ(commands(kOperator + kOne + kTwo), kInsert);
  EXPECT_EQ(commands(kOperator + kOurs + kOne + kTwo), "") << "once";
  EXPECT_EQ(
      commands("\t\tiifname != \"br-blue\" ip6 daddr fd00:1::2 counter packets 0 bytes 0 drop # handle 4\n", {kBlue},
               {}, "ip6"),
      "insert rule ip6 raw PREROUTING handle 4 iifname != \"br-blue\" ip6 daddr fd00:1::/64 counter accept comment "
      "\"berth:blue\"\n");
}

TEST(DockerRaw, OneThatCameTooLateIsPutAnew) {
  EXPECT_EQ(commands(kOne + kOurs), kDelete + kInsert);
  EXPECT_EQ(commands(kOurs + kOurs + kOne), kDelete) << "one is enough";
}

TEST(DockerRaw, ItIsThereAsLongAsOneOfDockersIs) {
  EXPECT_EQ(commands(kOperator), "");
  EXPECT_EQ(commands(kOperator + kOurs), kDelete) << "made anew, or without a container";
  EXPECT_EQ(commands(kOurs, {}, {"blue"}), "") << "not before the sweep";
  EXPECT_EQ(commands(kOurs, {}, {}), kDelete) << "no network of ours any more";
}

TEST(DockerRaw, WhatIsNotDockersWordOnThisNetworkIsLeftAlone) {
  for (const char* other :
       {"iifname != \"br-other\" ip daddr 10.10.1.2 drop", "iifname != \"br-blue\" ip daddr 10.10.9.2 drop",
        "iifname != \"br-blue\" ip daddr 10.10.1.2 accept",
        "iifname != \"br-blue\" ip daddr 10.10.1.2 tcp dport 80 drop", "iifname \"br-blue\" ip daddr 10.10.1.2 drop",
        "ip daddr 10.10.1.2 drop", "iifname != \"br-blue\" drop", "iifname != \"br-blue\" ip daddr != 10.10.1.2 drop",
        "iifname != \"br-blue\" ip daddr 10.10.0.0/16 drop"})
    EXPECT_EQ(commands("\t\t" + std::string(other) + " # handle 4\n"), "") << other;
  EXPECT_EQ(
      docker_raw_commands(parse_ruleset("table ip docker-bridges {\n\tchain raw-PREROUTING {\n\t\ttype filter hook "
                                        "prerouting priority raw;\n\t\tip daddr 10.10.1.2 iifname != \"br-blue\" "
                                        "counter drop # handle 4\n\t}\n}\n"),
                          {kBlue}, {}),
      "")
      << "the nftables backend empties its chains";
}

TEST(DockerRaw, OpensNothingThatWasClosedOnPurpose) {
  NetworkSite closed = kBlue;
  closed.closed_v4 = true;
  EXPECT_EQ(commands(kOne, {closed}), "");
  EXPECT_EQ(commands(kOurs + kOne, {closed}), kDelete);
}

}  // namespace
}  // namespace berth::firewall
