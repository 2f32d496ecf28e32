// SPDX-License-Identifier: GPL-2.0-or-later
//
// Several runtimes on one host: each has its own networks, also of the same name, and one that is away holds back what is its
// own and nothing else.
#include <gtest/gtest.h>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "tests/support/reconciler_world.h"

namespace berth {
namespace {

using namespace std::chrono_literals;

const BridgeDriver kBridge;

NetworkConfig network(const std::string& name, const std::string& runtime, const std::string& subnet,
                      const std::string& called = {}) {
  NetworkConfig out;
  out.name = name;
  out.runtime = runtime;
  out.docker_network = called;
  out.subnets = {{*Prefix::parse(subnet), {}, {}}};
  out.advertise = Advertise::Host;
  out.tag = 100;
  return out;
}

class TwoRuntimes : public testing::Test {
 protected:
  void SetUp() override {
    config.runtimes = {{"docker", "docker", "unix:/one"}, {"other", "docker", "unix:/two"}};
    // Both runtimes have a network that they call "blue".
    config.networks["here"] = network("here", "", "10.10.1.0/24", "blue");
    config.networks["there"] = network("there", "other", "10.20.1.0/24", "blue");
    begin();
  }
  struct Parts : ReconcilerWorld {
    Parts(FakeRib& the_rib, const Config& config)
        : ReconcilerWorld(the_rib, config, [](std::string_view) { return &kBridge; }) {
      // Each names its own network's link.
      for (FakeRuntime* each : {&docker, &other})
        each->answers = [each](const RuntimeNetwork& wanted) {
          NetworkFact fact = each->fact(wanted);
          fact.interface = "br-" + wanted.network;
          return Result<EnsuredNetwork>(EnsuredNetwork{fact, false, {}});
        };
    }
    FakeRuntime &docker = *runtimes[0], &other = *runtimes[1];
  };
  void begin() {
    for (auto& [key, entry] : rib.entries) entry.stale = true;
    parts.reset();
    parts = std::make_unique<Parts>(rib, config);
  }
  void settle() { parts->settle(); }
  void run_all() {
    parts->docker.run(parts->docker.container("c1", "blue", "10.10.1.2"));
    parts->other.run(parts->other.container("c1", "blue", "10.20.1.2"));
  }
  std::string routes() const { return routes_of(rib); }
  const Redistributor& brain() const { return parts->reconciler.brain(); }

  LogTo silent;
  Config config;
  FakeRib rib;
  std::unique_ptr<Parts> parts;
};

TEST_F(TwoRuntimes, ANetworkOfTheSameNameIsAnotherOne) {
  run_all();
  parts->docker.list();
  parts->other.list();
  settle();
  EXPECT_EQ(routes(), "10.10.1.2/32 on br-here 10.20.1.2/32 on br-there");
  EXPECT_TRUE(brain().in_sync());
  // A container of one on the subnet of the other's network is on neither.
  parts->other.run(parts->other.container("c2", "blue", "10.10.1.7"));
  settle();
  EXPECT_EQ(routes(), "10.10.1.2/32 on br-here 10.20.1.2/32 on br-there");
  parts->docker.end("c1");
  settle();
  EXPECT_EQ(routes(), "10.20.1.2/32 on br-there") << "the same id in the other runtime is another container";
}

TEST_F(TwoRuntimes, OneThatIsAwayHoldsBackItsOwnAlone) {
  run_all();
  parts->docker.list();
  parts->other.list();
  settle();
  begin();  // and the second runtime does not come back
  parts->docker.list();
  settle();
  EXPECT_EQ(routes(), "10.20.1.2/32 on br-there (stale)") << "what left while berthd was away is swept, the rest kept";
  EXPECT_FALSE(brain().in_sync());
  EXPECT_EQ(parts->host.sweeps, 0) << "not all is known";
  parts->docker.run(parts->docker.container("c3", "blue", "10.10.1.3"));
  settle();
  EXPECT_EQ(routes(), "10.10.1.3/32 on br-here 10.20.1.2/32 on br-there (stale)");
  parts->other.run(parts->other.container("c4", "blue", "10.20.1.4"));
  parts->other.list();
  settle();
  EXPECT_EQ(routes(), "10.10.1.3/32 on br-here 10.20.1.4/32 on br-there");
  EXPECT_TRUE(brain().in_sync());
  EXPECT_GT(parts->host.sweeps, 0);
}

// Also where nothing in zebra waited for it, so that zebra is not asked to sweep another time.
TEST_F(TwoRuntimes, TheHostIsSweptHoweverLateTheLastOneLists) {
  parts->docker.run(parts->docker.container("c1", "blue", "10.10.1.2"));
  parts->docker.list();
  settle();
  EXPECT_EQ(parts->host.sweeps, 0) << "not all is known";
  parts->other.list();
  settle();
  EXPECT_TRUE(brain().in_sync());
  EXPECT_EQ(parts->host.sweeps, 1);
}

// Whatever stands on links of ours: those stay, although berthd.conf says nothing of it.
TEST_F(TwoRuntimes, TheHostIsToldOnWhichLinksTheirNetworksStand) {
  parts->docker.list();
  parts->other.list();
  settle();
  RuntimeNetwork mine;
  mine.name = "mine";
  parts->docker.make_network(parts->docker.fact(mine));
  NetworkFact lan = parts->other.fact(mine);
  lan.interface.clear();
  lan.options["parent"] = "mp-blue";  // a macvlan
  parts->other.make_network(lan);
  EXPECT_EQ(parts->host.stand, (std::set<std::string>{"br-mine", "mp-blue"}));
  parts->other.lose();
  settle();
  EXPECT_EQ(parts->host.stand->size(), 2U) << "what was known of it stays";
  parts->docker.take_network_away("id-of-mine");
  EXPECT_EQ(parts->host.stand, (std::set<std::string>{"mp-blue"}));
  parts->other.list();
  settle();
  EXPECT_TRUE(parts->host.stand->empty()) << "gone while nobody looked";
}

TEST_F(TwoRuntimes, OneThatIsLostTakesNothingAway) {
  run_all();
  parts->docker.list();
  parts->other.list();
  settle();
  parts->other.lose();
  parts->other.containers.clear();
  parts->timers.advance(10min);
  parts->sink.far_side_restarts();
  settle();
  EXPECT_EQ(routes(), "10.10.1.2/32 on br-here 10.20.1.2/32 on br-there");
  EXPECT_FALSE(brain().in_sync());
  EXPECT_FALSE(parts->reconciler.runtime("other").connected);
  EXPECT_TRUE(parts->reconciler.runtime("docker").connected);
  parts->other.list();
  settle();
  EXPECT_EQ(routes(), "10.10.1.2/32 on br-here");
  EXPECT_TRUE(brain().in_sync());
}

TEST_F(TwoRuntimes, ANetworkMovesToTheOtherRuntime) {
  run_all();
  parts->docker.list();
  parts->other.list();
  settle();
  Config moved = config;
  moved.networks.erase("there");
  moved.networks["here"] = network("here", "other", "10.20.1.0/24", "blue");
  parts->reconciler.reconfigure(moved);
  settle();
  EXPECT_EQ(routes(), "10.20.1.2/32 on br-here");
  EXPECT_EQ(parts->host.forgotten, std::vector<std::string>{"there"});
}

TEST_F(TwoRuntimes, RuntimeLinesWaitForAStart) {
  run_all();
  parts->docker.list();
  parts->other.list();
  settle();
  Config changed = config;
  changed.runtimes = {{"main", "docker", "unix:/one"}, {"other", "docker", "unix:/two"}};  // the first one, renamed
  parts->reconciler.reconfigure(changed);
  settle();
  EXPECT_EQ(routes(), "10.10.1.2/32 on br-here 10.20.1.2/32 on br-there");
  EXPECT_TRUE(brain().in_sync());
  EXPECT_TRUE(parts->reconciler.config() == changed) << "what `write` saves";
  parts->reconciler.reconfigure(config);
  settle();
  EXPECT_EQ(routes(), "10.10.1.2/32 on br-here 10.20.1.2/32 on br-there");
}

TEST_F(TwoRuntimes, ARuntimeThatBerthdWasNotStartedWithIsToldAndHoldsUpNothing) {
  run_all();
  parts->docker.list();
  parts->other.list();
  settle();
  Config more = config;
  more.networks["late"] = network("late", "third", "10.30.1.0/24");
  parts->reconciler.reconfigure(more);
  settle();
  const auto& health = brain().health().at("late");
  ASSERT_EQ(health.problems.size(), 1U);
  EXPECT_EQ(health.problems[0].text, "berthd was started without the runtime third");
  EXPECT_EQ(routes(), "10.10.1.2/32 on br-here 10.20.1.2/32 on br-there");
}

}  // namespace
}  // namespace berth
