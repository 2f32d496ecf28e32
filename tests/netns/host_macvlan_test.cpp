// SPDX-License-Identifier: GPL-2.0-or-later
//
// Networks of macvlans on a real kernel: what the agent makes before the runtime is asked, and what it says of a parent that
// goes, comes, is taken, or carries too many.
#include <gtest/gtest.h>

#include "container_watcher/attach/macvlan/macvlan_driver.h"
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
  run("ip netns del c2");
  ASSERT_TRUE(until([&] { return told_of("c2") == "port-gone"; })) << "its runtime did not say so";
  EXPECT_TRUE(until([&] { return told_of("c0").empty(); })) << "there is room";
  EXPECT_EQ(told_of("c1"), "");
}

}  // namespace
}  // namespace berth
