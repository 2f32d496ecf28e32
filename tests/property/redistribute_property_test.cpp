// SPDX-License-Identifier: GPL-2.0-or-later
//
// The laws of DESIGN over random histories, each multiplied by expanders: told backwards, twice, squashed into its last
// state, and cut after any step by a restart of berthd, of the session, or of zebra. BERTH_SEED repeats one run.
#include <cstdlib>

#include "tests/property/world.h"

namespace berth {
namespace {

unsigned seed() {
  const char* given = std::getenv("BERTH_SEED");
  return given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

struct Expander {
  const char* name;
  bool reverse = false, duplicate = false, squash = false, cut = false, faults = false;
};

class RedistributeProperty : public testing::TestWithParam<Expander> {};

void cut(World& world, Random& random) {
  switch (random() % 6) {
    case 0: world.boot(); break;
    case 1: world.session(false); break;
    case 2: world.session(true); break;
    case 3: world.runtime_lost(); break;
    case 4:
      world.session(false);
      world.zebra.restart();
      world.session(true);
      break;
    default: world.session(false); world.zebra.end_of_grace();
  }
}

void faults(World& world, Random& random, bool on) {
  const unsigned modulus = 2 + random() % 3;
  const auto some = [modulus, on](const RibObject& object) {
    return on && hash_value(object.key.prefix) % modulus == 0;
  };
  world.zebra.refuse(some);
  world.zebra.not_best(some);
  world.zebra.elsewhere([modulus, on](const Prefix& address) { return on && hash_value(address) % modulus == 1; });
  for (const char* network : {"blue", "red", "green"}) world.fail(network, on && random() % 3 == 0);
  if (!on) return;
  const auto& rib = world.zebra.rib();
  if (!rib.empty() && random() % 4 == 0)
    world.zebra.lose(std::next(rib.begin(), static_cast<long>(random() % rib.size()))->first);
}

constexpr int kLongestBackoff = 64;  // calls of retry(); what was refused again and again is due by then

TEST_P(RedistributeProperty, EndsWhereTheLastStateAloneWouldAndHoldsTheLawsOnTheWay) {
  const Expander how = GetParam();
  const unsigned number = seed();
  RecordProperty("seed", std::to_string(number));
  SCOPED_TRACE("BERTH_SEED=" + std::to_string(number));
  Random random(number);
  for (int round = 0; round < 150 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    World world;
    State state = first_state();
    world.tell(state, false, false);
    world.session(true);
    for (int event = 0; event < 25; ++event) {
      mutate(state, random);
      if (how.squash && event < 24) continue;
      world.tell(state, how.reverse, how.duplicate);
      if (random() % 4 == 0) world.list();
      if (how.faults) faults(world, random, random() % 2 == 0);
      for (unsigned steps = random() % 8; steps > 0; --steps) {
        world.step();
        if (how.cut && random() % 6 == 0) cut(world, random);
      }
    }
    faults(world, random, false);
    if (!world.zebra.connected()) world.session(true);
    world.list();
    world.settle();
    for (int retries = 0; retries < kLongestBackoff; ++retries) {
      world.retry();
      world.settle();
    }
    ASSERT_EQ(world.zebra.text(), expected(state));
    EXPECT_TRUE(world.brain().in_sync());
    // Idempotence: all of it said again is nothing to do.
    const std::size_t before = world.zebra.operations();
    world.list();
    world.tell(state, false, true);
    world.retry();
    world.settle();
    EXPECT_EQ(world.zebra.operations(), before);
  }
}

INSTANTIATE_TEST_SUITE_P(Expanders, RedistributeProperty,
                         testing::Values(Expander{"plain"}, Expander{"reverse", true},
                                         Expander{"duplicate", false, true}, Expander{"squash", false, false, true},
                                         Expander{"cut", false, false, false, true},
                                         Expander{"faults", false, false, false, false, true},
                                         Expander{"all", true, true, false, true, true}),
                         [](const auto& each) { return std::string(each.param.name); });

// Whichever network fails, and whenever: the rest is told and swept in the same steps as without it, nothing of it is
// swept, and all is as if it had never failed once it is found out.
TEST(RedistributeSync, ANetworkThatFailsHoldsUpNoOther) {
  const unsigned number = seed();
  SCOPED_TRACE("BERTH_SEED=" + std::to_string(number));
  Random random(number);
  const std::vector<std::string> names = {"blue", "red", "green"};
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    World world;
    State state = first_state();
    for (int n = 0; n < 10; ++n) mutate(state, random);
    state.config.networks = first_state().config.networks;
    const bool early = random() % 2, again = random() % 2;
    std::set<std::string> failing;
    for (const std::string& name : names)
      if (random() % 2) failing.insert(name);
    if (early)
      for (const std::string& name : failing) world.fail(name, true);
    world.tell(state, false, false);
    world.settle();                  // attached
    std::map<std::string, int> old;  // what an earlier berthd left
    for (std::size_t n = 0; n < names.size(); ++n)
      for (const std::string& prefix :
           {"10.10." + std::to_string(n + 1) + ".240/32", "fd00:" + std::to_string(n + 1) + "::f0/128"}) {
        world.zebra.seed({{RibKind::Route, *Prefix::parse(prefix)}, 100, "br-" + names[n], {}, 0, 0});
        ++old[names[n]];
      }
    for (const std::string& name : failing) world.fail(name, true);
    world.list();
    world.session(true);
    world.settle();
    EXPECT_EQ(world.zebra.syncs(), 1);
    EXPECT_EQ(world.brain().in_sync(), failing.empty());
    EXPECT_EQ(world.brain().unknown_networks(), failing);
    const auto left = [&](const std::string& name) {
      return std::count_if(world.zebra.rib().begin(), world.zebra.rib().end(), [&](const auto& each) {
        return each.second.stale && each.second.object.interface == "br-" + name;
      });
    };
    for (const std::string& name : names) EXPECT_EQ(left(name), failing.contains(name) ? old[name] : 0) << name;
    if (again) {
      world.session(false);
      world.session(true);
      world.settle();
      for (const std::string& name : failing) EXPECT_EQ(left(name), old[name]);
    }
    while (!failing.empty()) {  // one after the other
      const auto one = std::next(failing.begin(), static_cast<long>(random() % failing.size()));
      const int before = world.zebra.syncs();
      world.fail(*one, false);
      world.settle();
      EXPECT_EQ(world.zebra.syncs(), before + 1) << *one;
      EXPECT_EQ(left(*one), 0) << *one;
      failing.erase(one);
    }
    EXPECT_TRUE(world.brain().in_sync());
    ASSERT_EQ(world.zebra.text(), expected(state));
  }
}

// Routes of a network that is configured no more lie where one is now that fails: they are kept, and so is their bridge.
TEST(RedistributeSync, NothingIsDetachedUnderRoutesThatAreKept) {
  World world;
  State state = first_state();
  world.tell(state, false, false);
  world.settle();
  world.zebra.seed({{RibKind::Route, *Prefix::parse("10.10.3.9/32")}, 102, "br-green", {}, 0, 0});
  state.config.networks["red"].subnets = state.config.networks["green"].subnets;
  state.config.networks.erase("green");
  world.fail("red", true);
  world.tell(state, false, false);
  world.list();
  world.session(true);
  world.settle();
  EXPECT_EQ(world.zebra.syncs(), 1);
  EXPECT_EQ(world.zebra.rib().size(), 1u);
  EXPECT_TRUE(world.has_bridge("green"));
  world.fail("red", false);
  world.settle();
  EXPECT_EQ(world.zebra.rib().size(), 0u);
  EXPECT_FALSE(world.has_bridge("green"));
}

TEST(RedistributeSync, WhatAnEarlierBerthdLeftStaysUntilEverySourceIsInSync) {
  World world;
  State state = first_state();
  world.tell(state, false, false);
  world.settle();
  world.zebra.seed({{RibKind::Route, *Prefix::parse("10.10.1.9/32")}, 100, "br-blue", {}, 0, 0});
  world.session(true);
  world.settle();
  EXPECT_EQ(world.zebra.rib().size(), 1u);
  EXPECT_EQ(world.zebra.syncs(), 0);
  world.list();
  world.settle();
  EXPECT_EQ(world.zebra.rib().size(), 0u);
  EXPECT_EQ(world.zebra.syncs(), 1);
}

}  // namespace
}  // namespace berth
