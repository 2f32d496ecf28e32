// SPDX-License-Identifier: GPL-2.0-or-later
//
// One subnet over several hosts, planned from hosts that are values. What the kernel answers then is
// tests/netns/host_spread_test.cpp's.
#include "container_watcher/attach/spread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "tests/support/host_builder.h"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Prefix kV4 = *Prefix::parse("10.77.0.0/16"), kV6 = *Prefix::parse("fd00:77::/64");
constexpr int kUplink = 1, kBridge = 2;

IpAddress at(const std::string& text) {
  return *IpAddress::parse(text);
}

NetworkSite teal() {
  NetworkSite out{"teal", "br-teal", {kV4, kV6}};
  out.driver = "bridge";
  out.spread = true;
  return out;
}

class SpreadTest : public testing::Test {
 protected:
  SpreadTest() {
    host.proxies.emplace();
    host.proxies->links[kBridge] = {{}, 0, 0, 1};
  }
  // But that each new entry is announced, which is looked at here.
  std::vector<Operation> plan(const NetworkSite& site = teal()) {
    std::vector<Operation> out;
    for (const Sequence& each : plan_spread(site, *host.find(kBridge), host)) {
      out.push_back(each.front());
      const auto* put = std::get_if<PutNeighbour>(&each.front());
      if (put)
        EXPECT_EQ(each.back(), Operation(AnnounceAddress{put->link, put->address}));
      else
        EXPECT_EQ(each.size(), 1u);
    }
    return out;
  }
  static Operation put(const std::string& address) { return PutNeighbour{"br-teal", at(address), 0, true}; }
  static Operation taken(const std::string& address) { return DeleteNeighbour{"br-teal", at(address), true}; }
  std::set<IpAddress>& ours() { return host.proxies->links[kBridge].ours; }

  HostState host = HostBuilder()
                       .link("up0", "", {"192.0.2.1/24"})
                       .link("br-teal", "bridge", {"10.77.0.1/16", "fd00:77::1/64"})
                       .forwards(true);
};

TEST_F(SpreadTest, AnAddressThatIsElsewhereGetsAnEntryAndNoOtherDoes) {
  host.proxies->routes = {
      {at("10.77.2.5"), {kUplink}},          {at("10.77.1.5"), {kBridge}}, {at("10.77.2.6"), {kUplink, 7}},
      {at("10.77.1.6"), {kUplink, kBridge}}, {at("10.78.0.5"), {kUplink}}, {at("fd00:77::2:5"), {kUplink}},
      {at("fd00:77::1:5"), {kBridge}},       {at("10.77.0.1"), {kUplink}}, {at("fd00:77::1"), {kUplink}}};
  EXPECT_THAT(plan(), ElementsAre(put("10.77.2.5"), put("10.77.2.6"), put("fd00:77::2:5")))
      << "not the host's own, nor its containers', nor what is outside of the subnets";
  ours() = {at("10.77.2.5"), at("10.77.2.6"), at("fd00:77::2:5")};
  EXPECT_THAT(plan(), IsEmpty());
}

TEST_F(SpreadTest, AnEntryGoesWithItsRouteAndWithTheLine) {
  ours() = {at("10.77.2.5"), at("10.77.2.9"), at("fd00:77::2:5")};
  host.proxies->routes = {{at("10.77.2.5"), {kUplink}}};
  EXPECT_THAT(plan(), ElementsAre(taken("10.77.2.9"), taken("fd00:77::2:5")));
  NetworkSite alone = teal();
  alone.spread = false;
  EXPECT_THAT(plan(alone), ElementsAre(taken("10.77.2.5"), taken("10.77.2.9"), taken("fd00:77::2:5")));
  EXPECT_THAT(plan_unspread({alone}, host), IsEmpty()) << "the network's own plan takes them";
  EXPECT_EQ(plan_unspread({}, host).size(), 3u);
}

TEST_F(SpreadTest, TheKernelAnswersAtOnceAndInIpv6AtAll) {
  host.proxies->links[kBridge] = {{}, 80, 80, 0};
  EXPECT_THAT(plan(), ElementsAre(SetSysctl{"net.ipv4.neigh.br-teal.proxy_delay", "0"},
                                  SetSysctl{"net.ipv6.neigh.br-teal.proxy_delay", "0"},
                                  SetSysctl{"net.ipv6.conf.br-teal.proxy_ndp", "1"}));
  NetworkSite v4 = teal();
  v4.subnets = {kV4};
  EXPECT_EQ(plan(v4).size(), 1u);
  host.proxies->links[kBridge] = {};
  EXPECT_THAT(plan(), IsEmpty()) << "what is not known is not wrong";
}

TEST_F(SpreadTest, WhatCanNotBeReadChangesNothing) {
  host.proxies.reset();
  EXPECT_THAT(plan(), IsEmpty());
  EXPECT_THAT(plan_unspread({}, host), IsEmpty());
}

TEST_F(SpreadTest, AnEntryOnALinkOfNobodysGoesOnceAllIsKnown) {
  ours() = {at("10.77.2.5")};
  WantedHost wanted;
  const auto drivers = [](std::string_view) -> const Driver* { return nullptr; };
  EXPECT_THAT(plan_host(wanted, {}, host, std::vector<std::string>(), {}, drivers).host, IsEmpty());
  wanted.sweep = true;
  EXPECT_THAT(plan_host(wanted, {}, host, std::vector<std::string>(), {}, drivers).host,
              ElementsAre(Sequence{taken("10.77.2.5")}));
}

TEST_F(SpreadTest, ARefusalIsToldOfItsOwnLinkAndNotAsForwarding) {
  const std::vector<Undone> undone = {
      {SetSysctl{"net.ipv6.conf.br-teal.proxy_ndp", "1"}, false, permanent("read-only")}};
  EXPECT_THAT(forwarding_problems(undone), IsEmpty());
  EXPECT_THAT(spread_problems("br-other", undone), IsEmpty());
  const auto told = spread_problems("br-teal", undone);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].code, "spread-refused");
  EXPECT_FALSE(told[0].blocks);
  EXPECT_EQ(spread_problems("br-teal", {{put("10.77.2.5"), false, permanent("no")}}).size(), 1u);
}

TEST_F(SpreadTest, EachHostNeedsAPartOfTheSubnetForItself) {
  const BridgeDriver driver;
  NetworkConfig config;
  config.name = "teal";
  config.subnets = {{kV4, {}, Prefix::parse("10.77.1.0/24")}, {kV6, {}, {}}};
  EXPECT_THAT(driver.gaps(config), IsEmpty());
  config.options["spread"] = {""};
  EXPECT_THAT(driver.gaps(config), ElementsAre("an ip-range of fd00:77::/64 in network teal: each host hands "
                                               "out another part of it"));
  NetworkFact fact;
  EXPECT_TRUE(driver.site(config, fact).spread);
}

}  // namespace
}  // namespace berth
