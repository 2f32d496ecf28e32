// SPDX-License-Identifier: GPL-2.0-or-later
//
// Several runtimes on one host: each has its own networks, also of the same name, and one that is away holds back what is its
// own and nothing else.
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "daemon/reconciler.h"
#include "tests/support/fake_parts.h"
#include "tests/support/fake_route_sink.h"

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
    before_ = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_st>()));
    config.runtimes = {{"docker", "docker", "unix:/one"}, {"other", "docker", "unix:/two"}};
    // Both runtimes have a network that they call "blue".
    config.networks["here"] = network("here", "", "10.10.1.0/24", "blue");
    config.networks["there"] = network("there", "other", "10.20.1.0/24", "blue");
    begin();
  }
  void TearDown() override {
    parts.reset();
    spdlog::set_default_logger(before_);
  }
  struct Parts {
    Parts(FakeRib& rib, const Config& config)
        : reconciler(timers, config, [](const std::string&) { return false; }),
          sink(rib, reconciler),
          docker(reconciler, "docker"),
          other(reconciler, "other"),
          host([this](const HostReport& report) { reconciler.host_looked(report); }) {
      // Each names its own network's link.
      for (FakeRuntime* each : {&docker, &other})
        each->answers = [each](const RuntimeNetwork& wanted) {
          NetworkFact fact = each->fact(wanted);
          fact.interface = "br-" + wanted.network;
          return Result<EnsuredNetwork>(EnsuredNetwork{fact, false, {}});
        };
      reconciler.begin(
          {sink, host, {{"docker", &docker}, {"other", &other}}, [](std::string_view) { return &kBridge; }});
    }
    ~Parts() { reconciler.stop(); }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    HandTimers timers;
    Reconciler reconciler;
    FakeRouteSink sink;
    FakeRuntime docker, other;
    FakeHost host;
  };
  void begin() {
    for (auto& [key, entry] : rib.entries) entry.stale = true;
    parts.reset();
    parts = std::make_unique<Parts>(rib, config);
  }
  void settle() {
    for (int turns = 0; parts->sink.turn() | parts->docker.turn() | parts->other.turn() | parts->host.turn(); ++turns)
      ASSERT_LT(turns, 1000) << "it never comes to rest";
  }
  void run_all() {
    parts->docker.run(parts->docker.container("c1", "blue", "10.10.1.2"));
    parts->other.run(parts->other.container("c1", "blue", "10.20.1.2"));
  }
  std::string routes() const {
    std::string out;
    for (const auto& [key, entry] : rib.entries)
      out += (out.empty() ? "" : " ") + key.prefix.to_string() + " on " + entry.object.interface +
             (entry.stale ? " (stale)" : "");
    return out;
  }
  const Redistributor& brain() const { return parts->reconciler.brain(); }

  Config config;
  FakeRib rib;
  std::unique_ptr<Parts> parts;

 private:
  std::shared_ptr<spdlog::logger> before_;
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
