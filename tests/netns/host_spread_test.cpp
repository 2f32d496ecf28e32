// SPDX-License-Identifier: GPL-2.0-or-later
//
// One subnet over several hosts, against the kernel: which addresses a container gets an answer for, and that they follow the
// routes. Each test in a network namespace of its own, which is the host; a second one is a container.
#include <gmock/gmock.h>

#include <set>
#include <sstream>

#include "tests/netns/host_fixture.h"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SpreadHost : public OwnNamespace {
 protected:
  void SetUp() override {
    if (!own_) GTEST_SKIP() << "no network namespace of its own";
    for (const char* command :
         {"ip netns add box", "ip link set lo up", "ip link add br-teal type bridge",
          "ip link add port type veth peer name eth0 netns box", "ip link set port master br-teal up",
          "ip link set br-teal up", "ip addr add 10.77.0.1/16 dev br-teal",
          "ip addr add fd00:77::1/64 dev br-teal nodad", "ip link add up0 type veth peer name far0",
          "ip link set far0 up", "ip link set up0 up", "ip addr add 192.0.2.1/24 dev up0",
          "ip addr add fd00:2::1/64 dev up0 nodad", "ip route add default via 192.0.2.2",
          "ip -6 route add default via fd00:2::2", "ip -n box addr add 10.77.1.5/16 dev eth0",
          "ip -n box addr add fd00:77::1:5/64 dev eth0 nodad", "ip -n box link set eth0 up"})
      run(command);
    if (HasFatalFailure()) return;
    run_agent = std::make_unique<AgentRun>();
    NetworkConfig teal;
    teal.name = "teal";
    teal.driver = "bridge";
    teal.subnets = {{*Prefix::parse("10.77.0.0/16"), {}, {}}, {*Prefix::parse("fd00:77::/64"), {}, {}}};
    run_agent->agent.configured({{"teal", teal}}, {});
    want(true);
    run_agent->agent.start();
    ASSERT_TRUE(run_agent->until([this] { return run_agent->last.health.contains("teal") && is_ready(); }));
  }
  static void run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }
  static bool is_ready() { return word_of("/proc/sys/net/ipv6/conf/br-teal/proxy_ndp") == "1"; }
  void want(bool spread) {
    NetworkSite site{"teal", "br-teal", {*Prefix::parse("10.77.0.0/16"), *Prefix::parse("fd00:77::/64")}};
    site.driver = "bridge";
    site.key = {"docker", "net1"};
    site.spread = spread;
    run_agent->agent.want(site, {});
  }
  static std::set<std::string> entries() {
    std::set<std::string> out;
    std::istringstream lines(output_of("ip neigh show proxy; ip -6 neigh show proxy"));
    for (std::string line; std::getline(lines, line);)
      if (line.find("proto 177") != std::string::npos) out.insert(line.substr(0, line.find(' ')));
    return out;
  }
  bool has_entries(const std::set<std::string>& wanted) {
    return run_agent->until([&] { return entries() == wanted; });
  }
  // Who answers the container that asks for all of these: those for which it gets a MAC address.
  std::set<std::string> answered(const std::vector<std::string>& addresses) {
    run("ip -n box neigh flush all");
    for (const std::string& each : addresses) run("ip netns exec box bash -c 'echo >/dev/udp/" + each + "/9'");
    std::set<std::string> out;
    // The kernel asks three times, a second apart, and then knows that there is nobody.
    EXPECT_TRUE(run_agent->until([&] {
      const std::string all = output_of("ip -n box neigh show");
      out.clear();
      for (const std::string& each : addresses)
        if (all.find(each + " dev eth0 lladdr") != std::string::npos) out.insert(each);
      return all.find("INCOMPLETE") == std::string::npos;
    })) << output_of("ip -n box neigh show");
    return out;
  }

  std::unique_ptr<AgentRun> run_agent;
};

TEST_F(SpreadHost, AnswersForWhatIsElsewhereAndForNothingElse) {
  run("ip route add 10.77.2.5/32 via 192.0.2.2");
  run("ip -6 route add fd00:77::2:5/128 via fd00:2::2");
  run("ip route add 10.77.1.9/32 dev br-teal");
  run("ip route add 10.77.3.0/24 via 192.0.2.2");
  ASSERT_TRUE(has_entries({"10.77.2.5", "fd00:77::2:5"}));
  EXPECT_THAT(answered({"10.77.2.5", "10.77.2.6", "10.77.1.9", "10.77.3.1", "fd00:77::2:5", "fd00:77::2:6"}),
              ElementsAre("10.77.2.5", "fd00:77::2:5"));
}

TEST_F(SpreadHost, EntriesFollowTheRoutesBothWays) {
  run("ip route add 10.77.2.5/32 nexthop via 192.0.2.2 nexthop via 192.0.2.3");
  ASSERT_TRUE(has_entries({"10.77.2.5"})) << "by several next hops";
  run("ip route replace 10.77.2.5/32 dev br-teal");  // it moved here
  ASSERT_TRUE(has_entries({}));
  for (int times = 0; times < 8; ++times) {  // more often than another hand is put right
    run("ip route replace 10.77.2.5/32 via 192.0.2.2");
    ASSERT_TRUE(has_entries({"10.77.2.5"})) << times;
    run("ip route del 10.77.2.5/32");
    ASSERT_TRUE(has_entries({})) << times;
  }
}

// It was a container of this host: its neighbours have its MAC address in their tables, and learn the bridge's.
TEST_F(SpreadHost, NeighboursLearnThatAnAddressHasMoved) {
  const std::string bridge = output_of("ip -o link show br-teal | grep -o 'ether [0-9a-f:]*' | cut -d' ' -f2");
  const auto known = [](const std::string& address) {
    return output_of("ip -n box neigh show " + address + " dev eth0 | grep -o '[0-9a-f:]\\{17\\}'");
  };
  for (const std::string address : {"10.77.2.5", "fd00:77::2:5", "10.77.2.6"})
    run("ip -n box neigh add " + address + " lladdr 02:00:00:00:00:77 dev eth0 nud reachable");
  ASSERT_EQ(known("10.77.2.5"), "02:00:00:00:00:77\n");
  run("ip route add 10.77.2.5/32 via 192.0.2.2 && ip -6 route add fd00:77::2:5/128 via fd00:2::2");
  EXPECT_TRUE(run_agent->until([&] { return known("10.77.2.5") == bridge; })) << known("10.77.2.5");
  EXPECT_TRUE(run_agent->until([&] { return known("fd00:77::2:5") == bridge; })) << known("fd00:77::2:5");
  EXPECT_EQ(known("10.77.2.6"), "02:00:00:00:00:77\n") << "it has not moved";
}

TEST_F(SpreadHost, EntriesOfAnotherHandStayAndOursOfAnEarlierBerthdGo) {
  run("ip neigh add proxy 10.77.9.9 dev br-teal");
  run("ip neigh add proxy 10.77.9.8 dev br-teal protocol 177");
  run("ip route add 10.77.2.5/32 via 192.0.2.2");
  ASSERT_TRUE(has_entries({"10.77.2.5"}));
  EXPECT_NE(output_of("ip neigh show proxy").find("10.77.9.9"), std::string::npos);
  want(false);
  ASSERT_TRUE(has_entries({}));
  EXPECT_NE(output_of("ip neigh show proxy").find("10.77.9.9"), std::string::npos);
}

TEST_F(SpreadHost, WithoutASpreadNetworkARouteIsNoReasonToLook) {
  want(false);
  ASSERT_TRUE(run_agent->settled());
  const auto looks = run_agent->agent.counters().looks;
  run("ip route add 10.77.2.5/32 via 192.0.2.2");
  ASSERT_TRUE(run_agent->settled());
  EXPECT_EQ(run_agent->agent.counters().looks, looks);
  EXPECT_THAT(entries(), IsEmpty());
}

}  // namespace
}  // namespace berth
