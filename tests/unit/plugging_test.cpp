// SPDX-License-Identifier: GPL-2.0-or-later
//
// Containers that ask berthd to plug them in: who may, when it happens, and what is advertised of them.
#include <gtest/gtest.h>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "tests/support/reconciler_world.h"

namespace berth {
namespace {

const BridgeDriver kBridge;

class PluggingTest : public testing::Test {
 protected:
  void SetUp() override {
    config.runtimes = {{"docker", "docker", "unix:/one"}, {"containerd", "containerd", "unix:/two", false}};
    NetworkConfig green;
    green.name = "green";
    green.runtime = "containerd";
    green.subnets = {{*Prefix::parse("10.20.1.0/24"), IpAddress::parse("10.20.1.1"), {}}};
    green.advertise = Advertise::Host;
    green.tag = 100;
    green.allow_labels = {LabelKind::Network};
    config.networks["green"] = green;
    NetworkConfig blue = green;
    blue.name = "blue";
    blue.runtime = "docker";
    blue.subnets = {{*Prefix::parse("10.10.1.0/24"), {}, {}}};
    config.networks["blue"] = blue;
    begin();
  }
  struct Parts : ReconcilerWorld {
    Parts(FakeRib& the_rib, const Config& config, const std::set<std::string>* links)
        : ReconcilerWorld(
              the_rib, config, [](std::string_view) { return &kBridge; },
              [links](const std::string& link) { return links->contains(link); }) {
      host.grounds["green"] = {true, {}, 0};
    }
    FakeRuntime &docker = *runtimes[0], &containerd = *runtimes[1];
  };
  void begin() {
    for (auto& [key, entry] : rib.entries) entry.stale = true;
    parts = nullptr;
    parts = std::make_unique<Parts>(rib, config, &links);
  }
  void settle() {
    parts->host.change();
    parts->settle();
  }
  void list() {
    parts->docker.list();
    parts->containerd.list();
    settle();
  }
  // One task, told again by each that begins anew.
  void run_task() {
    parts->containerd.run(bare("containerd", "task"));
    list();
  }
  static ContainerFact bare(const std::string& runtime, const std::string& id, const std::string& label = "green") {
    ContainerFact out;
    out.key = {runtime, id};
    out.name = "name-of-" + id;
    out.state = "running";
    out.created = 1764000000;
    out.network_mode = "none";
    out.netns = "/proc/7/ns/net";
    if (!label.empty()) out.labels["berth.network"] = label;
    return out;
  }
  std::string routes() const { return routes_of(rib); }
  std::string why(const std::string& name) const {
    const Explanation said = parts->reconciler.brain().explain("name-of-" + name);
    for (const ReasonStep& each : said.steps)
      if (!each.ok) return each.detail;
    return "";
  }

  LogTo silent;
  Config config;
  std::set<std::string> links;  // of the host
  FakeRib rib;
  std::unique_ptr<Parts> parts;
};

// Each runtime in turn is the first that answers: what the other one's containers have on the network is not swept meanwhile.
TEST_F(PluggingTest, ANetworkThatLabelsMayAskForIsSweptWhenAllHaveListed) {
  parts->containerd.run(bare("containerd", "default/task"));
  parts->docker.run(bare("docker", "box"));
  list();
  const std::string both = routes();
  ASSERT_EQ(rib.entries.size(), 2U) << both;
  for (const bool docker_first : {true, false}) {
    begin();
    FakeRuntime& first = docker_first ? parts->docker : parts->containerd;
    FakeRuntime& second = docker_first ? parts->containerd : parts->docker;
    first.run(docker_first ? bare("docker", "box") : bare("containerd", "default/task"));
    first.list();
    settle();
    EXPECT_EQ(rib.entries.size(), 2U) << routes();
    second.run(docker_first ? bare("containerd", "default/task") : bare("docker", "box"));
    second.list();
    settle();
    EXPECT_EQ(routes(), both);
  }
}

TEST_F(PluggingTest, ATaskAndADockerContainerWithoutANetwork) {
  parts->containerd.run(bare("containerd", "default/task"));
  parts->docker.run(bare("docker", "box"));
  list();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green 10.20.1.201/32 on br-green");
  parts->containerd.end("default/task");
  settle();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green") << "Docker's was listed first";
  EXPECT_EQ(parts->plugger.plugged.size(), 2u) << "what went with its namespace is not asked for";
}

TEST_F(PluggingTest, OnlyWhomTheOperatorAllows) {
  config.networks["green"].allow_labels.clear();
  begin();
  parts->containerd.run(bare("containerd", "asks"));
  parts->containerd.run(bare("containerd", "silent", ""));
  parts->containerd.run(bare("containerd", "lost", "nowhere"));
  parts->docker.run(bare("docker", "wrong", "blue"));
  ContainerFact host = bare("containerd", "host");
  host.network_mode = "host";
  parts->containerd.run(host);
  ContainerFact ended = bare("containerd", "ended");
  ended.state = "exited", ended.netns = {};
  parts->containerd.run(ended);
  ContainerFact later = bare("docker", "later");  // docker network disconnect none, docker network connect blue
  later.endpoints = parts->docker.container("later", "blue", "10.10.1.9").endpoints;
  parts->docker.run(later);
  list();
  EXPECT_EQ(routes(), "10.10.1.9/32 on br-blue") << "by its own network";
  EXPECT_TRUE(parts->plugger.plugged.empty());
  parts->docker.end("later");
  EXPECT_EQ(why("asks"), "label berth.network refused: network green does not say 'allow label network'");
  EXPECT_EQ(why("lost"), "label berth.network refused: no network 'nowhere' is configured");
  EXPECT_EQ(why("wrong"),
            "label berth.network refused: network blue is one of docker, which connects its containers itself");
  EXPECT_EQ(why("silent"), "not on any network");
  // Allowed at the shell, and forbidden again: withdrawn, then unplugged.
  config.networks["green"].allow_labels = {LabelKind::Network};
  parts->reconciler.reconfigure(config);
  settle();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green");
  config.networks["green"].allow_labels.clear();
  parts->reconciler.reconfigure(config);
  settle();
  EXPECT_EQ(routes(), "");
  EXPECT_TRUE(parts->plugger.plugged.empty());
}

// `ctr container label task berth.network=`: it runs on, so what it was plugged in by does not go by itself.
TEST_F(PluggingTest, WhoNoLongerAsksIsUnplugged) {
  run_task();
  ASSERT_EQ(routes(), "10.20.1.200/32 on br-green");
  parts->containerd.run(bare("containerd", "task", ""));
  settle();
  EXPECT_EQ(routes(), "");
  EXPECT_TRUE(parts->plugger.plugged.empty());
  run_task();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green");
  ContainerFact joined = bare("containerd", "task");
  joined.network_mode = "cni";  // somebody else's link came
  parts->containerd.run(joined);
  settle();
  EXPECT_EQ(routes(), "");
  EXPECT_TRUE(parts->plugger.plugged.empty());
}

TEST_F(PluggingTest, ARestartIsAnotherNamespace) {
  run_task();
  ASSERT_EQ(routes(), "10.20.1.200/32 on br-green");
  ContainerFact again = bare("containerd", "task");
  again.netns = "/proc/8/ns/net";
  parts->containerd.run(again);
  EXPECT_EQ(parts->plugger.plugged.begin()->second.netns.path, "/proc/7/ns/net");
  settle();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green");
  EXPECT_EQ(parts->plugger.plugged.begin()->second.netns.path, "/proc/8/ns/net");
}

// Docker does not say which start of a container it tells of: while zebra is away nothing is taken away before the next one.
TEST_F(PluggingTest, ARestartWhileZebraIsAwayIsPluggedInAgain) {
  const ContainerFact box = bare("docker", "box");
  parts->docker.run(box);
  list();
  ASSERT_EQ(routes(), "10.20.1.200/32 on br-green");
  parts->sink.reachable = false;
  parts->sink.lose("it restarts");
  ContainerFact ended = box;
  ended.state = "exited", ended.netns = {};
  parts->docker.run(ended);
  settle();
  parts->plugger.plugged.clear();  // with its namespace
  parts->docker.run(box);
  settle();
  EXPECT_EQ(parts->plugger.plugged.size(), 1u);
  parts->sink.reachable = true;
  settle();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green");
}

TEST_F(PluggingTest, WhatFailsIsToldAndTriedAgain) {
  parts->plugger.refuses = transient("leases: No space left on device");
  run_task();
  EXPECT_EQ(routes(), "");
  EXPECT_EQ(why("task"), "can't be plugged into green: leases: No space left on device");
  EXPECT_TRUE(parts->reconciler.brain().in_sync()) << "one that fails holds back itself alone";
  parts->plugger.refuses.reset();
  parts->timers.advance(std::chrono::seconds(3));
  settle();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green");
}

// A berthd that begins anew sweeps nothing before it has plugged in what was plugged in.
TEST_F(PluggingTest, ABerthdThatBeginsAnewWithdrawsNothing) {
  run_task();
  ASSERT_EQ(routes(), "10.20.1.200/32 on br-green");
  begin();
  parts->containerd.run(bare("containerd", "task"));
  parts->docker.list();
  parts->containerd.list();
  parts->host.change();
  for (int turns = 0; turns < 100; ++turns) {
    static_cast<void>(parts->sink.turn() | parts->docker.turn() | parts->containerd.turn() | parts->host.turn());
    ASSERT_EQ(routes().substr(0, 15), "10.20.1.200/32 ") << "nobody was plugged in yet";
  }
  settle();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green");
  EXPECT_TRUE(parts->reconciler.brain().in_sync());
}

// What berthd fails to find out says nothing of what there is: no route of that network is swept.
TEST_F(PluggingTest, WhatCantBeFoundOutIsNotSwept) {
  run_task();
  begin();
  parts->plugger.refuses = transient("containerd does not answer");
  run_task();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green (stale)");
  parts->plugger.refuses.reset();
  parts->timers.advance(std::chrono::seconds(3));
  settle();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green");
  EXPECT_TRUE(parts->reconciler.brain().in_sync());
}

// A kernel without IPv6, a bridge that was deleted: what looks like the container's end and is not does not pass in silence.
TEST_F(PluggingTest, WhatLooksLikeItsEndIsTold) {
  run_task();
  begin();
  parts->plugger.refuses = stale("berthd can't reach /proc/sys/net/ipv6/conf/eth0/disable_ipv6");
  run_task();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green (stale)") << "it still runs";
  EXPECT_EQ(why("task"), "can't be plugged into green: berthd can't reach /proc/sys/net/ipv6/conf/eth0/disable_ipv6");
  parts->containerd.end("task");
  settle();
  EXPECT_EQ(routes(), "");
}

// Then it has ended: there is nothing left to find out, and its route goes.
TEST_F(PluggingTest, WhatCantBeFoundOutIsSweptWhenItHasEnded) {
  run_task();
  begin();
  parts->plugger.refuses = transient("containerd does not answer");
  run_task();
  ASSERT_EQ(routes(), "10.20.1.200/32 on br-green (stale)");
  parts->containerd.end("task");
  settle();
  EXPECT_EQ(routes(), "");
}

// The network that it asks for is another one, when the first one fails to answer.
TEST_F(PluggingTest, AnAnswerForANetworkThatIsNoLongerAskedForHoldsNothingBack) {
  NetworkConfig red = config.networks["green"];
  red.name = "red";
  red.subnets = {{*Prefix::parse("10.30.1.0/24"), IpAddress::parse("10.30.1.1"), {}}};
  config.networks["red"] = red;
  const RibKey old{RibKind::Route, *Prefix::parse("10.20.1.77/32")};
  rib.entries[old] = {{old, 100, "br-green", {}, 0, 0}, true};
  begin();
  parts->host.grounds["red"] = {true, {}, 0};
  parts->plugger.refuses = transient("leases: No space left on device");
  parts->containerd.run(bare("containerd", "task"));
  parts->docker.list();
  parts->containerd.list();
  parts->host.change();
  while (parts->sink.turn() | parts->docker.turn() | parts->containerd.turn() | parts->host.turn() |
         parts->containerd.turn_netns()) {
  }
  parts->containerd.run(bare("containerd", "task", "red"));
  settle();  // green's answer comes now
  parts->plugger.refuses.reset();
  parts->timers.advance(std::chrono::seconds(3));
  settle();
  EXPECT_EQ(routes(), "10.30.1.200/32 on br-red") << "nothing of green's is waited for";
}

// DESIGN, law 4: withdraw, then unplug, then plug, then announce. `steps` has what the plugger and the RIB were seen to do.
class Moves : public PluggingTest {
 protected:
  std::vector<std::string> steps_of(const std::function<void()>& change) {
    std::vector<std::string> out;
    const auto look = [&] {
      std::string plugs;
      for (const auto& [key, order] : parts->plugger.plugged)
        plugs += " in " + key.network.str() + " " + order.network.subnets.front().subnet.to_string();
      const std::string now = (routes().empty() ? "-" : routes()) + (plugs.empty() ? " out" : plugs);
      if (out.empty() || out.back() != now) out.push_back(now);
    };
    look();
    change();
    for (int turns = 0; turns < 1000; ++turns) {
      parts->host.change();
      // One at a time: whoever comes too early is seen to.
      const bool any = parts->sink.turn() || parts->plugger.turn() || parts->containerd.turn_netns() ||
                       parts->docker.turn_netns() || parts->containerd.turn() || parts->docker.turn() ||
                       (turns % 2 == 0 && parts->host.turn());
      look();
      if (!any) parts->timers.advance(std::chrono::milliseconds(100));
    }
    return out;
  }
};

TEST_F(Moves, RenumberingWithdrawsFirst) {
  run_task();
  const auto steps = steps_of([&] {
    config.networks["green"].subnets = {{*Prefix::parse("10.21.1.0/24"), IpAddress::parse("10.21.1.1"), {}}};
    parts->reconciler.reconfigure(config);
  });
  EXPECT_EQ(steps, (std::vector<std::string>{"10.20.1.200/32 on br-green in green 10.20.1.0/24",
                                             "- in green 10.20.1.0/24", "- out", "- in green 10.21.1.0/24",
                                             "10.21.1.200/32 on br-green in green 10.21.1.0/24"}));
}

// The address stays inside of the subnet: policy has nothing against it, and it is withdrawn all the same.
TEST_F(Moves, AnotherRangeWithdrawsFirst) {
  run_task();
  const auto steps = steps_of([&] {
    config.networks["green"].subnets[0].ip_range = Prefix::parse("10.20.1.128/26");
    parts->reconciler.reconfigure(config);
  });
  EXPECT_EQ(steps, (std::vector<std::string>{"10.20.1.200/32 on br-green in green 10.20.1.0/24",
                                             "- in green 10.20.1.0/24", "- out", "- in green 10.20.1.0/24",
                                             "10.20.1.200/32 on br-green in green 10.20.1.0/24"}));
}

TEST_F(Moves, ALabelThatIsMovedUnplugsFirst) {
  NetworkConfig red = config.networks["green"];
  red.name = "red";
  red.subnets = {{*Prefix::parse("10.30.1.0/24"), IpAddress::parse("10.30.1.1"), {}}};
  config.networks["red"] = red;
  begin();
  parts->host.grounds["red"] = {true, {}, 0};
  run_task();
  const std::string green = "10.20.1.200/32 on br-green in green 10.20.1.0/24",
                    of_red = "10.30.1.201/32 on br-red in red 10.30.1.0/24";
  EXPECT_EQ(steps_of([&] { parts->containerd.run(bare("containerd", "task", "red")); }),
            (std::vector<std::string>{green, "- in green 10.20.1.0/24", "- out", "- in red 10.30.1.0/24", of_red}));
  EXPECT_EQ(why("task"), "");
  // Back and forth while nothing can be withdrawn: what it is on stays, and it ends where it asked last.
  const auto moved = [&](const char* label) { parts->containerd.run(bare("containerd", "task", label)); };
  parts->sink.reachable = false;
  parts->sink.lose("it restarts");
  const auto away = steps_of([&] { moved("green"), moved("red"), moved("green"); });
  EXPECT_EQ(parts->plugger.plugged.begin()->first.network, "red") << "its route is still there";
  parts->sink.reachable = true;
  EXPECT_EQ(steps_of([] {}).back(), green);
  // The same, and it never left.
  parts->sink.reachable = false;
  parts->sink.lose("it restarts");
  EXPECT_EQ(steps_of([&] { moved("red"), moved("green"); }).back(),
            "10.20.1.200/32 on br-green (stale) in green 10.20.1.0/24");
  parts->sink.reachable = true;
  EXPECT_EQ(steps_of([] {}).back(), green);
}

TEST_F(Moves, WhoEndsWhileItMovesIsForgotten) {
  run_task();
  for (const bool comes_back : {true, false}) {
    parts->sink.reachable = false;
    parts->sink.lose("it restarts");
    steps_of([&] {
      config.networks["green"].subnets[0].ip_range = Prefix::parse(comes_back ? "10.20.1.128/26" : "10.20.1.128/27");
      parts->reconciler.reconfigure(config);
    });
    parts->containerd.end("task");
    parts->plugger.plugged.clear();
    if (comes_back) parts->containerd.run(bare("containerd", "task"));
    parts->sink.reachable = true;
    EXPECT_EQ(steps_of([] {}).back(), comes_back ? "10.20.1.200/32 on br-green in green 10.20.1.0/24" : "- out");
  }
}

TEST_F(PluggingTest, WhoseAddressesAreWhoseIsTold) {
  const std::set<std::string> runtimes{"containerd", "docker"};
  EXPECT_EQ(parts->plugger.told, (std::pair{runtimes, std::set<std::string>{"green"}}));
  ContainerFact cni = parts->containerd.container("cni", "", "10.20.1.7");
  parts->containerd.run(cni);
  parts->host.addresses = {*IpAddress::parse("10.20.1.9")};
  list();
  parts->containerd.run(bare("containerd", "first"));
  settle();
  parts->containerd.run(bare("containerd", "task"));
  settle();
  const PlugOrder& order = parts->plugger.plugged.at({"green", {{"containerd", "task"}, kPlug}});
  EXPECT_EQ(order.of_host, (std::set{*IpAddress::parse("10.20.1.9")}));
  EXPECT_EQ(order.of_others, (std::set{*IpAddress::parse("10.20.1.7")})) << "what berthd gave is the book's";
  config.networks.erase("green");
  parts->reconciler.reconfigure(config);
  EXPECT_EQ(parts->plugger.told, (std::pair{runtimes, std::set<std::string>()}));
}

TEST_F(PluggingTest, TheTimeWithoutAnAddressIsMeasured) {
  ContainerFact early = bare("containerd", "early");
  early.state = "created";
  parts->containerd.run(early);
  parts->containerd.run(bare("containerd", "late"));
  parts->docker.list();
  parts->containerd.list();
  parts->timers.advance(std::chrono::milliseconds(7));
  settle();
  const auto delays = parts->reconciler.plug_delays();
  ASSERT_EQ(delays.size(), 2u);
  EXPECT_EQ(delays.at({"containerd", "early"}).count(), 0);
  EXPECT_EQ(delays.at({"containerd", "late"}).count(), 7);
  // Nothing of it is measured anew where it had its address all the time.
  parts->timers.advance(std::chrono::seconds(70));
  config.networks["green"].mtu = 1400;
  parts->reconciler.reconfigure(config);
  settle();
  EXPECT_EQ(parts->reconciler.plug_delays(), delays);
  config.networks["green"].subnets[0].ip_range = Prefix::parse("10.20.1.128/26");
  parts->reconciler.reconfigure(config);
  settle();
  EXPECT_EQ(parts->reconciler.plug_delays().at({"containerd", "late"}).count(), 0) << "it was without for no time";
}

TEST_F(PluggingTest, ALinkThatSomebodyTakesAwayIsMadeAgain) {
  run_task();
  const AttachmentKey key = parts->plugger.plugged.begin()->first;
  parts->plugger.plugged.clear();
  parts->host.endpoints[key.endpoint] = {"port-gone", "its port is gone", "", true};
  settle();
  EXPECT_EQ(parts->plugger.plugged.size(), 1u);
  parts->host.endpoints.clear();
  settle();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green");
}

// The host's look says nothing of a link that is one container's own.
TEST_F(PluggingTest, ALinkOfItsOwnIsMadeAgain) {
  parts->plugger.host_link = "rv0000a-000001";
  links = {"rv0000a-000001"};
  run_task();
  ASSERT_EQ(routes(), "10.20.1.200/32 on rv0000a-000001");
  parts->plugger.plugged.clear();
  links.clear();
  parts->timers.advance(std::chrono::seconds(6));
  links = {"rv0000a-000001"};
  while (parts->sink.turn() | parts->containerd.turn_netns() | parts->plugger.turn()) {
  }
  EXPECT_EQ(parts->plugger.plugged.size(), 1u);
  EXPECT_EQ(routes(), "10.20.1.200/32 on rv0000a-000001");
}

TEST_F(PluggingTest, ANetworkThatIsNotThereIsWaitedFor) {
  parts->host.grounds["green"] = {false, {{"bridge-missing", "there is no interface br-lan", "", true}}, 0};
  run_task();
  EXPECT_EQ(routes(), "");
  EXPECT_TRUE(parts->plugger.plugged.empty());
  EXPECT_EQ(why("task"), "it is plugged into green when that is there, which is failed");
  parts->host.grounds["green"] = {true, {}, 1};
  settle();
  parts->timers.advance(std::chrono::seconds(3));
  settle();
  EXPECT_EQ(routes(), "10.20.1.200/32 on br-green");
}

}  // namespace
}  // namespace berth
