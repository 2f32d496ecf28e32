// SPDX-License-Identifier: GPL-2.0-or-later
//
// HostKeeper and HostAgent in a network namespace of their own, with the kernel's own nf_tables; skipped where that
// is not allowed.
#include "container_watcher/attach/host_keeper.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "container_watcher/netlink/executor.h"
#include "container_watcher/netlink/observer.h"
#include "tests/netns/host_fixture.h"
#include "tests/support/fake_host_kernel.h"
#include "tests/support/host_rules.h"

namespace berth {
namespace {

const NetworkSite kBlue{"blue", "br-blue", {*Prefix::parse("10.10.1.0/24")}};
const NetworkSite kDual{"dual", "br-dual", {*Prefix::parse("10.10.3.0/24"), *Prefix::parse("fd00:3::/64")}};
const std::string kForeign = "iifname \"eth7\" ip saddr 192.0.2.0/24 counter drop comment \"by hand\"";

// One round of a host's side, as HostAgent's worker goes through it.
class Rounds {
 public:
  Findings look(const WantedHost& wanted) {
    EXPECT_TRUE(keeper_.observe(wanted));
    if (keeper_.apply(keeper_.plan(wanted))) {
      EXPECT_TRUE(keeper_.observe_again(wanted));
    }
    return keeper_.judge(wanted);
  }

 private:
  KernelObserver observer_;
  KernelExecutor executor_;
  HostKeeper keeper_{observer_, executor_, bridge_driver};
};

class HostRules : public OwnNamespace {
 protected:
  void SetUp() override {
    if (!own_) GTEST_SKIP() << "no network namespace of its own";
    ASSERT_EQ(std::system("ip link add br-blue type bridge && ip link add br-dual type bridge && "
                          "ip link set br-blue up && ip link set br-dual up"),
              0);
    nft(rules_in("docker20_two_bridges"));
  }
  std::string chain(const std::string& family = "ip") { return nft("list chain " + family + " filter DOCKER-USER"); }
  Findings look(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep, bool sweep) {
    WantedHost wanted;
    for (const NetworkSite& each : sites) wanted.sites[each.name] = each;
    wanted.keep = keep;
    wanted.sweep = sweep;
    return firewall.look(wanted);
  }

  static bool blocked(const Findings& findings, const std::string& network) {
    for (const Problem& each : findings.sites.at(network).verdict.problems)
      if (each.blocks) return true;
    return false;
  }

  Nft nft;
  Rounds firewall;
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
  Rounds another;  // berthd was started anew
  EXPECT_FALSE(another.look({{{"blue", kBlue}}, {"blue"}, true}).changed_rules);
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

// nft prints prefixes that lie side by side as one: what was put is known again.
TEST_F(HostRules, ThatKeepOverlaysApartArePutOnceAndGo) {
  NetworkSite dual = kDual;
  for (const char* each :
       {"10.66.0.0/16", "10.67.0.0/16", "10.68.0.0/16", "192.0.2.0/24", "fd00:66::/64", "fd00:67::/64"})
    dual.isolated_from.push_back(*Prefix::parse(each));
  EXPECT_TRUE(look({kBlue, dual}, {"blue", "dual"}, true).changed_rules);
  EXPECT_EQ(count(nft("list table inet berth"), "berth:dual"), 4U) << nft("list table inet berth");
  const Findings again = look({kBlue, dual}, {"blue", "dual"}, true);
  EXPECT_FALSE(again.changed_rules);
  EXPECT_FALSE(has(again.sites.at("dual").verdict.problems, "firewall-drops"));
  nft("flush chain inet berth isolation");
  EXPECT_TRUE(look({kBlue, dual}, {"blue", "dual"}, true).changed_rules);
  EXPECT_EQ(count(nft("list table inet berth"), "berth:dual"), 4U);
  EXPECT_TRUE(look({kBlue, kDual}, {"blue", "dual"}, true).changed_rules);
  EXPECT_EQ(nft("list tables").find("berth"), std::string::npos);
  EXPECT_FALSE(look({kBlue, kDual}, {"blue", "dual"}, true).changed_rules);
}

TEST_F(HostRules, WithoutDockersChainNothingIsMade) {
  nft("flush ruleset");
  const Findings found = look({kBlue}, {"blue"}, true);
  EXPECT_FALSE(found.changed_rules);
  EXPECT_EQ(nft("list ruleset"), "");
  EXPECT_TRUE(found.sites.at("blue").verdict.problems.empty()) << "nothing drops";
}

TEST_F(HostRules, AMissingChainIsMadeAsDockerDoesAndGoesWithTheLastNetwork) {
  nft(rules_in("docker26_without_docker_user"));
  const std::string before = nft("list chain ip filter FORWARD");
  const Findings found = look({kBlue, kDual}, {"blue", "dual"}, true);
  EXPECT_TRUE(found.changed_rules);
  EXPECT_FALSE(blocked(found, "blue")) << nft("list ruleset");
  EXPECT_TRUE(blocked(found, "dual")) << "nothing accepts what comes from br-dual";
  EXPECT_EQ(count(nft("list ruleset"), "ip6"), 0U) << "Docker has no rules in IPv6";
  const std::string forward = nft("list chain ip filter FORWARD");
  EXPECT_LT(forward.find("operator's"), forward.find("jump DOCKER-USER"));
  EXPECT_LT(forward.find("jump DOCKER-USER"), forward.find("jump DOCKER-ISOLATION"));
  EXPECT_FALSE(look({kBlue, kDual}, {"blue", "dual"}, true).changed_rules);
  EXPECT_FALSE(look({}, {"blue", "dual"}, true).changed_rules) << "the runtime is away";
  EXPECT_TRUE(look({}, {}, true).changed_rules);
  EXPECT_EQ(nft("list chain ip filter FORWARD"), before);
  EXPECT_EQ(count(nft("list ruleset"), "DOCKER-USER"), 0U) << nft("list ruleset");
  EXPECT_FALSE(look({}, {}, true).changed_rules);
}

// The commands of moby's setupUserChain, for a chain that it finds.
TEST_F(HostRules, DockerThatFindsOurChainNeitherDoublesNorLosesAnything) {
  if (std::system("command -v iptables-nft >/dev/null") != 0) GTEST_SKIP() << "no iptables-nft";
  nft(rules_in("docker26_without_docker_user"));
  ASSERT_TRUE(look({kBlue}, {"blue"}, true).changed_rules);
  ASSERT_EQ(std::system("iptables-nft -C DOCKER-USER -j RETURN 2>/dev/null || iptables-nft -A DOCKER-USER -j RETURN; "
                        "iptables-nft -D FORWARD -j DOCKER-USER 2>/dev/null; iptables-nft -I FORWARD -j DOCKER-USER"),
            0);
  EXPECT_FALSE(blocked(look({kBlue}, {"blue"}, true), "blue"));
  EXPECT_EQ(count(nft("list chain ip filter FORWARD"), "jump DOCKER-USER"), 1U) << nft("list ruleset");
  EXPECT_EQ(count(chain(), "berth:blue"), 1U);
  EXPECT_TRUE(look({}, {}, true).changed_rules);
  EXPECT_EQ(count(nft("list ruleset"), "berth:"), 0U);
  EXPECT_EQ(count(nft("list chain ip filter FORWARD"), "jump DOCKER-USER"), 1U) << "it is Docker's now";
}

TEST_F(HostRules, ANetworkWhoseRulesAreRefusedIsToldAndTheOthersHaveTheirs) {
  const NetworkSite odd{"odd", "an-interface-of-that-length", {*Prefix::parse("10.10.9.0/24")}};
  const NetworkSite longest{std::string(300, 'n'), "br-dual", {*Prefix::parse("10.10.8.0/24")}};
  const NetworkSite longer{std::string(301, 'n'), "br-dual", {*Prefix::parse("10.10.7.0/24")}};
  const std::vector<NetworkSite> sites{kBlue, odd, longest, longer, kDual};
  std::set<std::string> keep;
  for (const NetworkSite& each : sites) keep.insert(each.name);
  Findings found = look(sites, keep, true);
  for (int i = 0; i < 60; ++i) found = look(sites, keep, true);
  for (const NetworkSite& each : sites)
    EXPECT_EQ(has(found.sites.at(each.name).verdict.problems, "rules-refused"), each.name == "odd") << each.name;
  EXPECT_FALSE(has(found.sites.at("blue").verdict.problems, "rules-undone"));
  EXPECT_FALSE(blocked(found, "blue"));
  EXPECT_EQ(count(chain(), "berth:"), 4U) << chain();
  const std::string put = chain();
  EXPECT_FALSE(look(sites, keep, true).changed_rules) << "a long name's own rules are known again";
  look({kBlue, longest, kDual}, {"blue", "dual", longest.name}, true);
  EXPECT_EQ(count(chain(), "berth:"), 3U) << chain();
  EXPECT_EQ(count(chain(), "10.10.8.0/24"), 1U);
}

// nft may not even read: as when the capability is lost.
TEST_F(HostRules, ThatCantBeReadKeepTheLastVerdictAndAreToldAfterSomeFailures) {
  const auto powers = [](bool all) {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2];
    syscall(SYS_capget, &head, data);
    data[0].effective = all ? data[0].permitted : 0;
    data[1].effective = all ? data[1].permitted : 0;
    return syscall(SYS_capset, &head, data) == 0;
  };
  EXPECT_FALSE(blocked(look({kBlue}, {"blue"}, true), "blue"));
  nft("add rule ip filter FORWARD iifname \"eth7\" counter");  // so that they must be read
  ASSERT_TRUE(powers(false));
  Findings found;
  for (unsigned failures = 1; failures < 6; ++failures) {
    found = look({kBlue}, {"blue"}, true);
    EXPECT_EQ(found.failures, failures);
    EXPECT_FALSE(blocked(found, "blue"));
    EXPECT_EQ(found.sites.at("blue").verdict.nat, Nat::Off);
    EXPECT_EQ(has(found.sites.at("blue").verdict.problems, "rules-unknown"), failures >= 4) << failures;
  }
  Rounds fresh;
  const Findings never = fresh.look({{{"blue", kBlue}}, {"blue"}, true});
  ASSERT_TRUE(powers(true));
  EXPECT_TRUE(blocked(never, "blue")) << "they were never read";
  EXPECT_EQ(never.sites.at("blue").verdict.nat, Nat::Unknown);
  found = look({kBlue}, {"blue"}, true);
  EXPECT_EQ(found.failures, 0U);
  EXPECT_FALSE(has(found.sites.at("blue").verdict.problems, "rules-unknown"));
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
  EXPECT_EQ(four.sites.at("dual").verdict.nat, Nat::Some) << "clients in fd00:99::/64\n" << nft("list ruleset");
  ASSERT_EQ(std::system("ip6tables-nft -t nat -A POSTROUTING -s fd00:3::/64 -j MASQUERADE"), 0);
  EXPECT_EQ(look({kDual}, {"dual"}, true).sites.at("dual").verdict.nat, Nat::On);
}

// The rules are this namespace's; the host is one in memory, which can be made to fail.
class KeptHost : public HostRules {
 protected:
  void SetUp() override {
    HostRules::SetUp();
    LinkSettings up;
    up.up = true;
    ASSERT_TRUE(host.apply(PutLink{"br-blue", BridgeLink{}, up}));
    wanted.sites["blue"] = kBlue;
    wanted.keep = {"blue"};
    forget_counts();
  }
  void forget_counts() { host.applied = host.dumps = 0; }
  Findings round() {
    read = keeper.observe(wanted);
    if (keeper.apply(keeper.plan(wanted))) {
      EXPECT_TRUE(keeper.observe_again(wanted));
    }
    return keeper.judge(wanted);
  }
  FakeHostKernel host;
  HostKeeper keeper{host, host, bridge_driver};
  WantedHost wanted;
  Status read;
};

TEST_F(KeptHost, IsReadAgainOnlyWhereItWasChanged) {
  EXPECT_FALSE(blocked(round(), "blue")) << "forwarding was off, and is on";
  EXPECT_EQ(host.own().sysctls["net.ipv4.ip_forward"], "1");
  EXPECT_EQ(host.applied, 1U);
  EXPECT_EQ(host.dumps, 2U);
  forget_counts();
  EXPECT_FALSE(blocked(round(), "blue"));
  EXPECT_EQ(host.applied, 0U);
  EXPECT_EQ(host.dumps, 1U);
}

TEST_F(KeptHost, ThatCantBeReadIsNotChangedByAnOldPictureOfIt) {
  host.fail(1, EPERM);
  EXPECT_TRUE(has(round().sites.at("blue").verdict.problems, "forwarding-off"));
  forget_counts();
  host.interrupt_dumps(1);
  const Findings found = round();
  EXPECT_FALSE(read);
  EXPECT_EQ(host.applied, 0U);
  EXPECT_TRUE(found.sites.at("blue").attached) << "what was seen before counts";
  EXPECT_TRUE(has(found.sites.at("blue").verdict.problems, "forwarding-off")) << "what was told stays told";
  EXPECT_FALSE(has(round().sites.at("blue").verdict.problems, "forwarding-off")) << "it is tried again";
}

class Agent : public HostRules, public AgentRun {
 protected:
  std::size_t ours(const std::string& network) { return count(chain() + chain("ip6"), "\"berth:" + network + "\""); }
};

TEST_F(Agent, PutsBackWhatIsTakenAndSweepsWhatIsForgotten) {
  agent.configured({{"blue", {}}}, {});
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
  agent.configured({{"blue", {}}}, {});
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
  nft(rules_in("masquerade_of_blue"));
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

// dockerd 28 that starts anew: it removes its chains and writes the rules again, network by network, with the policy DROP
// in between. Here each takes 100 ms, so 30 of them three seconds.
class DockerRestart : public Agent {
 protected:
#ifdef __SANITIZE_THREAD__  // with which the worker computes ten times as long; what it looks for needs no more of them
  static constexpr int kNetworks = 8;
#else
  static constexpr int kNetworks = 30;
#endif
  static Prefix subnet(int i) { return *Prefix::parse("10.20." + std::to_string(i) + ".0/24"); }
  static std::string name(int i) { return "n" + std::to_string(i); }
  void SetUp() override {
    Agent::SetUp();
    if (IsSkipped()) return;
    nft(rules_in("docker28_without_networks"));
    for (int i = 0; i < kNetworks; ++i) {
      write(i);
      ASSERT_EQ(
          std::system(("ip link add br-" + name(i) + " type bridge && ip link set br-" + name(i) + " up").c_str()), 0);
      wanted[name(i)].name = name(i);
    }
    agent.configured(wanted, {});
    agent.start();
    for (int i = 0; i < kNetworks; ++i) agent.want({name(i), "br-" + name(i), {subnet(i)}}, {});
    ASSERT_TRUE(
        until([&] { return std::all_of(wanted.begin(), wanted.end(), [&](auto& each) { return good(each.first); }); }));
    ASSERT_TRUE(settled());
    // One that lacks IPv6 for a reason of its own has no less patience in IPv4.
    agent.want({name(0),
                "br-" + name(0),
                {subnet(0), *Prefix::parse("fd00:20::/64")},
                {{*Prefix::parse("fd00:20::/64"), IpAddress::parse("fd00:20::1"), false}}},
               {});
    ASSERT_TRUE(until([&] { return has(last.health[name(0)].problems, "gateway-missing"); }));
    on_report = [&] {
      for (int i = 0; i < kNetworks; ++i) withdrawn = withdrawn || !last.health[name(i)].advertisable(subnet(i));
    };
  }
  void TearDown() override { agent.stop(); }
  void write(int i) { nft(docker28_rules_of("br-" + name(i))); }
  bool pass(Clock::duration time) {
    const auto end = Clock::now() + time;
    return until([&] { return Clock::now() > end; });
  }
  std::map<std::string, NetworkConfig> wanted;
  bool withdrawn = false;
};

TEST_F(DockerRestart, OfManyNetworksWithdrawsNothing) {
  agent.runtime_here(false);
  for (const char* each : {"DOCKER", "DOCKER-BRIDGE", "DOCKER-FORWARD"})
    nft(std::string("flush chain ip filter ") + each);
  for (int i = 0; i < kNetworks; ++i) {
    ASSERT_TRUE(pass(100ms));
    write(i);
  }
  agent.runtime_here(true);
  ASSERT_TRUE(settled());
  EXPECT_FALSE(withdrawn);
  EXPECT_GT(agent.counters().held_back, kNetworks * 2U / 3);
}

TEST_F(DockerRestart, ThatLosesANetworksRulesIsNoticedWhenItIsDone) {
  agent.runtime_here(false);
  nft("flush chain ip filter DOCKER-FORWARD");
  for (int i = 1; i < kNetworks; ++i) write(i);
  agent.runtime_here(true);
  ASSERT_TRUE(until([&] { return !last.health[name(0)].advertisable(subnet(0)); }, 15s))
      << "rules at rest, and Docker is here";
  EXPECT_TRUE(good(name(1)));
}

TEST_F(DockerRestart, IsNoExcuseForAnotherHandOrForNat) {
  agent.runtime_here(false);  // what Docker does is held back for a minute
  nft(rules_in("operator_drops_n0"));
  ASSERT_TRUE(until([&] { return !last.health[name(0)].advertisable(subnet(0)); }));
  nft(rules_in("masquerade_of_n1"));
  ASSERT_TRUE(until([&] { return !good(name(1)); }));
  EXPECT_TRUE(good(name(2)));
}

}  // namespace
}  // namespace berth
