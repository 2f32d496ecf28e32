// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is changed about FRR's static routes. The invariants are tried over generated configurations; FRR itself is asked in
// tests/netns/northbound_zebra_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "fpm_bridge/northbound/static_route.h"

namespace berth {
namespace {

Prefix prefix(unsigned n) {
  return Prefix::host(*IpAddress::parse("10.10.1." + std::to_string(n)));
}

StaticRoute ours(unsigned n, std::uint32_t tag = 100, const std::string& interface = "br-blue") {
  return {prefix(n), {}, interface, 15, tag, true};
}

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {}
  bool one_in(unsigned n) { return random_() % n == 0; }
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  // An operator's: with some of our mark, never with all of it.
  StaticRoute theirs(unsigned n) {
    StaticRoute out{prefix(n), {}, one_in(2) ? "br-blue" : "eth0", one_in(2) ? 15u : 1u, one_in(2) ? 100u : 7u, true};
    if (one_in(3)) out.gateway = IpAddress::parse("10.0.0.1");
    if (one_in(3)) out.interface.clear();
    if (mark.bears(out)) out.tag = 0;
    return out;
  }
  std::vector<StaticRoute> configuration() {
    std::vector<StaticRoute> out;
    for (unsigned n = 1; n <= 12; ++n) {
      if (one_in(2)) out.push_back(ours(n, one_in(2) ? 100 : 200, one_in(4) ? "br-old" : "br-blue"));
      if (one_in(3)) out.push_back(theirs(n));
    }
    return out;
  }
  StaticWishes wishes() {
    StaticWishes out;
    for (unsigned n = 1; n <= 12; ++n) {
      if (one_in(2))
        out.routes[prefix(n)] = ours(n, one_in(2) ? 100 : 200);
      else if (one_in(2))
        out.unwanted.insert(prefix(n));
    }
    out.sweep = one_in(2);
    if (one_in(3)) out.keep.push_back(*Prefix::parse("10.10.1.8/29"));
    out.limit = one_in(3) ? 4 : 100;
    return out;
  }
  const StaticMark mark{15, {100, 200}};

 private:
  std::mt19937 random_;
};

// As FRR does: a route of the same next hop is set anew.
void commit(const StaticPlan& plan, std::vector<StaticRoute>& have) {
  for (const StaticRoute& each : plan.remove) {
    ASSERT_EQ(std::ranges::count(have, each), 1) << each.line();
    std::erase(have, each);
  }
  for (const StaticRoute& each : plan.add) {
    std::erase_if(have, [&](const StaticRoute& one) { return one.same_next_hop(each); });
    have.push_back(each);
  }
}

TEST(StaticPlan, EndsAtWhatIsWantedAndTouchesNothingOfOthers) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    const std::vector<StaticRoute> before = world.configuration();
    const StaticWishes wishes = world.wishes();
    std::vector<StaticRoute> have = before;
    const std::size_t at_most = 1 + world.below(5);
    StaticPlan plan;
    int steps = 0;
    do {
      plan = plan_static_routes(have, {}, wishes, world.mark, at_most);
      std::set<Prefix> changed;
      for (const auto* all : {&plan.add, &plan.remove})
        for (const StaticRoute& each : *all) changed.insert(each.prefix);
      EXPECT_LE(changed.size(), at_most);
      for (const StaticRoute& each : plan.remove) EXPECT_TRUE(world.mark.bears(each)) << each.line();
      for (const StaticRoute& each : plan.add)
        EXPECT_TRUE(std::ranges::none_of(
            have, [&](const StaticRoute& one) { return one.same_next_hop(each) && !world.mark.bears(one); }))
            << "an operator's route is set anew: " << each.line();
      commit(plan, have);
      ASSERT_LT(++steps, 40);
    } while (!plan.empty());
    EXPECT_EQ(plan.later, 0u);
    for (const StaticRoute& each : before)
      if (!world.mark.bears(each)) EXPECT_EQ(std::ranges::count(have, each), 1) << each.line();
    std::size_t of_ours = 0;
    for (const StaticRoute& each : have) {
      if (!world.mark.bears(each)) continue;
      ++of_ours;
      const auto wanted = wishes.routes.find(each.prefix);
      if (wanted != wishes.routes.end()) {
        EXPECT_EQ(each, wanted->second) << each.line();
        continue;
      }
      EXPECT_FALSE(wishes.unwanted.contains(each.prefix)) << each.line();
      const bool kept = std::ranges::any_of(wishes.keep, [&](const Prefix& one) { return one.contains(each.prefix); });
      EXPECT_TRUE(!wishes.sweep || kept) << each.line();
    }
    for (const auto& [at, wanted] : wishes.routes) {
      const bool there = std::ranges::count(have, wanted) == 1;
      const bool refused = plan.refused.contains(at);
      EXPECT_NE(there, refused) << wanted.line();
      if (refused && of_ours < wishes.limit)
        EXPECT_TRUE(std::ranges::any_of(have, [&](const StaticRoute& each) { return each.prefix == at; }))
            << wanted.line() << " is refused: " << plan.refused.at(at);
    }
  }
}

TEST(StaticPlan, SaysWhyItRefuses) {
  StaticWishes wishes;
  wishes.routes[prefix(2)] = ours(2);
  wishes.routes[prefix(3)] = ours(3);
  wishes.limit = 1;
  StaticRoute theirs{prefix(2), IpAddress::parse("10.0.0.1"), "", 1, 0, true};
  const StaticPlan plan = plan_static_routes({theirs, ours(9)}, {}, wishes, {15, {100}}, 100);
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(plan.refused.at(prefix(2)),
            "FRR's configuration has a static route of its own for it: ip route 10.10.1.2/32 10.0.0.1");
  EXPECT_NE(plan.refused.at(prefix(3)).find("zebra route-limit 1"), std::string::npos) << plan.refused.at(prefix(3));
}

TEST(StaticPlan, WhatTheRibHasAndTheConfigurationHasNotIsWrittenToBeTakenBack) {
  StaticWishes wishes;
  wishes.sweep = true;
  wishes.routes[prefix(3)] = ours(3);
  const StaticMark mark{15, {100}};
  std::vector<StaticRoute> have = {ours(3)};
  StaticPlan plan = plan_static_routes(have, {ours(2), ours(3), ours(4, 7)}, wishes, mark, 100);
  EXPECT_EQ(plan.add, std::vector<StaticRoute>{ours(2)});
  commit(plan, have);
  plan = plan_static_routes(have, {ours(2), ours(3)}, wishes, mark, 100);
  EXPECT_EQ(plan.remove, std::vector<StaticRoute>{ours(2)});
  EXPECT_EQ(plan.swept, 1u);
}

// Where the distance is a part of FRR's key it stands beside ours (first), else in its place (second).
TEST(StaticPlan, WhatWasWrittenToDisplaceALeftOneIsTakenBackAndOursStays) {
  StaticRoute passing = ours(2);
  passing.distance = 1;
  passing.tag = 0;
  StaticWishes wishes;
  wishes.routes[prefix(2)] = ours(2);
  wishes.passing.insert(passing);
  const StaticMark mark{15, {100}};
  StaticPlan plan = plan_static_routes({ours(2), passing}, {}, wishes, mark, 100);
  EXPECT_EQ(plan.remove, std::vector<StaticRoute>{passing});
  EXPECT_TRUE(plan.add.empty() && plan.refused.empty());
  plan = plan_static_routes({passing}, {}, wishes, mark, 100);
  EXPECT_EQ(plan.add, std::vector<StaticRoute>{ours(2)});
  EXPECT_TRUE(plan.remove.empty() && plan.refused.empty());
  // Of a container that has ended meanwhile nothing stays.
  wishes.routes.clear();
  wishes.unwanted.insert(prefix(2));
  EXPECT_EQ(plan_static_routes({ours(2), passing}, {}, wishes, mark, 100).remove.size(), 2u);
}

TEST(StaticPlan, NothingOfAnUnknownTagIsSwept) {
  StaticWishes wishes;
  wishes.sweep = true;
  EXPECT_TRUE(plan_static_routes({ours(2, 7), ours(3, 0)}, {}, wishes, {15, {100}}, 100).empty());
}

}  // namespace
}  // namespace berth
