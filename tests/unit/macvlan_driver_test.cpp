// SPDX-License-Identifier: GPL-2.0-or-later
//
// Networks of macvlans, planned and judged by a host that is only a value. What the kernel makes of the plans is
// tests/netns/host_macvlan_test.cpp's.
#include "container_watcher/attach/macvlan/macvlan_driver.h"

#include <gtest/gtest.h>

#include "tests/support/fake_host_kernel.h"
#include "tests/support/ground.h"
#include "tests/support/host_builder.h"

namespace berth {
namespace {

NetworkConfig violet(const std::map<std::string, std::set<std::string>>& options) {
  NetworkConfig out;
  out.name = "violet";
  out.driver = "macvlan";
  out.subnets = {{*Prefix::parse("10.40.1.0/24"), IpAddress::parse("10.40.1.1")},
                 {*Prefix::parse("fd00:40:1::/64"), IpAddress::parse("fd00:40:1::1")}};
  out.advertise = Advertise::Host;
  out.tag = 400;
  out.options = options;
  return out;
}

NetworkFact fact_of(const NetworkConfig& config) {
  NetworkFact out;
  out.runtime = "docker";
  out.id = "n1";
  out.name = config.name;
  out.driver = "macvlan";
  for (const SubnetConfig& each : config.subnets) out.subnets.push_back({each.subnet, each.gateway, {}});
  return out;
}

const MacvlanDriver kDriver;

std::vector<std::string> codes(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const Problem& each : problems) out.push_back(each.code);
  return out;
}
using Codes = std::vector<std::string>;

TEST(MacvlanDriver, AnInternalParentIsAVethWithTheGatewayAtThisHostsEnd) {
  FakeHostKernel host;
  const NetworkConfig config = violet({{"parent", {"internal"}}});
  EXPECT_FALSE(kDriver.groundwork(config, *host.state())->ready);
  EXPECT_TRUE(done_on(host, kDriver, config).ready);
  const HostState state = *host.state();
  const HostLink* near = state.find("mv-violet");
  const HostLink* far = state.find("mp-violet");
  ASSERT_TRUE(near && far);
  EXPECT_EQ(near->peer, far->index);
  EXPECT_EQ(near->alias, "berth:violet");
  EXPECT_EQ(far->alias, "berth:violet");
  EXPECT_TRUE(near->up && far->up);
  EXPECT_EQ(near->addresses,
            (std::vector<LinkAddress>{{*IpAddress::parse("10.40.1.1"), 24}, {*IpAddress::parse("fd00:40:1::1"), 64}}));
  const RuntimeNetwork wanted = kDriver.runtime_network(config);
  EXPECT_EQ(wanted.driver, "macvlan");
  EXPECT_EQ(wanted.options.at("parent"), "mp-violet");
  EXPECT_EQ(wanted.options.at("macvlan_mode"), "bridge");
  const NetworkSite site = kDriver.site(config, fact_of(config));
  EXPECT_EQ(site.interface, "mv-violet");
  EXPECT_EQ(site.parent, "mp-violet");
  EXPECT_EQ(site.mac_limit, 0U) << "no switch learns them";
  EXPECT_TRUE(kDriver.plan(site, state).empty());
}

TEST(MacvlanDriver, WhatIsTakenAwayIsMadeAgain) {
  FakeHostKernel host;
  const NetworkConfig config = violet({{"parent", {"internal"}}});
  done_on(host, kDriver, config);
  LinkSettings down;
  down.up = false;
  for (const Operation& harm : {Operation(DeleteLink{"mv-violet"}), Operation(DeleteLink{"mp-violet"}),
                                Operation(SetLink{"mp-violet", down})}) {
    ASSERT_TRUE(host.apply(harm));
    EXPECT_FALSE(kDriver.groundwork(config, *host.state())->ready);
    EXPECT_TRUE(done_on(host, kDriver, config).ready);
  }
}

TEST(MacvlanDriver, ALinkOfAnotherHandIsNotTaken) {
  FakeHostKernel host;
  LinkSettings theirs;
  theirs.alias = "uplink of the lab";
  ASSERT_TRUE(host.apply(PutLink{"mv-violet", VethLink{"elsewhere"}, theirs}));
  const auto ground = kDriver.groundwork(violet({{"parent", {"internal"}}}), *host.state());
  ASSERT_FALSE(ground->missing.empty());
  EXPECT_FALSE(ground->ready);
  EXPECT_FALSE(host.apply(ground->missing[0]));
  EXPECT_EQ(host.state()->find("mv-violet")->alias, "uplink of the lab");
}

TEST(MacvlanDriver, OnASegmentTheHostHasAShim) {
  FakeHostKernel host;
  NetworkConfig config = violet({{"parent", {"eth1"}}, {"shim", {"10.40.1.9"}}});
  ASSERT_TRUE(host.apply(PutLink{"eth1", BridgeLink{}, {}}));
  const Groundwork ground = done_on(host, kDriver, config);
  const HostState state = *host.state();
  const HostLink* shim = state.find("ms-violet");
  ASSERT_TRUE(shim);
  EXPECT_EQ(shim->kind, "macvlan");
  EXPECT_EQ(shim->peer, state.find("eth1")->index);
  EXPECT_EQ(shim->addresses, (std::vector<LinkAddress>{{*IpAddress::parse("10.40.1.9"), 32}}));
  EXPECT_TRUE(ground.ready);
  const NetworkSite site = kDriver.site(config, fact_of(config));
  EXPECT_EQ(site.interface, "ms-violet");
  EXPECT_EQ(site.mac_limit, 512U);
  EXPECT_TRUE(kDriver.plan(site, state).empty());
  EXPECT_TRUE(kDriver.judge(site, state, {}).attached);
  EXPECT_EQ(codes(kDriver.judge(site, state, {}).problems), Codes{}) << "its address is its own, no gateway";
  config.options["shim"] = {"10.40.1.1", "fd00:40:1::9"};
  EXPECT_EQ(kDriver.site(config, fact_of(config)).addresses[1].subnet.to_string(), "fd00:40:1::9/128");
  EXPECT_EQ(kDriver.site(config, fact_of(config)).addresses[0].subnet.to_string(), "10.40.1.0/24")
      << "with the gateway's address this host is the router";
}

TEST(MacvlanDriver, WhatKeepsTheParentFromCarryingIsTold) {
  const NetworkConfig config = violet({{"parent", {"eth1"}}});
  const auto told = [&](const HostState& host) { return codes(kDriver.groundwork(config, host)->problems); };
  const auto up = HostBuilder().link("eth1", "", {}).link("br0", "bridge", {});
  EXPECT_EQ(told(up), Codes{});
  EXPECT_EQ(told(HostState()), Codes{"parent-missing"});
  EXPECT_FALSE(kDriver.groundwork(config, HostState())->ready);
  EXPECT_EQ(told(HostBuilder(up).down("eth1")), Codes{"parent-down"}) << "and not its carrier";
  HostState port = up;
  port.links[0].master = port.links[1].index;
  EXPECT_EQ(told(port), Codes{"parent-taken"});
  EXPECT_NE(kDriver.groundwork(config, port)->problems[0].text.find("br0"), std::string::npos) << "the holder's name";
  HostState dark = up;
  dark.links[0].carrier = false;
  EXPECT_EQ(told(dark), Codes{"parent-no-carrier"});
  EXPECT_TRUE(kDriver.groundwork(config, dark)->ready) << "the runtime can have the network all the same";
  const auto vepa = kDriver.groundwork(violet({{"parent", {"eth1"}}, {"mode", {"vepa"}}}), up);
  EXPECT_EQ(codes(vepa->problems), Codes{"vepa"});
  EXPECT_FALSE(vepa->problems[0].blocks);
}

TEST(MacvlanDriver, WhatCannotBeIsAGap) {
  const auto gaps = [](
                        const std::map<std::string, std::set<std::string>>& options,
                        const std::function<void(NetworkConfig&)>& change = [](NetworkConfig&) {}) {
    NetworkConfig config = violet(options);
    change(config);
    return kDriver.gaps(config).size();
  };
  using Network = NetworkConfig&;
  EXPECT_EQ(gaps({{"parent", {"internal"}}}), 0U);
  EXPECT_EQ(gaps({{"parent", {"eth1"}}, {"shim", {""}}}), 0U);
  EXPECT_EQ(gaps({}), 1U) << "no parent";
  EXPECT_EQ(gaps({{"parent", {"eth1"}}}), 1U) << "no way from this host";
  EXPECT_EQ(gaps({{"parent", {"eth1"}}}, [](Network config) { config.advertise = Advertise::None; }), 0U);
  EXPECT_EQ(gaps({{"parent", {"internal"}}}, [](Network config) { config.subnets[0].gateway.reset(); }), 1U);
  EXPECT_EQ(gaps({{"parent", {"internal"}}, {"mode", {"passthru"}}}), 1U);
  EXPECT_EQ(gaps({{"parent", {"internal"}}, {"shim", {""}}}), 1U);
  EXPECT_EQ(gaps({{"parent", {"eth1"}}, {"shim", {""}}, {"mode", {"passthru"}}}), 1U);
  EXPECT_EQ(gaps({{"parent", {"eth1"}}, {"shim", {""}}}, [](Network config) { config.mtu = 1400; }), 1U);
  EXPECT_EQ(gaps({{"parent", {"eth1"}}, {"shim", {""}}, {"mode", {"private"}}}), 1U) << "the shim would reach nobody";
  EXPECT_EQ(gaps({{"parent", {"eth1"}}},
                 [](Network config) {
                   config.advertise = Advertise::None;
                   config.allow_labels = {LabelKind::Advertise};
                 }),
            1U)
      << "a label could ask for what has no way";
  EXPECT_EQ(gaps({{"parent", {"eth1"}}, {"shim", {"10.99.0.9"}}, {"aux-address", {"printer 10.40.1.255"}}}), 2U)
      << "a subnet that was changed later";
  const auto subnet = [](Network config) { config.advertise = Advertise::Subnet, config.subnets.resize(1); };
  EXPECT_EQ(gaps({{"parent", {"eth1"}}, {"shim", {"10.40.1.9"}}}, subnet), 1U) << "another is the router there";
  EXPECT_EQ(gaps({{"parent", {"eth1"}}, {"shim", {"10.40.1.1"}}}, subnet), 0U);
}

TEST(MacvlanDriver, NoContainerGetsTheAddressOfTheShim) {
  const RuntimeNetwork wanted = kDriver.runtime_network(
      violet({{"parent", {"eth1"}}, {"shim", {"10.40.1.9", "fd00:40:1::1"}}, {"aux-address", {"printer 10.40.1.2"}}}));
  std::vector<std::string> kept;
  for (const auto& [name, address] : wanted.reserved) kept.push_back(address.to_string());
  std::sort(kept.begin(), kept.end());
  EXPECT_EQ(kept, (std::vector<std::string>{"10.40.1.2", "10.40.1.9"})) << "the gateway's Docker keeps itself";
}

TEST(MacvlanDriver, WhereThisHostTakesNoPartItOpensNothing) {
  NetworkConfig config = violet({{"parent", {"eth1"}}});
  config.advertise = Advertise::None;
  const NetworkSite site = kDriver.site(config, fact_of(config));
  EXPECT_TRUE(site.closed_v4 && site.closed_v6 && !site.own_link);
  const HostState dark = HostBuilder().link("eth1", "", {}).forwards(false);
  EXPECT_EQ(codes(kDriver.judge(site, dark, {}).problems), Codes{});
}

TEST(MacvlanDriver, AShimOfOursMovesToAnotherParent) {
  FakeHostKernel host;
  for (const char* name : {"eth1", "eth2"}) ASSERT_TRUE(host.apply(PutLink{name, BridgeLink{}, {}}));
  NetworkConfig config = violet({{"parent", {"eth1"}}, {"shim", {"10.40.1.9"}}});
  done_on(host, kDriver, config);
  config.options["parent"] = {"eth2"};
  done_on(host, kDriver, config);
  const HostState state = *host.state();
  EXPECT_EQ(state.find("ms-violet")->peer, state.find("eth2")->index);
}

// The kernel would go on sending to the dead end.
TEST(MacvlanDriver, TheGatewayIsTakenOffTheLinkOfAnEarlierForm) {
  FakeHostKernel host;
  done_on(host, kDriver, violet({{"parent", {"internal"}}}));
  ASSERT_TRUE(host.apply(PutLink{"eth1", BridgeLink{}, {}}));
  const NetworkConfig config = violet({{"parent", {"eth1"}}, {"shim", {"10.40.1.1", "fd00:40:1::1"}}});
  done_on(host, kDriver, config);
  const NetworkSite site = kDriver.site(config, fact_of(config));
  for (const Operation& each : kDriver.plan(site, *host.state())) ASSERT_TRUE(host.apply(each));
  const HostState state = *host.state();
  EXPECT_TRUE(state.find("mv-violet")->addresses.empty());
  EXPECT_EQ(state.find("ms-violet")->addresses.size(), 2U);
}

TEST(MacvlanDriver, AMacvlanIsNoParent) {
  HostState host = HostBuilder().link("eth1", "", {}).link("mac0", "macvlan", {});
  const auto ground = kDriver.groundwork(violet({{"parent", {"mac0"}}, {"shim", {""}}}), host);
  EXPECT_EQ(codes(ground->problems), Codes{"parent-taken"});
  EXPECT_TRUE(ground->missing.empty());
  EXPECT_FALSE(ground->ready);
}

}  // namespace
}  // namespace berth
