// SPDX-License-Identifier: GPL-2.0-or-later
//
// A network on a bridge, planned and judged by a host that is only a value. What the kernel makes of each fault is
// tests/netns/host_links_test.cpp's.
#include "container_watcher/attach/bridge/bridge_driver.h"

#include <gtest/gtest.h>

#include "container_watcher/attach/host_plan.h"
#include "container_watcher/attach/surroundings.h"
#include "tests/support/host_builder.h"

namespace berth {
namespace {

const Prefix kV4 = *Prefix::parse("10.10.1.0/24"), kV6 = *Prefix::parse("fd00:1::/64");

NetworkSite blue() {
  return {"blue",
          "br-blue",
          {kV4, kV6},
          {{kV4, IpAddress::parse("10.10.1.1"), true}, {kV6, IpAddress::parse("fd00:1::1"), true}}};
}

HostBuilder good() {
  return HostBuilder()
      .link("up0", "", {"192.0.2.1/24"})
      .link("br-blue", "bridge", {"10.10.1.1/24", "fd00:1::1/64"})
      .forwards(true);
}

std::vector<std::string> codes(const LinkVerdict& verdict) {
  std::vector<std::string> out;
  for (const Problem& each : verdict.problems) out.push_back(each.code);
  return out;
}

class BridgeDriverTest : public testing::Test {
 protected:
  LinkVerdict judge(const HostState& host) { return driver.judge(blue(), host, uplinks_of(host)); }
  std::vector<Operation> plan(const HostState& host) { return driver.plan(blue(), host); }
  using Codes = std::vector<std::string>;
  const BridgeDriver driver;
};

TEST_F(BridgeDriverTest, NothingIsToBeDoneOnAHostThatIsAsItShouldBe) {
  EXPECT_TRUE(plan(good()).empty());
  EXPECT_TRUE(judge(good()).attached);
  EXPECT_EQ(codes(judge(good())), Codes{});
}

TEST_F(BridgeDriverTest, AConsequenceIsNotListedBesideItsCause) {
  EXPECT_EQ(codes(judge(good().without("br-blue"))), Codes{"bridge-missing"});
  EXPECT_FALSE(judge(good().without("br-blue")).attached);
  EXPECT_EQ(codes(judge(good().down("br-blue").addresses("br-blue", {}))), Codes{"bridge-down"});
  EXPECT_TRUE(plan(good().down("br-blue").addresses("br-blue", {})).empty()) << "it has none while it is down";
}

// Of a network whose containers no runtime connects Docker's words would mend nothing.
TEST_F(BridgeDriverTest, WhoMakesABridgeThatIsMissing) {
  NetworkConfig config;
  config.name = "lime";
  config.plugged = true;
  NetworkFact fact;
  fact.name = fact.id = "lime";
  EXPECT_EQ(driver.site(config, fact).anew, "none: berthd makes it again");
  config.options["interface"] = {"cni0"};
  const std::string cni = "none where CNI makes it, with the next container; else ip link add cni0 type bridge";
  EXPECT_EQ(driver.site(config, fact).anew, cni);
  EXPECT_EQ(driver.groundwork(config, good())->problems.at(0).remedy, cni);
  config.plugged = false;
  EXPECT_EQ(driver.groundwork(config, good())->problems.at(0).remedy,
            "ip link add cni0 type bridge; or another interface, in berthd.conf");
}

TEST_F(BridgeDriverTest, AGatewayOfOursIsPutBackAndAnothersIsTold) {
  const HostState host = good().addresses("br-blue", {"10.10.1.9/24", "fd00:1::1/64"});
  EXPECT_EQ(codes(judge(host)), Codes{"gateway-missing"});
  EXPECT_EQ(plan(host), (std::vector<Operation>{PutAddress{"br-blue", *IpAddress::parse("10.10.1.1"), 24}}));
  NetworkSite theirs = blue();
  for (SiteAddress& each : theirs.addresses) each.ours = false;
  EXPECT_TRUE(driver.plan(theirs, host).empty());
  EXPECT_EQ(codes(driver.judge(theirs, host, {})), Codes{"gateway-missing"});
}

TEST_F(BridgeDriverTest, ADuplicateIsNotPutThereAgain) {
  const HostState host = good().duplicate("br-blue", "fd00:1::1");
  EXPECT_TRUE(plan(host).empty());
  ASSERT_EQ(codes(judge(host)), Codes{"gateway-missing"});
  EXPECT_NE(judge(host).problems[0].text.find("another of it"), std::string::npos);
}

TEST(HostPlan, ForwardingIsSwitchedOnWhereItIsKnownToBeOff) {
  EXPECT_TRUE(plan_forwarding(true, good(), {}).empty());
  EXPECT_TRUE(plan_forwarding(true, HostState(), {}).empty()) << "what is not known is not off";
  EXPECT_EQ(plan_forwarding(true, good().forwards(false), {"up0"}), (Sequence{SetSysctl{"net.ipv4.ip_forward", "1"}}));
  EXPECT_EQ(
      plan_forwarding(false, good().forwards(false), {"up0.7"}),
      (Sequence{SetSysctl{"net.ipv6.conf.up0/7.accept_ra", "2"}, SetSysctl{"net.ipv6.conf.all.forwarding", "1"}}));
}

TEST(HostPlan, NamesWhoseRulesMayStay) {
  const auto none = [](std::string_view) -> const Driver* { return nullptr; };
  WantedHost wanted;
  wanted.sites["blue"] = blue();
  wanted.keep = {"green"};
  const std::vector<std::string> nothing;
  EXPECT_EQ(plan_host(wanted, {blue()}, good(), nothing, {"old"}, none).keep,
            (std::set<std::string>{"blue", "green", "old"}));
  wanted.sweep = true;
  EXPECT_EQ(plan_host(wanted, {blue()}, good(), nothing, {"old"}, none).keep, (std::set<std::string>{"blue", "green"}));
}

TEST(HostPlan, WhatIsNotKnownToBeSafeIsNotPlanned) {
  const auto none = [](std::string_view) -> const Driver* { return nullptr; };
  WantedHost wanted;
  wanted.v4 = wanted.v6 = true;
  const HostPlan plan = plan_host(wanted, {}, good().forwards(false), transient("no netlink"), {}, none);
  EXPECT_EQ(plan.host, (std::vector<Sequence>{{SetSysctl{"net.ipv4.ip_forward", "1"}}}));
  EXPECT_EQ(forwarding_unsafe(transient("no netlink")).family, Family::V6);
}

TEST(Surroundings, TheWaysToTheFabricAreTheLinksOfItsRoutes) {
  HostState host = good().link("up1", "", {"198.51.100.1/24"});
  host.routed_v4 = {host.find("up1")->index};
  const auto around = surroundings_of(host, {}, {}, uplinks_of(host), false);
  EXPECT_EQ(around.uplinks_v4, std::vector<std::string>{"up1"});
  EXPECT_EQ(around.uplinks_v6, uplinks_of(host)) << "no route says it: each that leads out";
}

}  // namespace
}  // namespace berth
