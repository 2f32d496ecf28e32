// SPDX-License-Identifier: GPL-2.0-or-later
//
// HostFirewall and HostAgent in a network namespace of their own, with the kernel's own nf_tables; skipped where that
// is not allowed.
#include "container_watcher/attach/host_firewall.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/netns/host_fixture.h"

namespace berth {
namespace {

const NetworkSite kBlue{"blue", "br-blue", {*Prefix::parse("10.10.1.0/24")}};
const NetworkSite kDual{"dual", "br-dual", {*Prefix::parse("10.10.3.0/24"), *Prefix::parse("fd00:3::/64")}};
const std::string kForeign = "iifname \"eth7\" ip saddr 192.0.2.0/24 counter drop comment \"by hand\"";

class HostRules : public OwnNamespace {
 protected:
  void SetUp() override {
    if (!own_) GTEST_SKIP() << "no network namespace of its own";
    ASSERT_EQ(std::system("ip link add br-blue type bridge && ip link add br-dual type bridge && "
                          "ip link set br-blue up && ip link set br-dual up"),
              0);
    for (const char* family : {"ip", "ip6"})
      nft(std::string("table ") + family +
          " filter {\n chain DOCKER-USER {\n counter return\n }\n chain FORWARD {\n type filter hook forward priority "
          "0; policy drop;\n counter jump DOCKER-USER\n iifname \"br-blue\" accept\n iifname \"br-dual\" accept\n "
          "oifname "
          "\"br-*\" ct state established,related accept\n }\n}\n");
    nft("insert rule ip filter DOCKER-USER " + kForeign);
  }
  std::string chain(const std::string& family = "ip") { return nft("list chain " + family + " filter DOCKER-USER"); }
  Findings look(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep, bool sweep) {
    HostWish wish;
    for (const NetworkSite& each : sites) wish.sites[each.name] = each;
    wish.keep = keep;
    wish.sweep = sweep;
    const auto state = read_host_state();
    EXPECT_TRUE(state);
    return firewall.look(wish, *state);
  }

  static bool blocked(const Findings& findings, const std::string& network) {
    for (const Problem& each : findings.sites.at(network).verdict.problems)
      if (each.blocks) return true;
    return false;
  }

  Nft nft;
  HostFirewall firewall;
};

TEST_F(HostRules, ArePutOnceKeptAndSwept) {
  const std::string before = chain();
  const Findings first = look({kBlue}, {"blue"}, false);
  EXPECT_TRUE(first.changed_rules);
  ASSERT_TRUE(first.sites.contains("blue"));
  EXPECT_TRUE(first.sites.at("blue").attached);
  EXPECT_FALSE(blocked(first, "blue"));
  EXPECT_TRUE(has(first.sites.at("blue").verdict.problems, "firewall-some")) << "the operator's rule is told";
  EXPECT_EQ(word_of("/proc/sys/net/ipv4/ip_forward"), "1");
  const std::string put = chain();
  EXPECT_EQ(count(put, "comment \"berth:blue\""), 1U) << put;
  EXPECT_LT(put.find("by hand"), put.find("berth:blue"));
  EXPECT_LT(put.find("berth:blue"), put.find("return"));
  EXPECT_EQ(count(chain("ip6"), "berth:"), 0U) << "it has no IPv6";

  // handles are part of the listing: the same rules, not new ones
  EXPECT_FALSE(look({kBlue}, {"blue"}, false).changed_rules);
  EXPECT_FALSE(look({}, {"blue"}, true).changed_rules) << "the runtime is away";
  EXPECT_FALSE(look({}, {}, false).changed_rules) << "what is to be kept is not known yet";
  HostFirewall another;  // berthd was started anew
  EXPECT_FALSE(another.look({{{"blue", kBlue}}, {"blue"}, true}, *read_host_state()).changed_rules);
  EXPECT_EQ(chain(), put);

  EXPECT_TRUE(look({}, {}, true).changed_rules);
  EXPECT_EQ(chain(), before) << "what another hand wrote is as it was, with its handles";
  EXPECT_FALSE(look({}, {}, true).changed_rules);
}

TEST_F(HostRules, AreReadWhenTheyHaveChanged) {
  EXPECT_TRUE(look({kBlue}, {"blue"}, true).read_rules);
  EXPECT_FALSE(look({kBlue}, {"blue"}, true).read_rules) << "ours are in, and nobody did anything since";
  EXPECT_FALSE(blocked(look({kBlue}, {"blue"}, true), "blue")) << "they are judged all the same";
  nft("insert rule ip filter FORWARD oifname \"br-blue\" drop");
  const Findings found = look({kBlue}, {"blue"}, true);
  EXPECT_TRUE(found.read_rules);
  EXPECT_TRUE(blocked(found, "blue"));
}

TEST_F(HostRules, AreInBothFamilies) {
  EXPECT_TRUE(look({kDual}, {"dual"}, true).changed_rules);
  EXPECT_EQ(count(chain("ip"), "ip daddr 10.10.3.0/24"), 1U);
  EXPECT_EQ(count(chain("ip6"), "ip6 daddr fd00:3::/64"), 1U);
  const Findings again = look({kDual}, {"dual"}, true);
  EXPECT_FALSE(again.changed_rules);
  EXPECT_FALSE(blocked(again, "dual"));
  EXPECT_EQ(word_of("/proc/sys/net/ipv6/conf/all/forwarding"), "1");
  EXPECT_TRUE(look({}, {}, true).changed_rules);
  EXPECT_EQ(count(chain("ip") + chain("ip6"), "berth:"), 0U);
}

TEST_F(HostRules, AForgottenNetworkTakesOnlyItsOwn) {
  EXPECT_TRUE(look({kBlue, kDual}, {"blue", "dual"}, true).changed_rules);
  EXPECT_TRUE(look({kBlue}, {"blue"}, true).changed_rules);
  EXPECT_EQ(count(chain(), "berth:blue"), 1U);
  EXPECT_EQ(count(chain() + chain("ip6"), "berth:dual"), 0U);
  EXPECT_EQ(count(chain(), "by hand"), 1U);
}

TEST_F(HostRules, ThatAreTakenOutAgainAndAgainAreTold) {
  Findings found;
  int put = 0;
  for (; put < 100 && !has(found.sites["blue"].verdict.problems, "rules-undone"); ++put) {
    found = look({kBlue}, {"blue"}, true);
    if (found.changed_rules) nft("flush chain ip filter DOCKER-USER");
  }
  EXPECT_GT(put, 3);
  EXPECT_LT(put, 100) << "two who undo each other must not spin";
  EXPECT_EQ(count(chain(), "berth:"), 0U);
}

TEST_F(HostRules, WithoutDockersChainNothingIsMade) {
  nft("flush ruleset");
  const Findings found = look({kBlue}, {"blue"}, true);
  EXPECT_FALSE(found.changed_rules);
  EXPECT_EQ(nft("list ruleset"), "");
  EXPECT_TRUE(found.sites.at("blue").verdict.problems.empty()) << "nothing drops";
}

// nft 1.0.6 can't print the NAT of the family that it reads second.
TEST_F(HostRules, NatOfIptablesIsSeenInBothFamilies) {
  if (std::system("command -v iptables-nft ip6tables-nft >/dev/null") != 0) GTEST_SKIP() << "no iptables-nft";
  EXPECT_EQ(look({kDual}, {"dual"}, true).sites.at("dual").verdict.nat, Nat::Off);
  ASSERT_EQ(std::system("ip6tables-nft -t nat -A POSTROUTING -s fd00:99::/64 -j MASQUERADE && "
                        "iptables-nft -t nat -A POSTROUTING -s 10.10.1.0/24 -j MASQUERADE"),
            0);
  const Findings four = look({kBlue, kDual}, {"blue", "dual"}, true);
  EXPECT_EQ(four.sites.at("blue").verdict.nat, Nat::On) << nft("list ruleset");
  EXPECT_EQ(four.sites.at("dual").verdict.nat, Nat::Off) << nft("list ruleset");
  ASSERT_EQ(std::system("ip6tables-nft -t nat -A POSTROUTING -s fd00:3::/64 -j MASQUERADE"), 0);
  EXPECT_EQ(look({kDual}, {"dual"}, true).sites.at("dual").verdict.nat, Nat::On);
}

class Agent : public HostRules, public AgentRun {
 protected:
  std::size_t ours(const std::string& network) { return count(chain() + chain("ip6"), "\"berth:" + network + "\""); }
};

TEST_F(Agent, PutsBackWhatIsTakenAndSweepsWhatIsForgotten) {
  agent.configured({{"blue", {}}});
  agent.start();
  agent.want(kBlue, {});
  ASSERT_TRUE(until([&] { return good("blue"); }));
  EXPECT_EQ(ours("blue"), 1U);
  ASSERT_TRUE(settled());
  const auto looks = agent.counters().looks;
  const auto changes = agent.counters().rule_changes;
  EXPECT_EQ(changes, 1U);
  ASSERT_TRUE(settled());
  EXPECT_EQ(agent.counters().looks, looks) << "while the kernel is silent nothing runs";

  nft("flush chain ip filter DOCKER-USER");  // with the operator's rule: only ours come back
  ASSERT_TRUE(until([&] { return ours("blue") == 1; }));
  EXPECT_EQ(count(chain(), "by hand"), 0U);
  ASSERT_TRUE(settled());
  EXPECT_EQ(agent.counters().rule_changes, changes + 1);

  nft("add rule ip filter DOCKER-USER " + kForeign);
  agent.forget("blue");
  agent.sweep();
  ASSERT_TRUE(until([&] { return ours("blue") == 0; }));
  EXPECT_EQ(count(chain(), "by hand"), 1U);
  agent.stop();
}

TEST_F(Agent, ARuleOfAnEarlierBerthdWaitsForTheSweep) {
  nft("insert rule ip filter DOCKER-USER oifname \"br-old\" ip daddr 10.77.0.0/16 counter accept comment "
      "\"berth:old\"");
  agent.configured({{"blue", {}}});
  agent.start();
  agent.want(kBlue, {});
  ASSERT_TRUE(until([&] { return good("blue"); }));
  ASSERT_TRUE(settled());
  EXPECT_EQ(ours("old"), 1U) << "zebra may still hold its routes";
  agent.sweep();
  ASSERT_TRUE(until([&] { return ours("old") == 0; }));
  EXPECT_EQ(ours("blue"), 1U);
  // what the runtime no longer has keeps its rules until it is forgotten
  agent.unwant("blue");
  nft("add rule ip filter DOCKER-USER " + kForeign);
  ASSERT_TRUE(settled());
  EXPECT_EQ(ours("blue"), 1U);
  agent.stop();
}

TEST_F(Agent, SeesTheBridgeGoAndTheNatCome) {
  agent.start();
  agent.want(kBlue, {{"mtu", "its mtu is not 1450", "", false}});
  ASSERT_TRUE(until([&] { return good("blue"); }));
  EXPECT_TRUE(has(last.health["blue"].problems, "mtu")) << "the runtime's word is kept";
  nft("table ip nat {\n chain POSTROUTING {\n type nat hook postrouting priority 100;\n ip saddr 10.10.1.0/24 "
      "masquerade\n }\n}\n");
  ASSERT_TRUE(until([&] { return last.health["blue"].nat == Nat::On; }));
  EXPECT_FALSE(good("blue"));
  nft("delete table ip nat");
  ASSERT_TRUE(until([&] { return good("blue"); }));
  ASSERT_EQ(std::system("ip link del br-blue"), 0);
  ASSERT_TRUE(until([&] { return has(last.health["blue"].problems, "bridge-missing"); }));
  EXPECT_FALSE(last.health["blue"].attached);
  ASSERT_EQ(std::system("ip link add br-blue type bridge && ip addr add 10.10.1.1/24 dev br-blue"), 0);
  ASSERT_TRUE(until([&] { return has(last.health["blue"].problems, "bridge-down"); }));
  EXPECT_FALSE(good("blue"));
  ASSERT_EQ(std::system("ip link set br-blue up"), 0);
  ASSERT_TRUE(until([&] { return good("blue") && last.addresses.contains(*IpAddress::parse("10.10.1.1")); }));
  agent.stop();
}

}  // namespace
}  // namespace berth
