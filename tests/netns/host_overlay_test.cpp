// SPDX-License-Identifier: GPL-2.0-or-later
//
// An overlay on a real kernel: what the agent makes before the runtime is asked, what it writes into the tables for containers that
// never send, and what becomes of it when another hand, or the other host, changes them. zebra's part is played by bridge(8) and ip(8).
#include <gtest/gtest.h>

#include "container_watcher/attach/overlay/overlay_driver.h"
#include "tests/netns/host_fixture.h"

namespace berth {
namespace {

const Driver* overlay_driver(std::string_view) {
  static const OverlayDriver kDriver;
  return &kDriver;
}

class HostOverlayTest : public OwnNamespace, public AgentRun {
 protected:
  HostOverlayTest() : AgentRun(overlay_driver) {}
  void SetUp() override {
    if (!own_) GTEST_SKIP() << "no network namespace: not root";
    config.name = "red";
    config.runtime = "docker";
    config.driver = "overlay";
    config.subnets = {
        {*Prefix::parse("10.20.0.0/16"), IpAddress::parse("10.20.0.1"), Prefix::parse("10.20.1.0/24")},
        {*Prefix::parse("fd00:20::/64"), IpAddress::parse("fd00:20::1"), Prefix::parse("fd00:20::1:0/112")}};
    config.options = {{"vni", {"10100"}}};
    run("ip link set lo up && ip addr add 10.0.0.21/32 dev lo && ip link add up0 type veth peer name up1 && "
        "ip addr add 192.0.2.1/24 dev up0 && ip link set up0 up && ip link set up1 up");
  }
  void TearDown() override { agent.stop(); }
  static void run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }
  void begin() {
    agent.configured({{"red", config}}, {});
    agent.start();
    ASSERT_TRUE(until([&] { return last.grounds.contains("red") && last.grounds.at("red").ready; }));
    NetworkFact fact;
    fact.runtime = "docker";
    fact.id = "n1";
    fact.name = "red";
    fact.interface = "br-red";
    for (const SubnetConfig& each : config.subnets) fact.subnets.push_back({each.subnet, each.gateway, {}});
    agent.containers("docker", {});
    agent.sweep();
    agent.want(overlay_driver("")->site(config, fact), {});
    ASSERT_TRUE(until([&] { return good("red"); }));
  }
  static std::string mac_of(const std::string& byte) { return "02:42:0a:14:01:" + byte; }
  // A container's port, as Docker makes one.
  ContainerFact start(const std::string& name, const std::string& byte, const std::string& state = "running") {
    run("ip netns add " + name + " && ip link add v" + name + " type veth peer name eth0 address " + mac_of(byte) +
        " netns " + name + " && ip netns exec " + name +
        " sysctl -qw net.ipv6.conf.all.disable_ipv6=1 && ip link set v" + name + " master br-red up && ip -n " + name +
        " link set eth0 up");
    ContainerFact fact;
    fact.key = {"docker", name + "-id"};
    fact.name = name;
    fact.state = state;
    fact.endpoints = {{name + "-on-red",
                       "red",
                       "n1",
                       mac_of(byte),
                       {*IpAddress::parse("10.20.1." + std::to_string(std::stoi(byte, nullptr, 16))),
                        *IpAddress::parse("fd00:20::1:" + byte)}}};
    agent.container_changed(fact);
    return fact;
  }
  static std::string fdb(const std::string& byte) {
    return output_of("bridge fdb show br br-red | grep '^" + mac_of(byte) +
                     "' | grep -v self | grep -v vlan | cut -d' ' -f3-");
  }
  static std::string neighbours() {
    return output_of("ip neigh show dev br-red | grep -v '^fe80' | cut -d' ' -f1-4 | sort");
  }
  // As zebra does for what another host tells.
  static void far(const std::string& byte, const std::string& mac) {
    run("bridge fdb replace " + mac + " dev vx-red dst 10.0.0.22 self extern_learn && bridge fdb replace " + mac +
        " dev vx-red master extern_learn && ip neigh replace 10.20.1." + byte + " lladdr " + mac +
        " dev br-red nud noarp extern_learn");
  }
  static bool known(const std::string& byte, const std::string& port) {
    return fdb(byte) == port + " master br-red static\n" ||
           fdb(byte) == port + " extern_learn master br-red static\n";  // the kernel keeps that of the entry before
  }
  bool told(const std::string& code) const {
    const auto found = last.endpoints.find({{"docker", "c1-id"}, "c1-on-red"});
    return found != last.endpoints.end() && found->second.code == code;
  }

  NetworkConfig config;
};

// What another hand undoes more often is set a few times a minute.
class HarmedOverlay : public HostOverlayTest, public testing::WithParamInterface<std::vector<const char*>> {};
INSTANTIATE_TEST_SUITE_P(
    Harms, HarmedOverlay,
    testing::Values(std::vector{"ip link del vx-red", "ip link del br-red", "ip link set vx-red nomaster",
                                "ip link set vx-red down"},
                    std::vector{"bridge link set dev vx-red learning on neigh_suppress off", "ip link del vs-red",
                                // The kernel says nothing of it: it is seen with whatever comes next.
                                "ip link set br-red type bridge mcast_snooping 1 && ip link del vs-red"}));

TEST_P(HarmedOverlay, TheGroundIsMadeAndMadeAgain) {
  begin();
  EXPECT_EQ(last.grounds.at("red").mtu, 1450U);
  const auto whole = [] {
    const std::string vxlan = output_of("ip -d link show vx-red 2>/dev/null");
    const std::string bridge = output_of("ip -d addr show br-red 2>/dev/null");
    std::string missing;
    for (const char* each : {"vxlan id 10100 local 10.0.0.21", "dstport 4789", "nolearning", "mtu 1450",
                             "master br-red", "learning off", "neigh_suppress on"})
      if (vxlan.find(each) == std::string::npos) missing += std::string(each) + ", ";
    for (const char* each : {"mtu 1450", "10.20.0.1/16", "fd00:20::1/64", "mcast_snooping 0", "stp_state 0"})
      if (bridge.find(each) == std::string::npos) missing += std::string(each) + ", ";
    if (output_of("ip link show vs-red 2>&1").find("master br-red") == std::string::npos) missing += "vs-red";
    return missing;
  };
  EXPECT_EQ(whole(), "");
  for (const char* harm : GetParam()) {
    run(harm);
    EXPECT_TRUE(until([&] { return whole().empty(); })) << harm << ": " << whole();
  }
  run("ip route add default via 192.0.2.2 && ip link set up0 mtu 1400");
  EXPECT_TRUE(until([&] { return last.grounds.at("red").mtu == 1350U; }));
  EXPECT_TRUE(until([&] { return output_of("ip link show br-red").find("mtu 1350") != std::string::npos; }));
}

TEST_F(HostOverlayTest, AContainerThatNeverSendsIsInTheTablesAndGoesOutOfThem) {
  begin();
  start("c1", "02");
  start("c2", "03");
  const std::string both = "10.20.1.2 lladdr " + mac_of("02") + " PERMANENT\n10.20.1.3 lladdr " + mac_of("03") +
                           " PERMANENT\nfd00:20::1:2 lladdr " + mac_of("02") + " PERMANENT\nfd00:20::1:3 lladdr " +
                           mac_of("03") + " PERMANENT\n";
  const auto two = [&](const std::string& text) { return std::ranges::count(text, '\n'); };
  ASSERT_TRUE(until([&] { return two(neighbours()) == 4 && known("02", "vc1") && known("03", "vc2"); }))
      << neighbours() << fdb("02");
  EXPECT_NE(fdb("02").find("static"), std::string::npos) << fdb("02");
  for (const char* harm : {"ip neigh flush dev br-red nud permanent", "bridge fdb del 02:42:0a:14:01:02 dev vc1 master",
                           "ip neigh del fd00:20::1:3 dev br-red"}) {
    run(harm);
    EXPECT_TRUE(until([&] { return two(neighbours()) == 4 && known("02", "vc1"); })) << harm << neighbours();
  }
  EXPECT_GT(agent.counters().entries_written, 6U);
  run("ip netns del c1");
  agent.container_gone({"docker", "c1-id"});
  EXPECT_TRUE(until([&] { return two(neighbours()) == 2 && fdb("02").empty(); })) << neighbours() << fdb("02");
  EXPECT_TRUE(known("03", "vc2"));
}

// In either order.
TEST_F(HostOverlayTest, WhatTellsFirstOfAnEndMakesNoDifference) {
  begin();
  const auto none = [&] { return neighbours().empty() && fdb("02").empty(); };
  for (const bool port_first : {true, false}) {
    start("c1", "02");
    ASSERT_TRUE(until([&] { return known("02", "vc1") && !neighbours().empty(); }));
    if (port_first) run("ip netns del c1");
    if (!port_first) agent.container_gone({"docker", "c1-id"});
    ASSERT_TRUE(settled());
    if (port_first) agent.container_gone({"docker", "c1-id"});
    if (!port_first) run("ip netns del c1");
    EXPECT_TRUE(until(none)) << port_first << neighbours() << fdb("02");
  }
}

TEST_F(HostOverlayTest, OneThatMovesAwayIsLeftToTheOtherHostAndComesBackWhenItIsGoneThere) {
  begin();
  start("c1", "02");
  ASSERT_TRUE(until([&] { return known("02", "vc1"); }));
  far("2", mac_of("02"));
  ASSERT_TRUE(until([&] { return told("overlay-elsewhere"); }));
  ASSERT_TRUE(settled());
  // The old one is not silent.
  run("ip -n c1 addr add 10.20.1.2/16 dev eth0 && "
      "(ip netns exec c1 timeout 0.3 bash -c 'exec 3<>/dev/tcp/10.20.9.9/9' 2>/dev/null; true)");
  ASSERT_TRUE(settled());
  EXPECT_NE(fdb("02").find("vx-red"), std::string::npos) << fdb("02");
  EXPECT_NE(last.endpoints.begin()->second.text.find("VTEP 10.0.0.22"), std::string::npos);
  run("bridge fdb del " + mac_of("02") + " dev vx-red master; bridge fdb del " + mac_of("02") +
      " dev vx-red dst 10.0.0.22 self; ip neigh del 10.20.1.2 dev br-red");
  EXPECT_TRUE(until([&] { return known("02", "vc1") && !told("overlay-elsewhere"); })) << fdb("02");
}

TEST_F(HostOverlayTest, OneThatStartsHereTakesItsAddressOver) {
  begin();
  far("2", mac_of("02"));
  start("c1", "02");
  EXPECT_TRUE(until([&] {
    return known("02", "vc1") && neighbours().find("10.20.1.2 lladdr " + mac_of("02") + " PERMANENT") == 0;
  })) << fdb("02")
      << neighbours();
}

TEST_F(HostOverlayTest, ALargerMtuInAContainerIsToldAndItsRemedyWorks) {
  begin();
  start("c1", "02");
  ASSERT_TRUE(until([&] { return told("mtu-exceeds"); }));
  const Problem problem = last.endpoints.begin()->second;
  EXPECT_EQ(problem.code, "mtu-exceeds");
  EXPECT_FALSE(problem.blocks);
  run(problem.remedy);
  EXPECT_NE(output_of("ip -n c1 link show eth0").find("mtu 1450"), std::string::npos);
}

}  // namespace
}  // namespace berth
