// SPDX-License-Identifier: GPL-2.0-or-later
//
// The whole loop over stand-ins and a clock that is turned by hand: each loss and return, and each order of arrival.
#include "daemon/reconciler.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <sstream>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/macvlan/macvlan_driver.h"
#include "tests/support/reconciler_world.h"

namespace berth {
namespace {

using namespace std::chrono_literals;

const BridgeDriver kBridge;
const MacvlanDriver kMacvlan;

NetworkConfig network(const std::string& name, const std::string& subnet, Advertise advertise = Advertise::Host) {
  NetworkConfig out;
  out.name = name;
  out.subnets = {{*Prefix::parse(subnet), {}}};
  out.advertise = advertise;
  out.tag = 100;
  return out;
}

Config config_of(const std::vector<NetworkConfig>& networks) {
  Config out;
  out.runtimes = {{"docker", "docker", "unix:/nowhere"}};
  for (const NetworkConfig& each : networks) out.networks[each.name] = each;
  return out;
}

// A host with berthd. The RIB outlives it.
struct World : ReconcilerWorld {
  World(FakeRib& the_rib, const Config& config, std::set<std::string>* links)
      : ReconcilerWorld(
            the_rib, config,
            [](std::string_view name) {
              return name == "bridge" ? static_cast<const Driver*>(&kBridge) : name == "macvlan" ? &kMacvlan : nullptr;
            },
            [links](const std::string& name) { return links->contains(name); }) {}

  void settle() {
    for (int turns = 0; turn(); ++turns) {
      hold_laws();
      ASSERT_LT(turns, 10000) << "it never comes to rest";
    }
    hold_laws();
  }
  // No route points at nothing.
  void hold_laws() const {
    std::set<SharedText> interfaces;
    for (const auto& [name, wanted] : host.wanted) interfaces.insert(wanted.site.interface);
    for (const auto& [key, entry] : rib.entries)
      if (!entry.stale) EXPECT_TRUE(interfaces.contains(entry.object.interface)) << key.prefix.to_string();
  }
  std::string routes() const {
    std::string out;
    for (const auto& [key, entry] : rib.entries)
      out += (out.empty() ? "" : " ") + key.prefix.to_string() + (entry.stale ? " (stale)" : "");
    return out;
  }

  FakeRuntime& runtime = *runtimes[0];
};

class ReconcilerTest : public testing::Test {
 protected:
  void SetUp() override { begin(); }
  void TearDown() override { world.reset(); }
  void begin() { world = std::make_unique<World>(rib, config, &links); }
  // As after kill -9: what zebra has becomes stale.
  void die() {
    for (auto& [key, entry] : rib.entries) entry.stale = true;
    world.reset();
  }
  void running() {
    world->runtime.run(world->runtime.container("c1", "blue", "10.10.1.2"));
    world->runtime.list();
    world->settle();
    ASSERT_EQ(world->routes(), "10.10.1.2/32");
    ASSERT_TRUE(world->reconciler.brain().in_sync());
  }

  std::set<std::string> links;
  FakeRib rib;
  Config config = config_of({network("blue", "10.10.1.0/24"), network("red", "10.20.1.0/24")});
  LogTo silent;
  std::unique_ptr<World> world;
};

TEST_F(ReconcilerTest, TheLifeOfAContainer) {
  running();
  world->runtime.run(world->runtime.container("c2", "red", "10.20.1.9"));
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 10.20.1.9/32");
  world->runtime.run(world->runtime.container("c2", "red", "10.20.1.10"));
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 10.20.1.10/32");
  world->runtime.end("c1");
  world->runtime.end("c2");
  world->settle();
  EXPECT_EQ(world->routes(), "");
}

TEST_F(ReconcilerTest, NothingIsAdvertisedBeforeTheHostHasLooked) {
  world->runtime.run(world->runtime.container("c1", "blue", "10.10.1.2"));
  world->runtime.list();
  while (world->sink.turn() || world->runtime.turn()) {
  }
  EXPECT_EQ(world->routes(), "") << "Docker has the network; whether it can be reached is not known yet";
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
}

TEST_F(ReconcilerTest, ARuntimeThatIsAwayTakesNothingAway) {
  running();
  world->runtime.lose();
  world->runtime.containers.clear();
  world->timers.advance(10min);
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
  EXPECT_FALSE(world->reconciler.brain().in_sync());
  world->runtime.list();
  world->settle();
  EXPECT_EQ(world->routes(), "");
}

TEST_F(ReconcilerTest, AZebraThatBeginsAnewIsToldAll) {
  running();
  world->sink.reachable = false;
  world->sink.far_side_restarts();
  world->runtime.run(world->runtime.container("c2", "blue", "10.10.1.3"));
  world->settle();
  EXPECT_EQ(world->routes(), "");
  world->sink.reachable = true;
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 10.10.1.3/32");
}

TEST_F(ReconcilerTest, ABerthdThatWasKilledChangesNothingWhenItIsBack) {
  running();
  const auto operations = world->sink.counters();
  die();
  begin();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 (stale)");
  world->runtime.run(world->runtime.container("c1", "blue", "10.10.1.2"));
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 (stale)") << "the runtime has not listed";
  world->runtime.list();
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
  EXPECT_GT(world->host.sweeps, 0);
}

TEST_F(ReconcilerTest, WhatIsNotThereAnyMoreIsSweptOnceAllHaveSpoken) {
  running();
  die();
  begin();
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 (stale)");
  world->runtime.list();
  world->settle();
  EXPECT_EQ(world->routes(), "");
}

TEST_F(ReconcilerTest, ANetworkThatIsTakenOutIsWithdrawnThenDetached) {
  running();
  Config less = config;
  less.networks.erase("blue");
  world->reconciler.reconfigure(less);
  EXPECT_TRUE(world->host.forgotten.empty()) << "zebra has not taken it back yet";
  world->settle();
  EXPECT_EQ(world->routes(), "");
  EXPECT_EQ(world->host.forgotten, std::vector<std::string>{"blue"});
  world->reconciler.reconfigure(config);
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
}

TEST_F(ReconcilerTest, ANetworkThatIsMadeOrRemovedByAnotherHandIsLookedAtAtOnce) {
  config.networks["blue"].docker_network = "theirs";
  begin();
  bool there = false;
  std::string id = "first";
  world->runtime.answers = [&](const RuntimeNetwork& network) -> Result<EnsuredNetwork> {
    if (network.network == "blue" && !there) return permanent("there is no Docker network theirs");
    NetworkFact fact = world->runtime.fact(network);
    if (network.network == "blue") fact.id = id;
    return EnsuredNetwork{fact, false, {}};
  };
  ContainerFact container = world->runtime.container("c1", "theirs", "10.10.1.2");
  container.endpoints[0].network_id = "second";
  world->runtime.run(container);
  world->runtime.list();
  world->settle();
  EXPECT_EQ(world->routes(), "");
  there = true;
  NetworkFact made = world->runtime.fact(kBridge.runtime_network(config.networks["blue"]));
  made.id = "first";
  world->runtime.make_network(made);
  world->settle();
  ASSERT_TRUE(world->host.wanted.contains("blue")) << "without a wait for a retry";
  EXPECT_EQ(world->host.wanted.at("blue").site.key.id, "first");
  id = "second";  // as `docker network rm` and `create` in one breath
  world->runtime.take_network_away("first");
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
  there = false;
  world->runtime.take_network_away("second");
  while (world->runtime.turn() | world->sink.turn()) {
  }
  EXPECT_EQ(world->routes(), "");
}

TEST_F(ReconcilerTest, AnAnswerToWhatWasConfiguredBeforeIsNotTaken) {
  world->runtime.list();
  Config other = config;
  other.networks["blue"].docker_network = "green";
  world->reconciler.reconfigure(other);
  const auto asked = [&] { return std::count(world->runtime.asked.begin(), world->runtime.asked.end(), "blue"); };
  EXPECT_EQ(asked(), 1) << "one at a time";
  while (asked() == 1) ASSERT_TRUE(world->runtime.turn());
  EXPECT_FALSE(world->host.wanted.contains("blue"));
  world->settle();
  EXPECT_EQ(world->host.wanted.at("blue").site.key.id, "id-of-green");
}

TEST_F(ReconcilerTest, AnAnswerThatALaterOneOvertookIsNotTaken) {
  running();
  std::string id = "new";
  world->runtime.answers = [&](const RuntimeNetwork& network) {
    NetworkFact fact = world->runtime.fact(network);
    fact.id = id;
    return Result<EnsuredNetwork>(EnsuredNetwork{fact, false, {}});
  };
  const NetworkFact blue = world->runtime.fact(kBridge.runtime_network(config.networks["blue"]));
  world->runtime.make_network(blue);
  world->host.change();
  world->host.turn();  // a look that nobody asked for, while the runtime has not answered
  world->runtime.make_network(blue);
  ASSERT_TRUE(world->runtime.turn(true));
  id = "old";
  world->settle();
  EXPECT_EQ(world->host.wanted.at("blue").site.key.id, "new");
}

TEST_F(ReconcilerTest, AReloadWhileTheHostLooksAtWhatWasConfiguredLosesNothing) {
  running();
  Config other = config;
  other.networks["blue"].subnets = {{*Prefix::parse("10.30.1.0/24"), {}}};
  world->reconciler.reconfigure(other);
  while (world->runtime.turn()) {
  }
  world->reconciler.reconfigure(config);  // and the host has not said what it found of the other
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
  EXPECT_FALSE(world->reconciler.brain().configuring({"blue"}));
}

TEST_F(ReconcilerTest, ANetworkThatIsTakenOutWhileTheHostLooksAtItIsForgotten) {
  world->runtime.list();
  while (world->runtime.turn()) {
  }
  Config less = config;
  less.networks.erase("blue");
  world->reconciler.reconfigure(less);
  world->settle();
  EXPECT_EQ(world->host.forgotten, std::vector<std::string>{"blue"});
  world->reconciler.reconfigure(config);
  world->settle();
  world->runtime.run(world->runtime.container("c1", "blue", "10.10.1.2"));
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
}

TEST_F(ReconcilerTest, ANetworkThatTheRuntimeDoesNotTellOfKeepsWhatIsKnownForNewContainersToo) {
  running();
  Config other = config;
  other.networks["blue"].mtu = 1400;
  world->reconciler.reconfigure(other);
  world->runtime.answers = [](const RuntimeNetwork&) { return transient("it is busy"); };
  world->runtime.run(world->runtime.container("c2", "blue", "10.10.1.3"));
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 10.10.1.3/32");
}

TEST_F(ReconcilerTest, OtherSubnetsTakeNothingAwayWhileTheRuntimeDoesNotTell) {
  running();
  Config other = config;
  other.networks["blue"].subnets[0].ip_range = *Prefix::parse("10.10.1.0/25");
  world->reconciler.reconfigure(other);
  world->runtime.answers = [](const RuntimeNetwork&) { return transient("it is busy"); };
  while (world->runtime.turn() | world->sink.turn()) {
  }
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
}

TEST_F(ReconcilerTest, OfANetworkThatNobodyHasLookedAtNothingNewIsAdvertised) {
  world->runtime.run(world->runtime.container("c2", "blue", "10.30.1.2"));
  running();
  world->runtime.lose();
  Config more = config;
  more.networks["blue"].subnets.push_back({*Prefix::parse("10.30.1.0/24"), {}});
  world->reconciler.reconfigure(more);
  const auto zebra = [&] {
    while (world->sink.turn()) {
    }
  };
  zebra();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
  world->host.addresses = {*IpAddress::parse("10.30.1.2")};  // and what is said of it again changes nothing
  world->host.change();
  world->host.turn();
  world->host.addresses.clear();
  world->host.change();
  world->host.turn();
  zebra();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
  world->runtime.list();
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 10.30.1.2/32");
}

TEST_F(ReconcilerTest, WhatStandsAgainstANetworkHoldsBackThatOneAlone) {
  running();
  world->runtime.run(world->runtime.container("c2", "red", "10.20.1.9"));
  world->host.problems["blue"] = {{"firewall-drops", "dropped", "open it"}};
  world->host.change();
  world->settle();
  EXPECT_EQ(world->routes(), "10.20.1.9/32");
  world->host.problems.clear();
  world->host.change();
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 10.20.1.9/32");
}

TEST_F(ReconcilerTest, ANetworkThatTheRuntimeFailsToTellOfIsAskedForAgainSlowerEachTime) {
  running();
  const auto well = world->runtime.answers;
  world->runtime.answers = [](const RuntimeNetwork&) { return Result<EnsuredNetwork>(transient("it says 500")); };
  world->runtime.list();
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32") << "what was known of it stays";
  const auto asked = world->runtime.asked.size();
  for (int second = 0; second < 120; ++second) {
    world->timers.advance(1s);
    world->settle();
  }
  const auto more = world->runtime.asked.size() - asked;
  EXPECT_GE(more, 2U * 5);
  EXPECT_LE(more, 2U * 9) << "1, 2, 4, … 60 s, for each of two networks";
  world->runtime.answers = well;
  world->timers.advance(61s);
  world->settle();
  EXPECT_TRUE(world->reconciler.brain().health().at("blue").problems.empty());
}

TEST_F(ReconcilerTest, WhatIsInTheWayOfABridgeIsLookedForAtEachTick) {
  links.insert("br-blue");
  const auto well = world->runtime.answers;
  world->runtime.answers = [&](const RuntimeNetwork& network) {
    if (network.name != "blue" || !links.contains("br-blue")) return well(network);
    return Result<EnsuredNetwork>(EnsuredNetwork{{}, false, {{"bridge-exists", "br-blue is there", "del"}}, "br-blue"});
  };
  world->runtime.run(world->runtime.container("c1", "blue", "10.10.1.2"));
  world->runtime.list();
  world->settle();
  EXPECT_EQ(world->routes(), "");
  EXPECT_EQ(world->reconciler.brain().health().at("blue").problems.at(0).code, "bridge-exists");
  links.clear();
  world->timers.advance(5s);
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
}

TEST_F(ReconcilerTest, ARouteThatIsRefusedIsTriedAgainAndHoldsUpNoOther) {
  world->sink.refuses = [](const RibObject& object) {
    return object.key.prefix.to_string() == "10.10.1.2/32" ? std::optional<std::string>("no") : std::nullopt;
  };
  world->runtime.run(world->runtime.container("c1", "blue", "10.10.1.2"));
  world->runtime.run(world->runtime.container("c2", "blue", "10.10.1.3"));
  world->runtime.list();
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.3/32");
  EXPECT_EQ(world->reconciler.brain().route_of(*IpAddress::parse("10.10.1.2"))->state, RibState::Rejected);
  world->sink.refuses = {};
  world->timers.advance(10min);
  world->settle();
  EXPECT_EQ(world->routes(), "10.10.1.2/32 10.10.1.3/32");
}

TEST_F(ReconcilerTest, WithdrawTakesAllBackAndAnEndWaitsForIt) {
  running();
  bool ended = false;
  world->reconciler.withdraw(true);
  world->reconciler.finish([&] { ended = true; });
  EXPECT_FALSE(ended);
  world->settle();
  EXPECT_EQ(world->routes(), "");
  world->timers.advance(20ms);
  EXPECT_TRUE(ended);
}

TEST_F(ReconcilerTest, ZebrasAnswersAreNotALineEach) {
  std::ostringstream log;
  const LogTo told{std::make_shared<spdlog::sinks::ostream_sink_st>(log)};
  spdlog::default_logger()->set_pattern("%l %v");
  for (int n = 2; n < 202; ++n)
    world->runtime.run(world->runtime.container("c" + std::to_string(n), "blue", "10.10.1." + std::to_string(n)));
  world->runtime.list();
  world->settle();
  EXPECT_EQ(log.str().find("answers"), std::string::npos);
  world->timers.advance(1s);
  EXPECT_NE(log.str().find("info zebra's answers: 200 installed\n"), std::string::npos) << log.str();
}

TEST_F(ReconcilerTest, AnEndWithoutAWithdrawalDoesNotWait) {
  running();
  bool ended = false;
  world->reconciler.finish([&] { ended = true; });
  EXPECT_TRUE(ended);
  EXPECT_EQ(world->routes(), "10.10.1.2/32");
}

TEST_F(ReconcilerTest, AnEndWaitsForNobodyForLongerThanFiveSeconds) {
  running();
  bool ended = false;
  world->reconciler.withdraw(true);  // and zebra says nothing
  world->reconciler.finish([&] { ended = true; });
  world->timers.advance(4s);
  EXPECT_FALSE(ended);
  world->timers.advance(2s);
  EXPECT_TRUE(ended);
}

TEST_F(ReconcilerTest, SinceSaysWhenARouteCameIntoItsState) {
  running();
  const RibKey key{RibKind::Route, *Prefix::parse("10.10.1.2/32")};
  const auto begin = world->reconciler.since().at(key).second;
  world->timers.advance(1h);
  EXPECT_EQ(world->reconciler.since().at(key).second, begin);
  world->sink.reachable = false;
  world->sink.lose("it went");
  world->timers.advance(1h);
  EXPECT_EQ(world->reconciler.since().at(key).first, RibState::Stale);
  EXPECT_EQ(world->reconciler.since().at(key).second, begin + 1h);
}

// Whatever comes first, and whatever is lost on the way: in the end zebra holds what runs, and no route points at nothing.
TEST_F(ReconcilerTest, InTheEndItIsTheSameInEveryOrder) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    rib.entries.clear();
    begin();
    std::map<std::string, std::string> runs;  // id -> address
    const auto put_back = [&] {
      for (const auto& [id, address] : runs)
        world->runtime.run(world->runtime.container(id, address.starts_with("10.10") ? "blue" : "red", address));
    };
    for (int step = 0; step < 40; ++step) {
      const std::string id = "c" + std::to_string(random() % 4);
      switch (random() % 12) {
        case 0: world->runtime.lose(); break;
        case 1: world->runtime.list(); break;
        case 2: world->sink.reachable = !world->sink.reachable; break;
        case 3: world->sink.lose("the test says so"); break;
        case 4: world->sink.far_side_restarts(); break;
        case 5:
          die();
          begin();
          put_back();
          break;
        case 6:
          world->host.problems["blue"] = {{"firewall-drops", "dropped", "open it"}};
          world->host.change();
          break;
        case 7:
          world->host.problems.clear();
          world->host.change();
          break;
        case 8:
          world->runtime.end(id);
          runs.erase(id);
          break;
        default: {
          const std::string address = (random() % 2 ? "10.10.1." : "10.20.1.") + std::to_string(random() % 3 + 2);
          bool taken = false;
          for (const auto& [other, used] : runs) taken = taken || (other != id && used == address);
          if (taken) break;
          runs[id] = address;
          world->runtime.run(world->runtime.container(id, address.starts_with("10.10") ? "blue" : "red", address));
        }
      }
      for (unsigned turns = random() % 4; turns > 0; --turns) {
        random() % 3 == 0 ? world->host.turn() : random() % 2 ? world->sink.turn() : world->runtime.turn();
        world->hold_laws();
      }
      if (random() % 8 == 0) world->timers.advance(std::chrono::milliseconds(random() % 8000));
    }
    world->host.problems.clear();
    world->host.change();
    world->sink.reachable = true;
    world->runtime.list();
    for (int rounds = 0; rounds < 3; ++rounds) {
      world->settle();
      world->timers.advance(70s);
    }
    world->settle();
    std::set<std::string> wanted, there;
    for (const auto& [id, address] : runs) wanted.insert(address + "/32");
    for (const auto& [key, entry] : rib.entries) {
      there.insert(key.prefix.to_string());
      EXPECT_FALSE(entry.stale);
    }
    ASSERT_EQ(there, wanted);
    EXPECT_TRUE(world->reconciler.brain().in_sync());
  }
}

// What a network stands on is there before its runtime is asked for it, and is asked for again when it comes.
TEST_F(ReconcilerTest, TheRuntimeIsAskedForANetworkWhenItsGroundIsThere) {
  NetworkConfig violet = network("violet", "10.40.1.0/24");
  violet.driver = "macvlan";
  violet.options = {{"parent", {"internal"}}};
  config = config_of({violet});
  begin();
  world->runtime.run(world->runtime.container("c1", "violet", "10.40.1.2"));
  world->runtime.list();
  world->settle();
  EXPECT_TRUE(world->runtime.asked.empty()) << "the host has not looked yet";
  world->host.grounds["violet"] = {false, {{"link-refused", "it can't be made", "make it"}}};
  world->host.change();
  world->settle();
  EXPECT_TRUE(world->runtime.asked.empty());
  EXPECT_EQ(world->reconciler.brain().health().at("violet").problems.at(0).code, "link-refused");
  world->host.grounds["violet"] = {true, {}};
  world->host.change();
  world->settle();
  EXPECT_EQ(world->routes(), "10.40.1.2/32");
  EXPECT_TRUE(world->reconciler.brain().in_sync());
  // It goes, and comes back: the route with it.
  world->host.grounds["violet"] = {false, {{"parent-missing", "it is gone", "look for it"}}};
  world->host.change();
  world->settle();
  EXPECT_EQ(world->routes(), "");
  world->host.grounds["violet"] = {true, {}};
  world->host.change();
  world->settle();
  EXPECT_EQ(world->routes(), "10.40.1.2/32");
}

// Docker forgets a network whose parent it did not find when it started.
TEST_F(ReconcilerTest, LinksThatWereMadeAfterTheRuntimeStartedAreTold) {
  NetworkConfig violet = network("violet", "10.40.1.0/24");
  violet.driver = "macvlan";
  violet.options = {{"parent", {"internal"}}};
  config = config_of({violet});
  const auto told = [&] {
    for (const Problem& each : world->reconciler.brain().health().at("violet").problems)
      if (each.code == "made-too-late") return true;
    return false;
  };
  const auto look = [&](unsigned made) {
    world->host.grounds["violet"] = {true, {}, made};
    world->host.change();
    world->settle();
  };
  begin();
  world->runtime.list();
  look(0);
  EXPECT_FALSE(told()) << "they were there";
  look(1);
  EXPECT_TRUE(told());
  EXPECT_TRUE(world->reconciler.brain().health().at("violet").advertisable()) << "it holds nothing back";
  world->runtime.lose();
  world->settle();
  world->runtime.list();
  world->settle();
  EXPECT_FALSE(told()) << "it started anew, and found them";
  look(2);
  EXPECT_TRUE(told());
}

// The old form's health says nothing of the new one, whose ground is not there.
TEST_F(ReconcilerTest, ANetworkThatIsChangedToABadGroundIsWithdrawnAndSaysWhy) {
  NetworkConfig violet = network("violet", "10.40.1.0/24");
  violet.driver = "macvlan";
  violet.options = {{"parent", {"eth1"}}, {"shim", {""}}};
  config = config_of({violet});
  begin();
  world->runtime.run(world->runtime.container("c1", "violet", "10.40.1.2"));
  world->runtime.list();
  world->host.grounds["violet"] = {true, {}};
  world->host.change();
  world->settle();
  ASSERT_EQ(world->routes(), "10.40.1.2/32");
  const auto change = [&](const std::string& parent, const GroundReport& ground) {
    violet.options["parent"] = {parent};
    world->host.grounds["violet"] = ground;
    world->reconciler.reconfigure(config_of({violet}));
    // The old link is still there while its route is taken back; that it is no longer wanted is no loss.
    while (world->sink.turn() | world->runtime.turn() | world->host.turn()) continue;
    world->hold_laws();
  };
  change("eth9", {false, {{"parent-missing", "there is no interface eth9", "ip link"}}});
  EXPECT_EQ(world->routes(), "");
  EXPECT_EQ(world->reconciler.brain().health().at("violet").problems.at(0).code, "parent-missing");
  change("eth1", {true, {}});
  EXPECT_EQ(world->routes(), "10.40.1.2/32");
}

}  // namespace
}  // namespace berth
