// SPDX-License-Identifier: GPL-2.0-or-later
//
// An address that another host has, through the whole loop, with its clock: how soon it is taken, and what is told when.
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "tests/support/reconciler_world.h"

namespace berth {
namespace {

using namespace std::chrono_literals;

const BridgeDriver kBridge;
const Prefix kFive = *Prefix::parse("10.10.1.5/32");
const RibRoute kOspf{"ospf", false, {{IpAddress::parse("10.0.0.1"), "eth1"}, {IpAddress::parse("10.0.0.3"), "eth2"}}};

class ReconcilerElsewhere : public testing::Test {
 protected:
  void SetUp() override {
    spdlog::default_logger()->set_pattern("%l %v");
    world.runtimes[0]->list();
    world.settle();
  }
  static Config config() {
    Config out;
    out.runtimes = {{"docker", "docker", "unix:/nowhere"}};
    NetworkConfig& blue = out.networks["blue"];
    blue.name = "blue";
    blue.subnets = {{*Prefix::parse("10.10.1.0/24"), {}, {}}};
    blue.advertise = Advertise::Host;
    blue.tag = 100;
    return out;
  }
  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 50ms) {
      world.timers.advance(50ms);
      world.settle();
    }
  }
  void run() {
    FakeRuntime& docker = *world.runtimes[0];
    docker.run(docker.container("c1", "blue", "10.10.1.5"));
    world.settle();
  }
  bool announced() const { return rib.entries.contains({RibKind::Route, kFive}); }
  std::size_t warnings() const {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = log.str().find("warning ", at)) != std::string::npos; ++at) ++n;
    return n;
  }

  std::ostringstream log;
  LogTo told{std::make_shared<spdlog::sinks::ostream_sink_st>(log)};
  FakeRib rib;
  ReconcilerWorld world{rib, config(), [](std::string_view) { return &kBridge; }};
};

TEST_F(ReconcilerElsewhere, AContainerThatMovedIsAnnouncedSoonAndWithoutAWarning) {
  rib.others[kFive] = {kOspf};
  run();
  EXPECT_FALSE(announced());
  pass(250ms);
  rib.others.clear();
  pass(100ms);
  EXPECT_TRUE(announced());
  pass(60s);
  EXPECT_EQ(warnings(), 0u) << log.str();
}

TEST_F(ReconcilerElsewhere, AnAddressOfAnotherHostIsToldAfterTwoSecondsAndTakenWhenItIsFree) {
  rib.others[kFive] = {kOspf};
  run();
  pass(1950ms);
  EXPECT_EQ(warnings(), 0u) << log.str();
  pass(100ms);
  const std::string told =
      "warning name-of-c1: refused: 10.10.1.5 is advertised by another host already: ospf via 10.0.0.1 on eth1, "
      "10.0.0.3 on eth2";
  EXPECT_NE(log.str().find(told), std::string::npos) << log.str();
  pass(60s);
  EXPECT_EQ(warnings(), 1u) << log.str();
  EXPECT_FALSE(announced());
  rib.others.clear();
  pass(3500ms);
  EXPECT_TRUE(announced());
}

TEST_F(ReconcilerElsewhere, ASinkThatIsSlowToSayHoldsUpTheSyncAndASinkThatCanNotSayNothing) {
  run();
  ASSERT_TRUE(announced());
  world.sink.answers_questions = false;
  world.sink.lose("the test says so");
  world.settle();
  EXPECT_FALSE(world.reconciler.brain().in_sync());
  EXPECT_TRUE(announced()) << "it is stale, and not swept";
  world.sink.answers_questions = true;
  world.sink.can_say = false;
  world.settle();
  EXPECT_TRUE(world.reconciler.brain().in_sync());
  EXPECT_TRUE(announced());
}

}  // namespace
}  // namespace berth
