// SPDX-License-Identifier: GPL-2.0-or-later
//
// An overlay, planned by a host that is only a value, and what is written into its tables. What the kernel makes of it is
// tests/netns/host_overlay_test.cpp's; what zebra and bgpd do, tests/fabric/test_overlay.py's.
#include "container_watcher/attach/overlay/overlay_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "container_watcher/attach/host_plan.h"
#include "container_watcher/attach/options.h"
#include "container_watcher/attach/vxlan_entries.h"
#include "core/names.h"
#include "tests/support/fake_host_kernel.h"
#include "tests/support/ground.h"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const OverlayDriver kDriver;
const IpAddress kVtep = *IpAddress::parse("10.0.0.21");
const NameOfHost kNames = [](const IpAddress& vtep) { return "host " + vtep.to_string(); };

NetworkConfig red() {
  NetworkConfig out;
  out.name = "red";
  out.driver = "overlay";
  out.subnets = {{*Prefix::parse("10.20.0.0/16"), IpAddress::parse("10.20.0.1"), Prefix::parse("10.20.1.0/24")},
                 {*Prefix::parse("fd00:20::/64"), IpAddress::parse("fd00:20::1"), Prefix::parse("fd00:20::1:0/112")}};
  out.options = {{"vni", {"10100"}}};
  return out;
}

// With a loopback of its own and one uplink.
struct Host : FakeHostKernel {
  explicit Host(unsigned mtu = 1500, const IpAddress& vtep = kVtep) {
    HostLink& lo = device("lo");
    lo.loopback = true;
    lo.addresses = {{*IpAddress::parse("127.0.0.1"), 8}, {vtep, vtep.bits()}};
    HostLink& uplink = device("eth1");
    uplink.mtu = mtu;
    uplink.addresses = {{*IpAddress::parse("fe80::1"), 64}};
  }
  HostLink& device(const std::string& name) {
    EXPECT_TRUE(apply(PutLink{name, DummyLink{}, {}}));
    HostLink& out = own().host.links.back();
    out.kind.clear();
    out.up = out.carrier = true;
    return out;
  }
};

TEST(OverlayDriver, ABridgeWithTheSameGatewayOnEveryHostAndATunnelInIt) {
  Host host, other(1500, *IpAddress::parse("10.0.0.22"));
  EXPECT_FALSE(kDriver.groundwork(red(), *host.state())->ready);
  EXPECT_TRUE(done_on(host, kDriver, red()).ready);
  done_on(other, kDriver, red());
  const HostState state = *host.state();
  const HostLink *bridge = state.find("br-red"), *tunnel = state.find("vx-red"), *spare = state.find("vs-red");
  ASSERT_TRUE(bridge && tunnel && spare);
  EXPECT_EQ(bridge->mac, other.state()->find("br-red")->mac);
  EXPECT_EQ(bridge->addresses.size(), 2U);
  EXPECT_EQ(tunnel->vni, 10100U);
  EXPECT_EQ(tunnel->local, kVtep);
  EXPECT_EQ(tunnel->learns, false);
  EXPECT_EQ(tunnel->master, bridge->index);
  EXPECT_EQ(tunnel->port.learning, false);
  EXPECT_EQ(tunnel->port.neigh_suppress, true);
  EXPECT_EQ(spare->master, bridge->index);
  for (const HostLink* each : {bridge, tunnel, spare}) EXPECT_EQ(each->alias, "berth:red");
  NetworkConfig blue = red();
  blue.name = "blue";
  blue.options["vni"] = {"10200"};
  EXPECT_NE(OverlayLines(blue).gateway_mac, bridge->mac) << "another segment has another router";
  const RuntimeNetwork wanted = kDriver.runtime_network(red());
  EXPECT_EQ(wanted.driver, "bridge");
  EXPECT_EQ(wanted.interface, "br-red");
  EXPECT_TRUE(wanted.there_already && !wanted.nat);
}

TEST(OverlayDriver, WhatIsTakenAwayOrChangedIsMadeAgain) {
  Host host;
  done_on(host, kDriver, red());
  LinkSettings alone, down, small;
  alone.master = "";
  down.up = false;
  small.mtu = 1400;
  LinkSettings learns;
  learns.port.learning = true;
  for (const Operation& harm :
       {Operation(DeleteLink{"vx-red"}), Operation(DeleteLink{"br-red"}), Operation(DeleteLink{"vs-red"}),
        Operation(SetLink{"vx-red", alone}), Operation(SetLink{"br-red", down}), Operation(SetLink{"vx-red", small}),
        Operation(SetLink{"vx-red", learns})}) {
    ASSERT_TRUE(host.apply(harm));
    EXPECT_FALSE(kDriver.groundwork(red(), *host.state())->ready) << harm.index();
    EXPECT_TRUE(done_on(host, kDriver, red()).ready);
  }
  NetworkConfig other = red();  // which a vxlan can't become
  other.options["vni"] = {"10101"};
  EXPECT_TRUE(done_on(host, kDriver, other).ready);
  EXPECT_EQ(host.state()->find("vx-red")->vni, 10101U);
}

TEST(OverlayDriver, TheMtuIsWhatTheUplinksCarryLessTheHeader) {
  for (const auto& [mtu, vtep, carried] : std::vector<std::tuple<unsigned, const char*, unsigned>>{
           {1500, "10.0.0.21", 1450}, {1400, "10.0.0.21", 1350}, {9000, "10.0.0.21", 8950}, {1500, "fd00::21", 1430}}) {
    Host host(mtu, *IpAddress::parse(vtep));
    const Groundwork ground = done_on(host, kDriver, red());
    EXPECT_EQ(ground.mtu, carried);
    EXPECT_THAT(ground.problems, IsEmpty());
    EXPECT_EQ(host.state()->find("br-red")->mtu, carried);
    EXPECT_EQ(host.state()->find("vx-red")->mtu, carried);
    NetworkConfig more = red();
    more.mtu = carried + 1;
    HostState state = *host.state();
    state.routed_v4 = {state.find("eth1")->index};
    const auto told = kDriver.groundwork(more, state)->problems;
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].code, "mtu-exceeds");
    EXPECT_FALSE(told[0].blocks);
    EXPECT_THAT(told[0].remedy, HasSubstr("mtu " + std::to_string(carried) + ","));
  }
  // What is there is lowered, where it is sure, and raised while nobody hangs on it.
  Host moving(9000);
  HostState now = *moving.state();
  now.routed_v4 = {now.find("eth1")->index};
  EXPECT_EQ(kDriver.groundwork(red(), now)->mtu, 8950U);
  done_on(moving, kDriver, red());
  LinkSettings port;
  port.master = "br-red";
  EXPECT_TRUE(moving.apply(PutLink{"veth1", VethLink{"eth0"}, port}));
  moving.own().host.links.front().mtu = 9000;
  const auto with = [&](unsigned mtu, bool sure) {
    HostState state = *moving.state();
    for (HostLink& each : state.links)
      if (each.name == "eth1") each.mtu = mtu;
    if (sure) state.routed_v4 = {state.find("eth1")->index};
    return kDriver.groundwork(red(), state)->mtu;
  };
  EXPECT_EQ(with(1500, false), 8950U) << "bgpd is away, and another uplink is the only one";
  EXPECT_EQ(with(1500, true), 1450U);
  EXPECT_EQ(with(9216, true), 8950U);
  EXPECT_TRUE(moving.apply(DeleteLink{"veth1"}));
  EXPECT_EQ(with(9216, true), 9166U);
  EXPECT_EQ(with(9216, false), 8950U);
  // A VPN's link has no MAC address, and is no way of the fabric's; nor is a management network, where the fabric's links are known.
  Host host(9000);
  for (const unsigned mtu : {1280, 1500}) {
    HostLink& more = host.device("more" + std::to_string(mtu));
    more.mtu = mtu;
    more.addresses = {{*IpAddress::parse("100.64.0." + std::to_string(mtu % 7)), 10}};
    if (mtu == 1280) more.mac = 0;
  }
  EXPECT_EQ(kDriver.groundwork(red(), *host.state())->mtu, 1450U);
  HostState state = *host.state();
  state.routed_v4 = {state.find("eth1")->index};
  EXPECT_EQ(kDriver.groundwork(red(), state)->mtu, 8950U);
}

TEST(OverlayDriver, AHostWithoutAVtepSaysWhatIsMissing) {
  Host host(1500, *IpAddress::parse("127.0.0.2"));
  auto told = kDriver.groundwork(red(), *host.state())->problems;
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].code, "vtep-missing");
  NetworkConfig said = red();
  said.options["vtep"] = {"10.0.0.99"};
  told = kDriver.groundwork(said, *host.state())->problems;
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].remedy, "ip addr add 10.0.0.99/32 dev lo");
  EXPECT_TRUE(told[0].blocks);
}

// Addresses of a service that many hosts have, too, may be on a loopback.
TEST(OverlayDriver, TheVtepStaysWhatItIsForAsLongAsTheHostHasIt) {
  Host host;
  done_on(host, kDriver, red());
  const auto of = [&](const std::vector<const char*>& all) {
    HostState state = *host.state();
    state.addresses.clear();
    for (HostLink& each : state.links) {
      if (!each.loopback) continue;
      each.addresses.clear();
      for (const char* one : all) each.addresses.push_back({*IpAddress::parse(one), 32});
      for (const char* one : all) state.addresses.insert(*IpAddress::parse(one));
    }
    return *kDriver.groundwork(red(), state);
  };
  EXPECT_TRUE(of({"10.9.9.9", "10.0.0.21"}).ready) << "another one comes, and is first";
  const Groundwork gone = of({"127.0.0.1"});
  ASSERT_EQ(gone.problems.size(), 1U);
  EXPECT_EQ(gone.problems[0].code, "vtep-missing");
  EXPECT_FALSE(gone.problems[0].blocks) << "who is there is reached by its own address";
  EXPECT_TRUE(gone.ready);
  Host several;
  several.own().host.links.front().addresses.push_back({*IpAddress::parse("10.9.9.9"), 32});
  const Groundwork unclear = *kDriver.groundwork(red(), *several.state());
  ASSERT_EQ(unclear.problems.size(), 1U);
  EXPECT_EQ(unclear.problems[0].code, "vtep-unclear");
  EXPECT_THAT(unclear.problems[0].remedy, HasSubstr("vtep 10.0.0.21"));
}

TEST(OverlayDriver, Lines) {
  EXPECT_THAT(kDriver.gaps(red()), IsEmpty());
  NetworkConfig bare = red();
  bare.options.clear();
  bare.subnets[0].gateway.reset();
  bare.subnets[1].ip_range.reset();
  EXPECT_THAT(kDriver.gaps(bare),
              ElementsAre("a vni for network red (vni N)",
                          "a gateway in 10.20.0.0/16 for network red: berthd's bridge has it (gateway …)",
                          "an ip-range of fd00:20::/64 in network red: each host hands out another part of it"));
  const auto gateway = std::ranges::find_if(
      kDriver.options(), [](const NetworkOption& each) { return each.syntax.starts_with("gateway "); });
  ASSERT_NE(gateway, kDriver.options().end());
  NetworkConfig config = red();
  for (const char* wrong : {"", "01:00:5e:00:00:01", "00:00:00:00:00:00", "02:00:00:00:00"})
    EXPECT_TRUE(gateway->set(config, {"gateway", "10.20.0.1", "mac", wrong}, false)) << wrong;
  EXPECT_FALSE(gateway->set(config, {"gateway", "10.20.0.2", "mac", "02:00:00:00:01:00"}, false));
  EXPECT_FALSE(gateway->set(config, {"gateway", "fd00:20::2"}, false));
  EXPECT_TRUE(gateway->set(config, {"gateway", "fd00:20::2", "mac", "02:00:00:00:02:00"}, false))
      << "there is one bridge";
  EXPECT_EQ(OverlayLines(config).gateway_mac, 0x020000000100U);
  EXPECT_THAT(gateway->print(config), ElementsAre("gateway 10.20.0.2 mac 02:00:00:00:01:00", "gateway fd00:20::2"));
  gateway->unset(config, {"no", "gateway", "10.20.0.2"}, true);
  EXPECT_THAT(gateway->print(config), ElementsAre("gateway fd00:20::2 mac 02:00:00:00:01:00"));
  gateway->unset(config, {"no", "gateway", "fd00:20::2"}, true);
  EXPECT_EQ(config.options, red().options);
}

TEST(OverlayDriver, TwoAreIsolatedUnlessBothSayRouteBetween) {
  NetworkConfig black = red(), blue = red();
  black.name = "black";
  blue.driver = "bridge";
  blue.name = "blue";
  EXPECT_TRUE(kDriver.isolates(red(), black));
  EXPECT_FALSE(kDriver.isolates(red(), red()));
  EXPECT_FALSE(kDriver.isolates(red(), blue)) << "no overlay";
  black.options["route-between"] = {""};
  EXPECT_TRUE(kDriver.isolates(red(), black) && kDriver.isolates(black, red())) << "one alone does not open the other";
  NetworkConfig open = red();
  open.options["route-between"] = {""};
  EXPECT_FALSE(kDriver.isolates(open, black));

  const DriverLookup drivers = [](std::string_view) -> const Driver* { return &kDriver; };
  WantedHost wanted;
  black.subnets = {{*Prefix::parse("10.30.0.0/16"), {}, {}}};
  wanted.networks = {{"red", red()}, {"black", black}};
  std::vector<NetworkSite> sites(1);
  sites[0].name = "red";
  sites[0].driver = "overlay";
  isolate(wanted, drivers, &sites);
  EXPECT_THAT(sites[0].isolated_from, ElementsAre(*Prefix::parse("10.30.0.0/16")));
}

// Taken out of berthd.conf, or left by an earlier berthd.
TEST(OverlayDriver, LinksOfNoNetworkGoUnlessSomebodyStandsOnThem) {
  Host host;
  done_on(host, kDriver, red());
  LinkSettings port;
  port.alias = "berth:red";
  port.master = "br-red";
  EXPECT_TRUE(host.apply(PutLink{"bv-c1", VethLink{"xc1"}, port}));
  EXPECT_TRUE(host.apply(PutLink{"br-theirs", BridgeLink{}, {}}));
  const DriverLookup drivers = [](std::string_view) -> const Driver* { return &kDriver; };
  WantedHost wanted;
  wanted.sweep = true;
  wanted.standing.emplace();
  const auto left = [&] { return plan_host(wanted, {}, *host.state(), std::vector<std::string>(), {}, drivers).host; };
  EXPECT_THAT(left(), IsEmpty()) << "the tunnel and a container are ports of it";
  for (const char* each : {"vx-red", "vs-red", "bv-c1"}) EXPECT_TRUE(host.apply(DeleteLink{each}));
  EXPECT_THAT(left(), ElementsAre(Sequence{DeleteLink{"br-red", "berth:red"}}));
  wanted.standing = {{"br-red"}};
  EXPECT_THAT(left(), IsEmpty()) << "Docker has a network on it";
  wanted.standing.reset();
  EXPECT_THAT(left(), IsEmpty()) << "Docker fails to tell of one";
  wanted.standing.emplace();
  wanted.keep = {"red"};
  EXPECT_THAT(left(), IsEmpty()) << "it is configured, or not yet withdrawn";
  wanted.keep.clear();
  wanted.sweep = false;
  EXPECT_THAT(left(), IsEmpty()) << "not all is known";
}

// --- the tables ---

class Entries : public testing::Test {
 protected:
  Entries() {
    done_on(host, kDriver, red());
    site.name = "red";
    site.interface = "br-red";
    site.tunnel = "vx-red";
    site.spare = "vs-red";
  }
  // A container's port.
  SegmentEndpoint start(const std::string& name, const std::string& address, Mac mac) {
    LinkSettings settings;
    settings.master = "br-red";
    settings.port.learning = true;
    EXPECT_TRUE(host.apply(PutLink{"v" + name, VethLink{"x" + name}, settings}));
    endpoints.push_back({{{"docker", name}, name},
                         name,
                         mac,
                         {*IpAddress::parse(address)},
                         host.state()->find("v" + name)->index,
                         true,
                         {}});
    return endpoints.back();
  }
  EntriesPlan plan(bool sweep = true) {
    const VxlanTables tables{*host.neighbours("br-red", {}), *host.fdb("br-red", {}), *host.fdb("vx-red", {})};
    return plan_entries(site, *host.state(), tables, endpoints, sweep, kNames, &memory);
  }
  // How many entries that took; the next look finds nothing to do.
  std::size_t settle() {
    std::size_t out = 0;
    for (int looks = 0; looks < 4; ++looks) {
      const EntriesPlan now = plan();
      if (now.writes.empty()) return out;
      out += now.writes.size();
      for (const Sequence& each : now.writes)
        for (const Operation& one : each) EXPECT_TRUE(host.apply(one));
    }
    ADD_FAILURE() << "something is always missing";
    return out;
  }
  std::string tables() {
    std::string out;
    const auto neighbours = host.neighbours("br-red", {});
    const auto fdb = host.fdb("br-red", {});
    for (const HostNeighbour& each : *neighbours)
      out += each.address.to_string() + "=" + std::to_string(each.mac) + (each.external ? "e " : " ");
    for (const FdbEntry& each : *fdb) out += std::to_string(each.mac) + "@" + host.state()->find(each.port)->name + " ";
    return out;
  }
  // As zebra does for what another host tells.
  void far(const std::string& address, Mac mac) {
    mac_gone(mac);
    auto& fdb = host.own().fdb;
    fdb[host.state()->find("vx-red")->index].push_back(
        {mac, {}, false, true, true, host.state()->find("vx-red")->index});
    fdb[host.state()->find("vx-red")->index].push_back(
        {mac, IpAddress::parse("10.0.0.22"), false, false, true, host.state()->find("vx-red")->index});
    auto& neighbours = host.own().neighbours[host.state()->find("br-red")->index];
    std::erase_if(neighbours, [&](const HostNeighbour& each) { return each.address == *IpAddress::parse(address); });
    neighbours.push_back({*IpAddress::parse(address), mac, false, false, true, 0});
  }
  void mac_gone(Mac mac) {
    for (auto& [index, all] : host.own().fdb) std::erase_if(all, [&](const FdbEntry& each) { return each.mac == mac; });
  }
  void far_gone(const std::string& address, Mac mac) {
    mac_gone(mac);
    std::erase_if(host.own().neighbours[host.state()->find("br-red")->index],
                  [&](const HostNeighbour& each) { return each.address == *IpAddress::parse(address); });
  }

  Host host;
  NetworkSite site;
  std::vector<SegmentEndpoint> endpoints;
  EntriesMemory memory;
};

TEST_F(Entries, AreWrittenForEachContainerAndAgainWhereSomebodyTakesThem) {
  start("c1", "10.20.1.2", 1);
  start("c2", "fd00:20::1:2", 2);
  EXPECT_EQ(settle(), 6U);
  for (const char* port : {"vc1", "vc2"}) EXPECT_EQ(host.state()->find(port)->port.learning, false);
  EXPECT_EQ(tables(), "10.20.1.2=1 fd00:20::1:2=2 1@vc1 2@vc2 ");
  EXPECT_EQ(settle(), 0U);
  EXPECT_TRUE(host.apply(DeleteFdb{"vc1", 1}));
  EXPECT_TRUE(host.apply(DeleteNeighbour{"br-red", *IpAddress::parse("fd00:20::1:2")}));
  EXPECT_EQ(settle(), 2U);
  EXPECT_EQ(tables(), "10.20.1.2=1 fd00:20::1:2=2 1@vc1 2@vc2 ");
}

// zebra may have heard of the port's end first: the MAC address goes once more, by the port that stays, and then the neighbour.
TEST_F(Entries, GoWithTheContainerAndByThePortThatStays) {
  start("c1", "10.20.1.2", 1);
  start("c2", "10.20.1.3", 2);
  settle();
  EXPECT_TRUE(host.apply(DeleteLink{"vc1"}));
  const EntriesPlan gone = plan();
  ASSERT_EQ(gone.writes.size(), 1U);
  EXPECT_EQ(gone.writes[0], (Sequence{PutFdb{"vs-red", 1}, DeleteFdb{"vs-red", 1},
                                      DeleteNeighbour{"br-red", *IpAddress::parse("10.20.1.2")}}));
  settle();
  EXPECT_EQ(tables(), "10.20.1.3=2 2@vc2 ");
  // Its runtime tells first: what is ours goes from the port, and the rest when the port is gone.
  endpoints.erase(endpoints.begin(), endpoints.end());
  settle();
  EXPECT_EQ(tables(), "");
}

TEST_F(Entries, OfNobodyStayUntilAllRuntimesHaveListed) {
  start("c1", "10.20.1.2", 1);
  settle();
  const auto all = std::exchange(endpoints, {});
  memory = {};  // berthd begins anew
  EXPECT_THAT(plan(false).writes, IsEmpty());
  EXPECT_FALSE(plan(true).writes.empty());
  endpoints = all;
  EXPECT_THAT(plan(true).writes, IsEmpty());
}

// Whom berthd saw here it sees go, whichever other runtime is away.
TEST_F(Entries, OfOneThatWasHereGoAtOnce) {
  start("c1", "10.20.1.2", 1);
  settle();
  host.apply(DeleteLink{"vc1"});
  EXPECT_EQ(plan(false).writes.size(), 1U);
  settle();
  EXPECT_EQ(tables(), "");
  EXPECT_TRUE(memory.owned.empty() || endpoints.size() == 1);
}

TEST_F(Entries, TheNextOneWithTheAddressTakesTheMacAddressOfTheLastOneAway) {
  start("c1", "10.20.1.2", 1);
  settle();
  EXPECT_TRUE(host.apply(DeleteLink{"vc1"}));
  endpoints.clear();
  start("c2", "10.20.1.2", 2);
  const auto writes = plan(false).writes;
  EXPECT_NE(std::ranges::find(writes, Sequence{PutFdb{"vs-red", 1}, DeleteFdb{"vs-red", 1}}), writes.end());
  settle();
  EXPECT_EQ(tables(), "10.20.1.2=2 2@vc2 ");
}

TEST_F(Entries, OfAnotherBridgeAreNotTouched) {
  LinkSettings alone;
  alone.master = "";
  EXPECT_TRUE(host.apply(SetLink{"vx-red", alone}));
  PortBook book;
  VxlanEntries entries(host, host);
  const unsigned before = host.applied;
  EXPECT_TRUE(entries.look({&site}, {"red"}, *host.state(), book, true).overlays.empty());
  EXPECT_EQ(host.applied, before);
}

// Its network is taken out of berthd.conf, or is of another driver now.
TEST_F(Entries, ATunnelOfNoNetworkGoesWithItsEntriesWhenAllHaveListed) {
  start("c1", "10.20.1.2", 1);
  settle();
  LinkSettings theirs;
  theirs.alias = "berth lives here";
  EXPECT_TRUE(host.apply(PutLink{"vx-other", VxlanLink{7, kVtep}, theirs}));
  PortBook book;
  VxlanEntries entries(host, host);
  entries.look({}, {"red"}, *host.state(), book, true);
  entries.look({}, {}, *host.state(), book, false);
  EXPECT_TRUE(host.state()->find("vx-red"));
  entries.look({}, {}, *host.state(), book, true);
  EXPECT_FALSE(host.state()->find("vx-red") || host.state()->find("vs-red"));
  EXPECT_TRUE(host.state()->find("br-red") && host.state()->find("vc1") && host.state()->find("vx-other"));
  EXPECT_TRUE(host.neighbours("br-red", {})->empty());
}

TEST_F(Entries, OfOtherHandsAreLeftAlone) {
  start("c1", "10.20.1.2", 1);
  settle();
  auto& neighbours = host.own().neighbours[host.state()->find("br-red")->index];
  neighbours.push_back({*IpAddress::parse("10.20.9.9"), 9, true, false, false, 0});   // ip neigh add … nud permanent
  neighbours.push_back({*IpAddress::parse("10.20.9.8"), 1, false, false, false, 0});  // learnt of c1
  far("10.20.2.2", 22);
  EXPECT_THAT(plan().writes, IsEmpty());
  // Learnt of a machine that is behind no port any more: zebra keeps its MAC address for it.
  neighbours.push_back({*IpAddress::parse("fe80::7"), 7, false, false, false, 0});
  EXPECT_EQ(settle(), 1U);
  EXPECT_EQ(tables().find("fe80::7"), std::string::npos);
}

TEST_F(Entries, OfAContainerThatMovedAreTheOtherHostsUntilItIsGoneThere) {
  start("c1", "10.20.1.2", 1);
  start("c2", "10.20.1.3", 2);
  settle();
  const std::string before = tables();
  for (const Mac mac : {Mac{1}, Mac{77}}) {  // the same container, or another one
    far("10.20.1.2", mac);
    const EntriesPlan moved = plan();
    EXPECT_THAT(moved.writes, IsEmpty());
    ASSERT_EQ(moved.problems.size(), 1U);
    const Problem& told = moved.problems.begin()->second;
    EXPECT_EQ(told.code, "overlay-elsewhere");
    EXPECT_THAT(told.text, HasSubstr("10.20.1.2 of c1 is on host 10.0.0.22 and on host 10.0.0.21; the other hosts"));
    EXPECT_FALSE(told.blocks);
    far_gone("10.20.1.2", mac);
    settle();
    EXPECT_THAT(plan().problems, IsEmpty());
  }
  EXPECT_THAT(tables(), HasSubstr("10.20.1.2=1 "));
  EXPECT_THAT(tables(), HasSubstr("1@vc1 "));
}

// Of one that was here and there zebra may leave the IP address alone, which nothing takes away any more.
TEST_F(Entries, WhatZebraLeavesOfAnotherHostsContainerGoes) {
  start("c1", "10.20.1.2", 1);
  settle();
  const std::string before = tables();
  far("10.20.2.2", 22);
  EXPECT_THAT(plan().writes, IsEmpty());
  mac_gone(22);
  EXPECT_EQ(plan(false).writes, plan(true).writes) << "it is nobody's, whichever runtime is away";
  EXPECT_EQ(settle(), 1U);
  EXPECT_EQ(tables(), before);
  // At the address, and with the MAC address, of one that is here.
  far("10.20.1.2", 1);
  EXPECT_EQ(plan().problems.size(), 1U);
  mac_gone(1);
  settle();
  EXPECT_THAT(plan().problems, IsEmpty());
  EXPECT_EQ(tables(), before);
}

TEST_F(Entries, OneThatStartsHereTakesTheAddressOnceAndOneThatWasFoundRunningDoesNot) {
  far("10.20.1.2", 1);
  start("c1", "10.20.1.2", 1);
  EXPECT_EQ(settle(), 4U) << "it starts, and what the tunnel has of it goes";
  EXPECT_EQ(tables(), "10.20.1.2=1 1@vc1 ");
  EXPECT_TRUE(host.fdb("vx-red", {})->empty());
  far("10.20.1.2", 1);
  EXPECT_EQ(settle(), 0U) << "it is taken back";
  memory.claimed.clear();  // berthd begins anew, and finds both as they are
  endpoints[0].started_here = false;
  EXPECT_EQ(settle(), 0U);
  EXPECT_EQ(plan().problems.size(), 1U);
}

TEST_F(Entries, AnotherHostsAddressInThisOnesRangeIsTold) {
  site.range = {*Prefix::parse("10.20.1.0/24"), *Prefix::parse("fd00:20::1:0/112")};
  const auto told = [&] {
    return foreign_in_range(site, {*host.neighbours("br-red", {}), *host.fdb("br-red", {}), *host.fdb("vx-red", {})},
                            kNames);
  };
  start("c1", "10.20.1.2", 1);
  settle();
  far("10.20.2.2", 22);
  EXPECT_FALSE(told()) << "each in its own";
  far("10.20.1.9", 29);
  ASSERT_TRUE(told());
  EXPECT_EQ(told()->code, "overlay-range");
  EXPECT_FALSE(told()->blocks);
  const std::string text = told()->text;
  EXPECT_THAT(text, HasSubstr("host 10.0.0.22 has addresses of 10.20.1.0/24, which this host hands out"));
  far("10.20.1.8", 28);
  EXPECT_EQ(told()->text, text) << "one more is no other problem";
  far_gone("10.20.1.8", 28);
  far_gone("10.20.1.9", 29);
  EXPECT_FALSE(told());
}

TEST_F(Entries, WhatTheKernelRefusesIsToldOnce) {
  const Mac mac = 0x020000000001;
  const int port = start("c1", "10.20.1.2", mac).port;
  NetworkConfig config = red();
  config.runtime = "docker";
  PortBook book;
  book.set_networks({{"red", config}});
  ContainerFact fact;
  fact.key = {"docker", "c1"};
  fact.name = "c1";
  for (HostLink& each : host.own().host.links) each.up = each.carrier = true;
  fact.endpoints = {{"e1", "red", "net", "02:00:00:00:00:01", {*IpAddress::parse("10.20.1.2")}}};
  book.upsert(fact);
  book.look(*host.state(), {{"red", host.state()->find("br-red")->index}}, {{port, mac}});
  VxlanEntries entries(host, host);
  const auto look = [&] { return entries.look({&site}, {"red"}, *host.state(), book, true).networks; };
  for (const unsigned nth : {1U, 2U}) host.fail(nth, EPERM);
  const auto told = look();
  ASSERT_EQ(told.size(), 1U);
  ASSERT_EQ(told.at("red").size(), 1U) << "one stands for all";
  EXPECT_EQ(told.at("red")[0].code, "entries-refused");
  EXPECT_THAT(told.at("red")[0].text, HasSubstr("02:00:00:00:00:01 into the tables of vc1"));
  EXPECT_TRUE(look().empty()) << "it is tried again";
  EXPECT_THAT(tables(), HasSubstr("10.20.1.2="));
}

TEST_F(Entries, AContainerWithALargerMtuIsTold) {
  start("c1", "10.20.1.2", 1);
  endpoints[0].inner = {7, "eth0", 1500, "/run/docker/netns/abc"};
  const auto told = plan().problems;
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.begin()->second.code, "mtu-exceeds");
  EXPECT_FALSE(told.begin()->second.blocks);
  EXPECT_EQ(told.begin()->second.remedy, "nsenter --net=/run/docker/netns/abc ip link set eth0 mtu 1450");
  endpoints[0].inner.mtu = 1450;
  EXPECT_THAT(plan().problems, IsEmpty());
}

}  // namespace
}  // namespace berth
