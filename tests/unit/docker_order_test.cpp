// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where DOCKER-USER is called in FORWARD: Docker 26.1 that was started anew calls it behind its isolation.
#include <gtest/gtest.h>

#include "container_watcher/firewall/docker_user.h"

namespace berth::firewall {
namespace {

const NetworkSite kBlue{"blue", "br-blue", {*Prefix::parse("10.10.1.0/24")}};
const std::string kOurs = "\t\tcounter packets 0 bytes 0 jump DOCKER-USER comment \"berth:!order\" # handle 9\n";
const std::string kUser = "\t\tcounter packets 0 bytes 0 jump DOCKER-USER # handle 3\n";
const std::string kIsolation = "\t\tcounter packets 0 bytes 0 jump DOCKER-ISOLATION-STAGE-1 # handle 4\n";
const std::string kOperator = "\t\tiifname \"eth7\" counter packets 0 bytes 0 drop # handle 5\n";

std::string commands(const std::string& forward, const std::vector<NetworkSite>& sites,
                     const std::set<std::string>& keep = {}, const std::string& policy = "drop") {
  const std::string user = sites.empty() ? ""
                                         : "\t\tiifname != \"br-blue\" oifname \"br-blue\" ip daddr 10.10.1.0/24 "
                                           "counter packets 0 bytes 0 accept comment "
                                           "\"berth:blue\" # handle 20\n";
  return docker_user_commands(
      parse_ruleset("table ip filter { # handle 1\n\tchain DOCKER-USER { # handle 2\n" + user +
                    "\t\tcounter packets 0 bytes 0 return # handle 21\n\t}\n\tchain FORWARD { # handle 6\n"
                    "\t\ttype filter hook forward priority 0; policy " +
                    policy + ";\n" + forward + "\t}\n}\n"),
      sites, keep);
}

TEST(DockerOrder, NothingIsDoneWhereDockersOwnCallIsFirst) {
  EXPECT_EQ(commands(kUser + kIsolation, {kBlue}), "");
  EXPECT_EQ(commands(kOperator + kUser + kIsolation, {kBlue}), "");
  EXPECT_EQ(commands("", {kBlue}), "") << "nothing of Docker's that could come first";
}

TEST(DockerOrder, ACallOfOursGoesBeforeTheIsolationAndBehindTheOperatorsRules) {
  EXPECT_EQ(commands(kOperator + kIsolation + kUser, {kBlue}),
            "insert rule ip filter FORWARD handle 4 counter jump DOCKER-USER comment \"berth:!order\"\n");
  EXPECT_EQ(commands(kOurs + kIsolation + kUser, {kBlue}), "") << "once";
}

TEST(DockerOrder, OneThatCameTooLateIsPutAnew) {
  EXPECT_EQ(commands(kIsolation + kOurs + kUser, {kBlue}),
            "delete rule ip filter FORWARD handle 9\n"
            "insert rule ip filter FORWARD handle 4 counter jump DOCKER-USER comment \"berth:!order\"\n");
}

TEST(DockerOrder, ItGoesWhenDockersOwnIsEarlyAgainOrNothingOfOursIsLeft) {
  EXPECT_EQ(commands(kUser + kOurs + kIsolation, {kBlue}), "delete rule ip filter FORWARD handle 9\n");
  EXPECT_EQ(commands(kOurs + kIsolation + kUser, {}), "delete rule ip filter FORWARD handle 9\n");
  EXPECT_EQ(commands(kOurs + kIsolation + kUser, {}, {"!order"}), "") << "not before the sweep";
}

// As Docker's nftables backend leaves it, which has its rules elsewhere.
TEST(DockerOrder, NoRuleIsWhereItOpensNothing) {
  const std::string gone = "delete rule ip filter DOCKER-USER handle 20\n";
  EXPECT_EQ(commands(kUser, {kBlue}, {"blue"}, "accept"), gone);
  EXPECT_EQ(commands(kOperator + kUser, {kBlue}, {"blue"}, "accept"), gone);
  EXPECT_EQ(commands(kUser, {kBlue}, {"blue"}, "drop"), "");
  EXPECT_EQ(commands(kUser + kOperator, {kBlue}, {"blue"}, "accept"), "") << "a rule behind it may drop";
  EXPECT_EQ(commands(kUser + kIsolation, {kBlue}, {"blue"}, "accept"), "");
}

}  // namespace
}  // namespace berth::firewall
