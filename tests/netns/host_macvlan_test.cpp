// SPDX-License-Identifier: GPL-2.0-or-later
//
// Networks of macvlans on a real kernel: what the agent makes before the runtime is asked, and what it says of a parent that
// goes, comes, is taken, or carries too many.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "container_watcher/attach/macvlan/macvlan_driver.h"
#include "container_watcher/netlink/address_probe.h"
#include "container_watcher/netlink/netns.h"
#include "tests/netns/host_fixture.h"

namespace berth {
namespace {

const Driver* macvlan_driver(std::string_view) {
  static const MacvlanDriver kDriver;
  return &kDriver;
}

// Both ends are up, and this host's has the gateway's address.
bool whole() {
  return output_of("ip -o addr show dev mv-violet up 2>&1").find("10.40.1.1/24") != std::string::npos &&
         output_of("ip -o link show dev mp-violet up 2>&1").find("state UP") != std::string::npos;
}

class HostMacvlanTest : public OwnNamespace, public AgentRun {
 protected:
  HostMacvlanTest() : AgentRun(macvlan_driver) {}
  void SetUp() override {
    if (!own_) GTEST_SKIP() << "no network namespace: not root";
    config.name = "violet";
    config.runtime = "docker";
    config.driver = "macvlan";
    config.subnets = {{*Prefix::parse("10.40.1.0/24"), IpAddress::parse("10.40.1.1")}};
    config.options = {{"parent", {"seg0"}}, {"shim", {"10.40.1.9"}}};
    run("ip link add seg0 type veth peer name sw0 && ip link set seg0 up && ip link set sw0 up && ip link set lo up");
  }
  void TearDown() override { agent.stop(); }
  static void run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }
  void begin() {
    agent.configured({{"violet", config}}, {});
    agent.start();
    agent.containers("docker", {});
  }
  // As the reconciler does when the ground is there and the runtime has the network.
  void want() {
    NetworkFact fact;
    fact.runtime = "docker";
    fact.id = "n1";
    fact.name = "violet";
    for (const SubnetConfig& each : config.subnets) fact.subnets.push_back({each.subnet, each.gateway, {}});
    agent.want(macvlan_driver("")->site(config, fact), {});
  }
  // A container's macvlan, in a namespace of its own.
  ContainerFact start(const std::string& name, const std::string& parent, const std::string& last_byte) {
    const std::string mac = "02:42:0a:28:01:" + last_byte;
    run("ip netns add " + name + " && ip link add link " + parent + " name x" + name + " address " + mac +
        " type macvlan mode bridge && ip link set x" + name + " netns " + name + " && ip -n " + name + " link set x" +
        name + " up");
    ContainerFact fact;
    fact.key = {"docker", name + "-id"};
    fact.name = name;
    fact.created = ++started_;
    fact.endpoints = {{name + "-on-violet",
                       "violet",
                       "n1",
                       mac,
                       {*IpAddress::parse("10.40.1." + std::to_string(std::stoi(last_byte, nullptr, 16)))}}};
    agent.container_changed(fact);
    return fact;
  }
  bool ready() { return ground().ready; }
  GroundReport ground() const {
    const auto found = last.grounds.find("violet");
    return found == last.grounds.end() ? GroundReport() : found->second;
  }
  bool told(const std::string& code) const {
    const auto found = last.health.find("violet");
    return found != last.health.end() && has(found->second.problems, code);
  }
  bool good() const { return AgentRun::good("violet"); }

  std::int64_t started_ = 0;
  NetworkConfig config;
};

TEST_F(HostMacvlanTest, TheGroundIsThereBeforeTheRuntimeIsAskedAndStays) {
  config.options = {{"parent", {"internal"}}};
  begin();
  ASSERT_TRUE(until([&] { return ready(); }));
  EXPECT_TRUE(whole());
  want();
  ASSERT_TRUE(until([&] { return good(); }));
  for (const char* harm : {"ip link del mv-violet", "ip link set mp-violet down", "ip link set mv-violet down"}) {
    run(harm);
    ASSERT_TRUE(until([&] { return whole(); })) << harm;
    ASSERT_TRUE(until([&] { return good() && ready(); })) << harm;
  }
}

TEST_F(HostMacvlanTest, ALinkOfAnotherHandIsLeftAlone) {
  config.options = {{"parent", {"internal"}}};
  run("ip link add mv-violet type bridge");
  begin();
  ASSERT_TRUE(until([&] { return has(ground().problems, "link-refused"); }));
  EXPECT_FALSE(ready());
  EXPECT_NE(output_of("ip -d link show mv-violet").find("bridge"), std::string::npos);
  run(ground().problems[0].remedy.substr(0, ground().problems[0].remedy.find(',')));  // "ip link del mv-violet, if …"
  EXPECT_TRUE(until([&] { return ready(); }));
}

// Each is seen within a second, told with what holds it, and over when it is.
TEST_F(HostMacvlanTest, AParentThatCarriesNothing) {
  begin();
  ASSERT_TRUE(until([&] { return ready(); }));
  want();
  ASSERT_TRUE(until([&] { return good(); }));
  run("ip link add br9 type bridge");
  const std::vector<std::array<const char*, 3>> cases = {
      {"ip link set seg0 down", "parent-down", "ip link set seg0 up"},
      {"ip link set sw0 down", "parent-no-carrier", "ip link set sw0 up"},
      {"ip link set seg0 down && ip link set seg0 name seg1", "parent-missing",
       "ip link set seg1 name seg0 && ip link set seg0 up"},
      {"ip link del seg0", "parent-missing",
       "ip link add seg0 type veth peer name sw0 && ip link set seg0 up && ip link set sw0 up"},
  };
  for (const auto& [harm, code, cure] : cases) {
    run(harm);
    EXPECT_TRUE(until([&, of = code] { return !good() && told(of); }, 1s)) << harm;
    run(cure);
    EXPECT_TRUE(until([&] { return good(); }, 3s)) << cure;
  }
  run("ip link del ms-violet");  // a port of a bridge can carry no macvlan
  run("ip link set seg0 master br9 || true");
  if (output_of("ip link show seg0").find("master br9") == std::string::npos) return;  // the shim was there again
  EXPECT_TRUE(until([&] { return !good() && told("parent-taken"); }, 1s));
}

TEST_F(HostMacvlanTest, AContainerWhoseMacvlanIsGoneIsHeldBackAloneAndSoIsOneTooMany) {
  config.options["mac-limit"] = {"4"};  // the parent, the shim and two containers
  begin();
  ASSERT_TRUE(until([&] { return ready(); }));
  want();
  ASSERT_TRUE(until([&] { return good(); }));
  const auto told_of = [&](const std::string& name) {
    const auto found = last.endpoints.find({{"docker", name + "-id"}, name + "-on-violet"});
    return found == last.endpoints.end() ? std::string() : found->second.code;
  };
  start("c1", "seg0", "10");
  start("c2", "seg0", "11");
  ASSERT_TRUE(until([&] { return told("mac-limit"); })) << "it is told before it is reached";
  EXPECT_TRUE(good()) << "and holds nothing back";
  start("c0", "seg0", "01");
  ASSERT_TRUE(until([&] { return told_of("c0") == "mac-limit"; }));
  EXPECT_EQ(told_of("c1"), "") << "who is there keeps its place";
  HostPort port;
  ASSERT_TRUE(until([&] { return !(port = agent.ports()[{{"docker", "c1-id"}, "c1-on-violet"}]).inner.name.empty(); }));
  EXPECT_EQ(port.inner.name.str() + " in " + port.inner.netns.str(), "xc1 in /run/netns/c1");
  EXPECT_EQ(output_of("ip -n c1 -o link show xc1").find(std::to_string(port.inner.index) + ": xc1@if"), 0U);
  run("ip netns del c2");
  ASSERT_TRUE(until([&] { return told_of("c2") == "port-gone"; })) << "its runtime did not say so";
  EXPECT_TRUE(until([&] { return told_of("c0").empty(); })) << "there is room";
  EXPECT_EQ(told_of("c1"), "");
}

// Another machine behind the switch's end of the parent, that has the addresses of c1.
class HostMacvlanClashTest : public HostMacvlanTest {
 protected:
  void SetUp() override {
    HostMacvlanTest::SetUp();
    if (!own_) return;
    run("ip netns add other && ip link set sw0 netns other && ip -n other link set sw0 address 02:00:00:00:00:99 up");
    config.subnets.push_back({*Prefix::parse("fd00:40:1::/64"), {}, {}});
    begin();
    ASSERT_TRUE(until([&] { return ready(); }));
    want();
    ASSERT_TRUE(until([&] { return good(); }));
  }
  // With an address of each family, as Docker gives them.
  ContainerFact start_dual(const std::string& name, const std::string& last_byte) {
    ContainerFact fact = start(name, "seg0", last_byte);
    const std::string v4 = fact.endpoints[0].addresses[0].to_string(), v6 = "fd00:40:1::" + last_byte;
    run("ip -n " + name + " addr add " + v4 + "/24 dev x" + name + " && ip -n " + name + " addr add " + v6 +
        "/64 nodad dev x" + name);
    fact.endpoints[0].addresses.push_back(*IpAddress::parse(v6));
    agent.container_changed(fact);
    return fact;
  }
  const Problem* problem_of(const std::string& name) const {
    const auto found = last.endpoints.find({{"docker", name + "-id"}, name + "-on-violet"});
    return found == last.endpoints.end() ? nullptr : &found->second;
  }
  bool clashes(const std::string& name, Family family) const {
    const Problem* problem = problem_of(name);
    return problem && problem->code == "address-clash" && problem->family == family;
  }
  std::uint64_t probes() { return agent.counters().address_probes; }
};

TEST_F(HostMacvlanClashTest, AnAddressThatNobodyElseHasIsAskedForAndThatIsAll) {
  start_dual("c1", "10");
  ASSERT_TRUE(until([&] { return probes() == 2; }, 2s));
  ASSERT_TRUE(settled(1s));
  EXPECT_EQ(problem_of("c1"), nullptr);
  EXPECT_EQ(agent.counters().address_clashes, 0U);
  EXPECT_EQ(agent.counters().address_probes_failed, 0U);
  EXPECT_NE(output_of("ip -n c1 -6 addr show dev xc1").find("fd00:40:1::10/64"), std::string::npos);
  EXPECT_EQ(output_of("ip -n c1 -6 addr show dev xc1").find("dadfailed"), std::string::npos);
}

TEST_F(HostMacvlanClashTest, AnotherMachineIsToldByItsMacAddressUntilItIsGone) {
  run("ip -n other addr add 10.40.1.16/24 dev sw0 && ip -n other addr add fd00:40:1::10/64 nodad dev sw0");
  start_dual("c1", "10");
  start_dual("c2", "11");
  ASSERT_TRUE(until([&] { return clashes("c1", Family::Both); }, 2s));
  EXPECT_NE(problem_of("c1")->text.find("02:00:00:00:00:99"), std::string::npos) << problem_of("c1")->text;
  EXPECT_NE(problem_of("c1")->text.find("seg0"), std::string::npos);
  EXPECT_EQ(agent.counters().address_clashes, 2U);
  EXPECT_TRUE(good()) << "the others are advertised";
  ASSERT_EQ(agent.parents().count("violet"), 1U);
  const HostParent parent = agent.parents().at("violet");
  EXPECT_EQ(parent.name, "seg0");
  EXPECT_EQ(parent.macs, 4U) << "itself, the shim, two containers";
  EXPECT_EQ(parent.limit, 512U);
  EXPECT_EQ(parent.clashes.size(), 2U);
  EXPECT_EQ(problem_of("c2"), nullptr);
  // The cable out and in again: asked anew, at once.
  run("ip -n other addr del 10.40.1.16/24 dev sw0 && ip -n other link set sw0 down");
  ASSERT_TRUE(until([&] { return !good(); }, 2s));
  EXPECT_TRUE(clashes("c1", Family::Both)) << "nobody was heard to be silent";
  run("ip -n other link set sw0 up && ip -n other addr replace fd00:40:1::10/64 nodad dev sw0");
  ASSERT_TRUE(until([&] { return clashes("c1", Family::V6); }, 3s));
  run("ip -n other addr del fd00:40:1::10/64 dev sw0 && ip -n other link set sw0 down");
  ASSERT_TRUE(until([&] { return !good(); }, 2s));
  run("ip -n other link set sw0 up");
  ASSERT_TRUE(until([&] { return good() && !problem_of("c1"); }, 3s));
}

// Two Dockers that give out the same address make the same MAC address of it.
TEST_F(HostMacvlanClashTest, AnotherMachineWithTheSameMacAddressToo) {
  run("ip -n other link set sw0 down && ip -n other link set sw0 address 02:42:0a:28:01:10 && "
      "ip -n other link set sw0 up && ip -n other addr add 10.40.1.16/24 dev sw0");
  ASSERT_TRUE(until([&] { return good(); }));
  start_dual("c1", "10");
  ASSERT_TRUE(until([&] { return clashes("c1", Family::V4); }, 2s));
}

// What comes with a VLAN's tag is of another segment, though the kernel takes the tag off before anybody sees it.
TEST_F(HostMacvlanClashTest, AnAnswerOfAVlanOnTheParentIsNone) {
  Fd socket;
  ASSERT_TRUE(within(*open_netns({"/run/netns/other"}), [&] { socket = Fd(::socket(AF_PACKET, SOCK_RAW, 0)); }));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  ASSERT_TRUE(
      within(*open_netns({"/run/netns/other"}), [&] { to.sll_ifindex = static_cast<int>(if_nametoindex("sw0")); }));
  // "10.40.1.16 is at 02:00:00:00:00:99", to everybody.
  const std::string tag("\x81\x00\x00\x07", 4);
  const std::string head("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x99", 12);
  const std::string arp(
      "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02\x02\x00\x00\x00\x00\x99\x0a\x28\x01\x10"
      "\x02\x00\x00\x00\x00\x01\x0a\x28\x01\x01",
      30);
  const auto say = [&](const std::string& frame) {
    EXPECT_EQ(sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(frame.size()));
  };
  const auto settles = [&](const std::string& frame) {
    auto since = Clock::now();
    const auto before = probes();
    return until([&] {
      say(frame);
      if (probes() < before + 2) since = Clock::now();
      return Clock::now() - since > 1s || problem_of("c1") || problem_of("c2");
    });
  };
  start_dual("c1", "10");
  ASSERT_TRUE(settles(head + tag + arp));
  EXPECT_EQ(problem_of("c1"), nullptr);
  // The links of a namespace that is deleted live on for a moment, and hold their MAC addresses.
  run("ip -n c1 link del xc1 && ip netns del c1");
  agent.container_gone({"docker", "c1-id"});
  start("c2", "seg0", "10");  // the same address
  ASSERT_TRUE(settles(head + arp));
  EXPECT_TRUE(clashes("c2", Family::V4)) << "that frame is heard where it has no tag";
}

// A switch that reflects, as vepa needs it: the container hears the question, too, and answers.
TEST_F(HostMacvlanClashTest, TheContainerItselfIsNoOtherMachine) {
  run("ip -n other link add br9 type bridge && ip -n other link set br9 up && ip -n other link set sw0 master br9 && "
      "ip -n other link set sw0 type bridge_slave hairpin on");
  ASSERT_TRUE(until([&] { return good(); }));
  start_dual("c1", "10");
  ASSERT_TRUE(until([&] { return probes() == 2; }, 2s));
  ASSERT_TRUE(settled(1s));
  EXPECT_EQ(problem_of("c1"), nullptr);
  run("ip -n other addr add 10.40.1.17/24 dev br9");
  start_dual("c2", "11");
  ASSERT_TRUE(until([&] { return clashes("c2", Family::V4); }, 2s)) << "another one still is";
}

// The host and the containers of a parent look each other up all the time; what they answer each other is heard on the parent.
TEST_F(HostMacvlanClashTest, WhatMacvlansAnswerEachOtherIsNoAnswerToUs) {
  start_dual("c2", "11");
  ASSERT_TRUE(until([&] { return probes() == 2; }, 2s));
  ASSERT_TRUE(settled(1s));
  start_dual("c1", "10");
  run("ip route add 10.40.1.16/32 dev ms-violet");
  const auto look_up = [this](const std::string& in, const std::string& link, const std::string& address) {
    run(in + "ip neigh flush dev " + link + " && " + in + "bash -c 'echo >/dev/udp/" + address + "/9'");
    return until([&] { return !output_of(in + "ip neigh show " + address + " nud reachable").empty(); }, 1s);
  };
  const auto begin = Clock::now();
  ASSERT_TRUE(until([&] {
    EXPECT_TRUE(look_up("", "ms-violet", "10.40.1.16"));
    EXPECT_TRUE(look_up("ip netns exec c2 ", "xc2", "10.40.1.16"));
    EXPECT_TRUE(look_up("ip netns exec c2 ", "xc2", "fd00:40:1::10"));
    return Clock::now() - begin > 2s || problem_of("c1");
  }));
  EXPECT_EQ(probes(), 4U);
  EXPECT_EQ(problem_of("c1"), nullptr) << problem_of("c1")->text;
}

// Powers are a thread's: this one gives one away before it asks.
TEST_F(HostMacvlanClashTest, WithoutThePowerToAskTheRemedySaysWhichOne) {
  std::thread([] {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> powers{};
    ASSERT_EQ(syscall(SYS_capget, &head, powers.data()), 0);
    powers[0].effective &= ~(1U << CAP_NET_RAW);
    ASSERT_EQ(syscall(SYS_capset, &head, powers.data()), 0);
    const auto socket = open_probe(static_cast<int>(if_nametoindex("seg0")), 0x020000000001);
    ASSERT_FALSE(socket);
    EXPECT_EQ(socket.error().kind, ErrorKind::Permanent);
    EXPECT_EQ(socket.error().remedy, "run berthd with CAP_NET_RAW");
  }).join();
  EXPECT_TRUE(open_probe(static_cast<int>(if_nametoindex("seg0")), 0x020000000001));
}

TEST_F(HostMacvlanClashTest, WhereNobodyCanBeAskedThatIsToldAndHoldsNothingBack) {
  run("ip link set seg0 down");
  ASSERT_TRUE(until([&] { return !good(); }));
  start_dual("c1", "10");
  ASSERT_TRUE(until([&] { return told("probe-impossible"); }, 2s));
  EXPECT_EQ(agent.counters().address_probes_failed, 2U);
  EXPECT_EQ(problem_of("c1"), nullptr);
  for (const Problem& each : last.health.at("violet").problems)
    if (each.code == "probe-impossible") EXPECT_FALSE(each.blocks);
  run("ip link set seg0 up");
  ASSERT_TRUE(until([&] { return good() && !told("probe-impossible") && probes() == 2; }, 3s));
}

}  // namespace
}  // namespace berth
