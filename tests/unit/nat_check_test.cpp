// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/nat_check.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

const NetworkSite kBlue{"blue", "br-blue", {*Prefix::parse("10.10.1.0/24")}};
const NetworkSite kRed{"red", "br-red", {*Prefix::parse("10.10.2.0/24")}};

std::string postrouting(const std::string& rule, const std::string& family = "ip") {
  return "table " + family +
         " nat {\n\tchain POSTROUTING {\n\t\ttype nat hook postrouting priority 100; policy accept;\n\t\t" + rule +
         "\n\t}\n}\n";
}

RulesVerdict check(const std::string& rules, const NetworkSite& site = kBlue) {
  return check_rules(parse_ruleset(rules), site, {kBlue, kRed}, {"eth0"});
}

bool blocks(const RulesVerdict& verdict) {
  for (const Problem& each : verdict.problems)
    if (each.blocks) return true;
  return false;
}

TEST(NatCheck, JudgesTheRulesThatDockerMakes) {
  const auto nat = [&](const std::string& rule) { return check(postrouting(rule)).nat; };
  EXPECT_EQ(nat(""), Nat::Off);
  EXPECT_EQ(nat("oifname != \"docker0\" ip saddr 172.17.0.0/16 counter packets 0 bytes 0 masquerade"), Nat::Off);
  EXPECT_EQ(nat("oifname != \"br-blue\" ip saddr 10.10.1.0/24 counter packets 0 bytes 0 masquerade"), Nat::On);
  EXPECT_EQ(nat("oifname \"br-blue\" fib saddr type local counter packets 0 bytes 0 masquerade"), Nat::Off);
  EXPECT_EQ(nat("ip saddr 10.10.1.2 ip daddr 10.10.1.2 tcp dport 80 counter masquerade"), Nat::Off) << "hairpin";
  EXPECT_EQ(nat("oifname \"eth0\" counter masquerade"), Nat::On);
  EXPECT_EQ(nat("oifname \"ppp0\" counter masquerade"), Nat::On) << "an interface that may come";
  EXPECT_EQ(nat("ip saddr 10.0.0.0/8 snat to 192.0.2.1"), Nat::On);
  EXPECT_EQ(nat("ip saddr 10.10.1.7 snat to 192.0.2.1"), Nat::On) << "one container is enough";
  EXPECT_EQ(nat("ip saddr != 172.17.0.0/16 masquerade"), Nat::On);
  EXPECT_EQ(nat("counter packets 0 bytes 0 xt target \"MASQUERADE\""), Nat::On);
  EXPECT_EQ(nat("xt match \"policy\" counter masquerade"), Nat::On) << "not judged";
  EXPECT_EQ(nat("ip saddr 10.10.1.0/24 ip daddr 10.0.0.0/8 accept\n\t\tip saddr 10.10.1.0/24 masquerade"), Nat::On);
  EXPECT_EQ(nat("ip saddr 10.10.0.0/16 accept\n\t\tmasquerade # handle 9"), Nat::On) << "clients' sources are changed";
  EXPECT_EQ(nat("ip saddr 10.10.0.0/16 accept\n\t\toifname \"br-blue\" accept\n\t\tmasquerade # handle 9"), Nat::Off);
}

// As nft 1.0.6 prints -j MASQUERADE of the family that it meets second, after "XT target MASQUERADE not found".
TEST(NatCheck, ATargetThatNftCannotPrintIsNat) {
  EXPECT_EQ(check(postrouting("ip saddr 10.10.1.0/24 counter packets 0 bytes 0  # handle 4")).nat, Nat::On);
  EXPECT_EQ(check(postrouting("ip saddr 10.10.1.0/24 counter  # handle 4")).nat, Nat::On) << "without numbers";
  EXPECT_EQ(check(postrouting("oifname != \"docker0\" ip saddr 172.17.0.0/16 counter  # handle 4")).nat, Nat::Off);
  EXPECT_EQ(check(postrouting("ip saddr 10.10.1.0/24 counter # handle 4")).nat, Nat::Off) << "it only counts";
  EXPECT_EQ(check(postrouting("ip saddr 10.10.1.0/24  counter # handle 4")).nat, Nat::Off) << "-m comment";
}

TEST(NatCheck, TellsTheRule) {
  const RulesVerdict verdict = check(postrouting("oifname \"eth0\" counter masquerade # handle 4"));
  ASSERT_EQ(verdict.problems.size(), 1U);
  EXPECT_EQ(verdict.problems[0].text, "NAT is on: \"oifname \"eth0\" counter masquerade\" in ip nat POSTROUTING");
  EXPECT_TRUE(verdict.problems[0].blocks);
  EXPECT_FALSE(verdict.passing_state);
}

TEST(NatCheck, KeepsTheFamiliesApart) {
  const NetworkSite six{"blue", "br-blue", {*Prefix::parse("fd00:10::/64")}};
  EXPECT_EQ(check(postrouting("masquerade", "ip6")).nat, Nat::Off);
  EXPECT_EQ(check(postrouting("masquerade", "ip6"), six).nat, Nat::On);
  EXPECT_EQ(check(postrouting("masquerade", "inet"), six).nat, Nat::On);
  EXPECT_EQ(check(postrouting("meta nfproto ipv4 masquerade", "inet"), six).nat, Nat::Off);
  EXPECT_EQ(check(postrouting("ip saddr 10.0.0.0/8 masquerade", "inet"), six).nat, Nat::Off);
}

// Docker 20.10 and 26.1, a network of berth and docker0, policy DROP.
std::string docker(const std::string& user, const std::string& in_docker = "", const std::string& raw = "") {
  return "table ip raw {\n chain PREROUTING {\n type filter hook prerouting priority -300; policy accept;\n " + raw +
         "\n }\n}\ntable ip filter {\n"
         " chain DOCKER { # handle 1\n  " +
         in_docker +
         "\n }\n"
         " chain DOCKER-USER {\n  " +
         user +
         "\n  counter return # handle 7\n }\n"
         " chain DOCKER-ISOLATION-STAGE-1 {\n"
         "  iifname \"br-blue\" oifname != \"br-blue\" counter jump DOCKER-ISOLATION-STAGE-2\n"
         "  iifname \"br-red\" oifname != \"br-red\" counter jump DOCKER-ISOLATION-STAGE-2\n"
         "  iifname \"docker0\" oifname != \"docker0\" counter jump DOCKER-ISOLATION-STAGE-2\n"
         "  counter return\n }\n"
         " chain DOCKER-ISOLATION-STAGE-2 {\n  oifname \"br-blue\" counter drop\n  oifname \"br-red\" counter drop\n"
         "  oifname \"docker0\" counter drop\n  counter return\n }\n"
         " chain FORWARD {\n  type filter hook forward priority 0; policy drop;\n"
         "  counter jump DOCKER-USER\n  counter jump DOCKER-ISOLATION-STAGE-1\n"
         "  oifname \"br-blue\" ct state related,established counter accept\n"
         "  oifname \"br-blue\" counter jump DOCKER\n"
         "  iifname \"br-blue\" oifname != \"br-blue\" counter accept\n"
         "  iifname \"br-blue\" oifname \"br-blue\" counter accept\n }\n}\n";
}
const std::string kOurs =
    "oifname \"br-blue\" ip daddr 10.10.1.0/24 counter accept comment \"berth:blue\" # handle 5\n"
    "  oifname \"br-red\" ip daddr 10.10.2.0/24 counter accept comment \"berth:red\" # handle 6";

TEST(NatCheck, WalksTheChainsOfDocker) {
  const RulesVerdict closed = check(docker(""));
  EXPECT_TRUE(blocks(closed));
  EXPECT_TRUE(closed.passing_state) << "only Docker's own chains decide";
  const RulesVerdict open = check(docker(kOurs));
  EXPECT_TRUE(open.problems.empty()) << open.problems[0].text;
  // Docker 28: a rule for each container before everything else
  EXPECT_TRUE(blocks(check(docker(kOurs, "", "iifname != \"br-blue\" ip daddr 10.10.1.2 counter drop"))));
  EXPECT_FALSE(blocks(check(docker(kOurs, "", "iifname != \"br-other\" ip daddr 10.99.1.2 counter drop"))));
  // routed mode: ping passes, TCP does not
  EXPECT_TRUE(blocks(check(docker("", "meta l4proto icmp counter accept\n  counter drop"))));
  EXPECT_FALSE(blocks(check(docker("", "iifname != \"br-blue\" oifname \"br-blue\" counter accept"))));
}

// Docker 28.5: a network of its own chains in each family. `raw` and `in_docker`: what its options make of it.
struct Docker28 {
  std::string family = "ip", raw, in_docker, user, policy = "accept";
  std::string print() const {
    const std::string loopback = family == "ip" ? "127.0.0.0/8" : "::1";
    return "table " + family +
           " raw {\n\tchain PREROUTING {\n\t\ttype filter hook prerouting priority -300; policy accept;\n\t\t" + raw +
           "\n\t}\n}\ntable " + family +
           " filter {\n\tchain FORWARD { # handle 2\n\t\ttype filter hook forward priority 0; policy " + policy +
           ";\n\t\tcounter jump DOCKER-USER # handle 11\n\t\tcounter jump DOCKER-FORWARD # handle 12\n\t}\n\n"
           "\tchain DOCKER { # handle 4\n\t\t" +
           in_docker +
           "\n\t\tiifname != \"docker0\" oifname \"docker0\" counter drop # handle 16\n\t}\n\n"
           "\tchain DOCKER-BRIDGE { # handle 5\n\t\toifname \"docker0\" counter jump DOCKER # handle 17\n"
           "\t\toifname \"br-blue\" counter jump DOCKER # handle 18\n\t\toifname \"br-red\" counter jump "
           "DOCKER\n\t}\n\n"
           "\tchain DOCKER-CT { # handle 6\n"
           "\t\toifname \"docker0\" ct state related,established counter accept # handle 19\n"
           "\t\toifname \"br-blue\" ct state related,established counter accept # handle 20\n"
           "\t\toifname \"br-red\" ct state related,established counter accept # handle 21\n\t}\n\n"
           "\tchain DOCKER-FORWARD { # handle 7\n\t\tcounter jump DOCKER-CT # handle 22\n"
           "\t\tcounter jump DOCKER-ISOLATION-STAGE-1 # handle 23\n\t\tcounter jump DOCKER-BRIDGE # handle 24\n"
           "\t\tiifname \"docker0\" counter accept # handle 25\n\t\tiifname \"br-blue\" counter accept # handle 26\n"
           "\t\tiifname \"br-red\" counter accept # handle 27\n\t}\n\n"
           "\tchain DOCKER-ISOLATION-STAGE-1 { # handle 8\n"
           "\t\tiifname \"br-red\" oifname != \"br-red\" counter jump DOCKER-ISOLATION-STAGE-2\n"
           "\t\tiifname \"br-blue\" oifname != \"br-blue\" counter jump DOCKER-ISOLATION-STAGE-2\n"
           "\t\tiifname \"docker0\" oifname != \"docker0\" counter jump DOCKER-ISOLATION-STAGE-2\n\t}\n\n"
           "\tchain DOCKER-ISOLATION-STAGE-2 { # handle 9\n\t\toifname \"br-red\" counter drop\n"
           "\t\toifname \"br-blue\" counter drop\n\t\toifname \"docker0\" counter drop\n\t}\n\n"
           "\tchain DOCKER-USER { # handle 10\n\t\t" +
           user + "\n\t}\n}\ntable " + family +
           " nat {\n\tchain PREROUTING {\n\t\ttype nat hook prerouting priority -100; policy accept;\n"
           "\t\tfib daddr type local counter jump DOCKER # handle 6\n\t}\n\n"
           "\tchain OUTPUT {\n\t\ttype nat hook output priority -100; policy accept;\n\t\t" +
           family + " daddr != " + loopback +
           " fib daddr type local counter jump DOCKER # handle 7\n\t}\n\n"
           "\tchain POSTROUTING {\n\t\ttype nat hook postrouting priority 100; policy accept;\n\t\toifname != "
           "\"docker0\" " +
           family + " saddr " + (family == "ip" ? "172.17.0.0/16" : "fd00:17::/64") +
           " counter masquerade # handle 8\n\t}\n\n\tchain DOCKER {\n"
           "\t\tiifname != \"br-blue\" tcp dport 8080 counter dnat to " +
           (family == "ip" ? "10.10.1.2:80" : "[fd00:10::2]:80") + " # handle 9\n\t}\n}\n";
  }
};

const std::string kNoDirect = "iifname != \"br-blue\" oifname \"br-blue\" counter drop # handle 15";
const std::string kUnprotected =
    "iifname != \"br-blue\" oifname \"br-blue\" counter accept # handle 15\n"
    "\t\tiifname != \"br-red\" oifname \"br-red\" counter accept # handle 14";

bool tells(const RulesVerdict& verdict, const std::string& what) {
  for (const Problem& each : verdict.problems)
    if (each.text.find(what) != std::string::npos) return true;
  return false;
}

TEST(NatCheck, Docker28ByItsOptions) {
  // enable_ip_masquerade=false alone: a raw rule for each container, before DOCKER-USER
  Docker28 plain{"ip", "iifname != \"br-blue\" ip daddr 10.10.1.2 counter drop # handle 3", kNoDirect, ""};
  for (const std::string& user : {std::string(), kOurs}) {
    plain.user = user;
    const RulesVerdict closed = check(plain.print());
    EXPECT_EQ(closed.nat, Nat::Off);
    EXPECT_TRUE(blocks(closed));
    EXPECT_TRUE(closed.passing_state) << "Docker may be about to change it";
    EXPECT_TRUE(tells(closed, "in ip raw PREROUTING"));
  }
  plain.raw.clear();  // before its first container
  plain.user.clear();
  EXPECT_TRUE(tells(check(plain.print()), "in ip filter DOCKER"));
  plain.user = kOurs;
  EXPECT_FALSE(blocks(check(plain.print()))) << "ours are before Docker's drop";
  // and nat-unprotected
  const Docker28 open{"ip", "", kUnprotected, ""};
  EXPECT_EQ(check(open.print()).nat, Nat::Off);
  EXPECT_FALSE(blocks(check(open.print())));
  EXPECT_TRUE(tells(check(open.print()), "traffic from blue to red is dropped")) << "Docker isolates its networks";
  const Docker28 ours{"ip", "", kUnprotected, kOurs};
  EXPECT_TRUE(check(ours.print()).problems.empty()) << check(ours.print()).problems[0].text;
  // Docker's own rules are enough, whatever the policy
  EXPECT_FALSE(blocks(check(Docker28{"ip", "", kUnprotected, "", "drop"}.print())));
  // routed: ping passes, TCP to what is not published does not
  EXPECT_TRUE(blocks(
      check(Docker28{"ip", "", "oifname \"br-blue\" meta l4proto 1 counter accept # handle 14\n\t\t" + kNoDirect, ""}
                .print())));
  // trusted_host_interfaces: past the raw rule, and dropped in DOCKER
  const RulesVerdict trusted = check(Docker28{"ip",
                                              "iifname \"eth0\" ip daddr 10.10.1.2 counter accept # handle 2\n\t\t"
                                              "iifname != \"br-blue\" ip daddr 10.10.1.2 counter drop # handle 3",
                                              kNoDirect, ""}
                                         .print());
  EXPECT_TRUE(blocks(trusted));
  EXPECT_TRUE(tells(trusted, "in ip filter DOCKER"));
  // a published port opens that port and nothing else
  EXPECT_TRUE(
      blocks(check(Docker28{"ip", "",
                            "iifname != \"br-blue\" oifname \"br-blue\" ip daddr 10.10.1.2 tcp dport 80 counter "
                            "accept # handle 13\n\t\t" +
                                kNoDirect,
                            ""}
                       .print())));
  // masquerade left on
  EXPECT_EQ(
      check(open.print() + postrouting("oifname != \"br-blue\" ip saddr 10.10.1.0/24 counter masquerade # handle 9"))
          .nat,
      Nat::On);
}

TEST(NatCheck, Docker28InIPv6) {
  const NetworkSite six{"blue", "br-blue", {*Prefix::parse("fd00:10::/64")}};
  const std::string ours =
      "oifname \"br-blue\" ip6 daddr fd00:10::/64 counter accept comment \"berth:blue\" # handle 5";
  const auto verdict = [&](const Docker28& rules) { return check(rules.print(), six); };
  EXPECT_FALSE(blocks(verdict({"ip6", "", kUnprotected, ""})));
  EXPECT_FALSE(blocks(verdict({"ip6", "", kUnprotected, "", "drop"})));
  EXPECT_EQ(verdict({"ip6", "", kUnprotected, ""}).nat, Nat::Off);
  const RulesVerdict closed = verdict({"ip6", "", kNoDirect, ""});
  EXPECT_TRUE(blocks(closed));
  EXPECT_TRUE(tells(closed, "in ip6 filter DOCKER"));
  EXPECT_TRUE(tells(closed, "traffic to fd00:10::/64"));
  EXPECT_FALSE(blocks(verdict({"ip6", "", kNoDirect, ours})));
  EXPECT_TRUE(
      blocks(verdict({"ip6", "iifname != \"br-blue\" ip6 daddr fd00:10::2 counter drop # handle 3", kNoDirect, ours})));
  EXPECT_TRUE(blocks(
      verdict({"ip6", "", "oifname \"br-blue\" meta l4proto 58 counter accept # handle 14\n\t\t" + kNoDirect, ""})));
  // the rules of IPv4 say nothing of IPv6, and the other way round
  EXPECT_FALSE(blocks(check(Docker28{"ip", "", kNoDirect, ""}.print(), six)));
  EXPECT_FALSE(blocks(check(Docker28{"ip6", "", kNoDirect, ""}.print())));
  const NetworkSite both{"blue", "br-blue", {*Prefix::parse("10.10.1.0/24"), *Prefix::parse("fd00:10::/64")}};
  EXPECT_TRUE(
      blocks(check(Docker28{"ip", "", kUnprotected, ""}.print() + Docker28{"ip6", "", kNoDirect, ""}.print(), both)));
  // operators: what concerns some is told, what concerns all blocks
  const RulesVerdict some = verdict({"ip6", "", kUnprotected, "ip6 saddr 2001:db8::/32 counter drop"});
  EXPECT_FALSE(blocks(some));
  EXPECT_TRUE(tells(some, "some traffic to fd00:10::/64"));
  EXPECT_TRUE(blocks(verdict({"ip6", "", kUnprotected, "ip6 daddr fd00:10::/48 counter drop"})));
  EXPECT_TRUE(blocks(verdict({"ip6", "", kUnprotected, "ip6 daddr fd00:10::7 counter drop"})));
  const RulesVerdict icmp = verdict({"ip6", "", kUnprotected, "meta l4proto ipv6-icmp counter drop"});
  EXPECT_FALSE(blocks(icmp));
  EXPECT_TRUE(tells(icmp, "ipv6-icmp"));
}

TEST(NatCheck, TheOperatorsPolicyIsToldAndBlocksNothing) {
  const auto verdict = [&](const std::string& rule) { return check(docker(rule + "\n  " + kOurs)); };
  for (const char* rule :
       {"iifname \"eth0\" ip saddr 192.0.2.0/24 counter drop", "tcp dport 22 counter drop", "meta l4proto udp drop",
        "tcp flags syn / fin,syn,rst,ack drop", "limit rate over 5/second drop"}) {
    const RulesVerdict found = verdict(rule);
    EXPECT_FALSE(blocks(found)) << rule;
    EXPECT_FALSE(found.problems.empty()) << rule;
  }
  for (const char* rule :
       {"iifname \"eth0\" counter drop", "ip daddr 10.10.0.0/16 drop", "oifname \"br-blue\" xt match \"set\" drop",
        "ip daddr 10.10.1.9 drop", "meta l4proto tcp reject", "ct state new drop", "ip saddr @blocked drop",
        "ip saddr { 0.0.0.0/1, 128.0.0.0/1 } drop", "counter queue num 1"})
    EXPECT_TRUE(blocks(verdict(rule))) << rule;
  for (const char* rule : {"ct state invalid drop", "iifname \"docker0\" drop", "ip6 saddr ::/0 drop",
                           "fib daddr type local drop", "xt match \"comment\" log prefix \"drop \" level info"})
    EXPECT_TRUE(verdict(rule).problems.empty()) << rule;
}

TEST(NatCheck, OneUplinkOfTwoIsPolicyToo) {
  const Ruleset rules = parse_ruleset(docker("iifname \"mgmt\" drop\n  " + kOurs));
  EXPECT_FALSE(blocks(check_rules(rules, kBlue, {kBlue}, {"eth0", "mgmt"})));
  EXPECT_TRUE(blocks(check_rules(rules, kBlue, {kBlue}, {"mgmt"})));
  EXPECT_FALSE(blocks(check_rules(rules, kBlue, {kBlue}, {}))) << "some interface or other";
}

TEST(NatCheck, APartlyTakenReturnIsNoAccept) {
  // what returned early meets Docker's drop although the rest was accepted
  EXPECT_TRUE(blocks(check(docker("xt match \"mystery\" return\n  " + kOurs))));
  const RulesVerdict some = check(docker("ip saddr 192.0.2.0/24 return\n  " + kOurs));
  EXPECT_FALSE(blocks(some));
  EXPECT_FALSE(some.problems.empty());
}

TEST(NatCheck, OtherTablesCountToo) {
  const std::string base = docker(kOurs);
  const auto inet = [&](const std::string& rule) {
    return check(base + "table inet fw {\n chain f {\n type filter hook forward priority 10; policy drop;\n " + rule +
                 "\n }\n}\n");
  };
  EXPECT_TRUE(blocks(inet("")));
  EXPECT_FALSE(blocks(
      inet("ct state vmap { established : accept, related : accept, invalid : drop }\n ip daddr 10.10.0.0/16 accept\n"
           "ip saddr 10.10.0.0/16 accept")));
  EXPECT_TRUE(blocks(inet("ct state vmap { new : drop, established : accept }")));
  EXPECT_TRUE(blocks(inet("ct state established,related accept"))) << "no new connection";
  EXPECT_FALSE(blocks(inet("iifname { \"br-blue\", \"eth*\" } accept")));
  EXPECT_TRUE(blocks(inet("iifname . oifname vmap @ways")));
}

TEST(NatCheck, MarksAreFollowed) {
  // kube-proxy's way: only what was marked is masqueraded
  EXPECT_EQ(check(postrouting("meta mark != 0x4000 return\n\t\tmasquerade")).nat, Nat::Off);
  EXPECT_EQ(check("table ip m {\n chain p {\n type filter hook prerouting priority -150; policy accept;\n meta mark "
                  "set 0x4000\n }\n}\n" +
                  postrouting("meta mark != 0x4000 return\n\t\tmasquerade"))
                .nat,
            Nat::On);
}

// As libnftables prints Docker's rules where it can't tell that they are for the host's own addresses.
TEST(NatCheck, PublishedPortsAreOneSummaryForTheNetwork) {
  const auto with_ports = [](int ports) {
    std::string text =
        "table ip nat {\n chain PREROUTING {\n  type nat hook prerouting priority -100; policy accept;\n  counter jump "
        "DOCKER\n }\n chain DOCKER {\n";
    for (int i = 0; i < ports; ++i)
      text += "  iifname != \"br-blue\" " + std::string(i % 2 ? "udp" : "tcp") + " dport " + std::to_string(80 + i) +
              " counter dnat to 10.10.1.2:80\n";
    return check(text + " }\n}\n").problems;
  };
  for (const int ports : {1, 5, 100}) {
    const auto problems = with_ports(ports);
    ASSERT_EQ(problems.size(), 1U) << ports;
    EXPECT_FALSE(problems[0].blocks);
    EXPECT_EQ(problems[0].code, "redirected-some");
    EXPECT_LT(problems[0].text.size(), 200U);
    EXPECT_EQ(problems[0].text.find(std::to_string(ports) + " published port"), 0U) << problems[0].text;
  }
  EXPECT_EQ(with_ports(2)[0].text, "2 published ports are redirected: tcp 80, udp 81");
  // the same of rules that take some packets away
  std::string drops = "table inet f {\n chain forward {\n  type filter hook forward priority 0; policy accept;\n";
  for (int i = 0; i < 50; ++i) drops += "  ip saddr 192.0.2." + std::to_string(i) + " counter drop\n";
  EXPECT_EQ(check(drops + " }\n}\n").problems.size(), 1U);
}

TEST(NatCheck, ARemedyNamesNoChainThatIsNotThere) {
  const std::string forward =
      "table ip filter {\n chain FORWARD {\n  type filter hook forward priority 0; policy drop;\n  iifname \"br-blue\" "
      "accept\n }\n";
  const auto remedy = [](const std::string& rules) {
    for (const Problem& each : check(rules).problems)
      if (each.code == "firewall-drops" && each.blocks) return each.remedy;
    return std::string("nothing is dropped");
  };
  EXPECT_EQ(remedy(forward + "}\n").find("DOCKER-USER"), std::string::npos) << remedy(forward + "}\n");
  EXPECT_EQ(remedy(forward + "}\n").find("allow it"), 0U);
  EXPECT_NE(remedy(forward + " chain DOCKER-USER {\n }\n}\n").find("DOCKER-USER"), std::string::npos);
}

TEST(NatCheck, WhatDropsOneFamilyHoldsBackThatOne) {
  const Prefix v4 = *Prefix::parse("10.10.1.0/24"), v6 = *Prefix::parse("fd00:10::/64");
  const NetworkSite both{"blue", "br-blue", {v4, v6}};
  for (const std::string family : {"ip", "ip6"}) {
    const RulesVerdict found = check(
        "table " + family + " filter {\n chain FORWARD {\n  type filter hook forward priority 0; policy drop;\n }\n}\n",
        both);
    const NetworkHealth health{true, "br-blue", found.nat, found.problems};
    EXPECT_EQ(health.advertisable(v4), family != "ip");
    EXPECT_EQ(health.advertisable(v6), family != "ip6");
  }
}

}  // namespace
}  // namespace berth
