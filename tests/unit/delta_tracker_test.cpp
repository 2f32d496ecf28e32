// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/delta_tracker.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "redistribute/first_n.h"

namespace berth {

// A value, and what must be there as long as it is.
struct Thing {
  int value = 0;
  std::string on = "blue";
  bool operator==(const Thing&) const = default;
};
static std::string depends_on(const Thing& thing) {
  return thing.on;
}

namespace {

using Tracker = DeltaTracker<std::string, Thing, std::string>;

TEST(DeltaTracker, KnowsTheDifferenceOnce) {
  Tracker tracker;
  tracker.want("a", {1});
  ASSERT_TRUE(tracker.has_due());
  EXPECT_EQ(tracker.take()->value, Thing{1});
  EXPECT_FALSE(tracker.has_due());
  tracker.want("a", {1});
  EXPECT_FALSE(tracker.take());
  tracker.want("a", {2});
  EXPECT_EQ(tracker.take()->value, Thing{2});
  tracker.unwant("a");
  const auto removal = tracker.take();
  EXPECT_EQ(removal->key, "a");
  EXPECT_FALSE(removal->value);
  EXPECT_FALSE(tracker.take()) << "a removal is said once";
  tracker.unwant("a");
  EXPECT_FALSE(tracker.take());
}

TEST(DeltaTracker, WhatEndsBeforeItWasSaidIsNothing) {
  Tracker tracker;
  tracker.want("a", {1});
  tracker.unwant("a");
  EXPECT_FALSE(tracker.has_due());
}

TEST(DeltaTracker, HoldsADependencyUntilTheRemovalIsAnswered) {
  Tracker tracker;
  tracker.want("a", {1});
  EXPECT_FALSE(tracker.holds("blue"));
  tracker.take();
  tracker.unwant("a");
  tracker.take();
  EXPECT_TRUE(tracker.holds("blue"));
  tracker.answer("a", Outcome::Gone);
  EXPECT_FALSE(tracker.holds("blue"));
}

TEST(DeltaTracker, AMoveHoldsTheOldDependencyUntilItWasTaken) {
  Tracker tracker;
  tracker.want("a", {1});
  tracker.take();
  tracker.answer("a", Outcome::Taken);
  tracker.want("a", {2, "red"});
  tracker.take();
  EXPECT_TRUE(tracker.holds("blue") && tracker.holds("red"));
  tracker.answer("a", Outcome::Refused);
  EXPECT_TRUE(tracker.holds("blue")) << "a refused change leaves what was there";
  tracker.retry();
  tracker.take();
  tracker.answer("a", Outcome::Taken);
  EXPECT_FALSE(tracker.holds("blue"));
}

TEST(DeltaTracker, FailuresAreDueAgainAtRetryAlone) {
  Tracker tracker;
  tracker.want("a", {1});
  tracker.want("b", {1});
  while (tracker.take()) {
  }
  tracker.answer("a", Outcome::Refused, "full");
  tracker.answer("b", Outcome::Taken);
  EXPECT_FALSE(tracker.has_due());
  EXPECT_TRUE(tracker.waits_for_retry());
  EXPECT_EQ(*tracker.answer_of("a"), "full");
  tracker.retry();
  tracker.want("a", {1});  // said again before it was taken
  EXPECT_EQ(tracker.take()->key, "a");
  EXPECT_FALSE(tracker.take());
}

TEST(DeltaTracker, ARefusalThatLastsIsTriedLessAndLess) {
  Tracker tracker;
  tracker.want("a", {1});
  tracker.take();
  tracker.answer("a", Outcome::Refused);
  int tries = 0;
  for (int i = 0; i < 1000; ++i) {
    tracker.retry();
    if (!tracker.take()) continue;
    ++tries;
    tracker.answer("a", Outcome::Refused);
  }
  EXPECT_GT(tries, 10);
  EXPECT_LT(tries, 30);
  tracker.want("a", {7});  // something else is not made to wait
  EXPECT_TRUE(tracker.take());
}

TEST(DeltaTracker, WhatIsWantedAgainIsStillAFailure) {
  Tracker tracker;
  tracker.want("a", {1});
  tracker.take();
  tracker.answer("a", Outcome::Refused);
  tracker.unwant("a");
  tracker.want("a", {1});
  tracker.retry();
  EXPECT_TRUE(tracker.take());
}

TEST(DeltaTracker, ANewSessionIsToldAllAndOnlyWhatIsWanted) {
  Tracker tracker;
  tracker.want("a", {1});
  tracker.want("b", {1});
  while (tracker.take()) {
  }
  tracker.each_answer([](std::string& answer) { answer = "stale"; });
  EXPECT_EQ(*tracker.answer_of("a"), "stale");
  tracker.unwant("b");
  tracker.session_begun();
  EXPECT_EQ(tracker.take()->key, "a");
  EXPECT_FALSE(tracker.take());
}

TEST(DeltaTracker, WhatIsDoubtedIsSaidAgain) {
  Tracker tracker(InFlight::One);
  tracker.want("a", {1});
  tracker.take();
  tracker.answer("a", Outcome::Taken);
  tracker.doubt("a");
  EXPECT_EQ(tracker.take()->value, Thing{1});
  tracker.want("a", {2});
  EXPECT_FALSE(tracker.take()) << "one at a time";
  tracker.answer("a", Outcome::Taken);
  EXPECT_EQ(tracker.take()->value, Thing{2});
  tracker.doubt("a");  // while it is under way
  tracker.answer("a", Outcome::Refused);
  EXPECT_EQ(tracker.take()->value, Thing{2}) << "a doubt does not wait for a retry";
}

TEST(DeltaTracker, WhatMayNotPassStaysDue) {
  Tracker tracker;
  tracker.want("a", {1});
  tracker.want("b", {2});
  const auto only_b = [](const std::string& key, const Thing*) { return key == "b"; };
  std::string taken;
  const auto take = [&] { tracker.take_all(only_b, [&](const auto& change) { taken += change.key; }); };
  EXPECT_TRUE(tracker.any_due(only_b));
  take();
  take();
  EXPECT_EQ(taken, "b");
  EXPECT_FALSE(tracker.any_due(only_b));
  EXPECT_EQ(tracker.take()->key, "a");
}

// Work is counted: those that wait are looked at once, however many of the others go.
TEST(DeltaTracker, AllThatMayPassIsTakenInOneWalk) {
  Tracker tracker;
  for (int each = 0; each < 1000; ++each) tracker.want((each % 2 ? "goes " : "a ") + std::to_string(each), {each});
  int asked = 0, taken = 0;
  tracker.take_all([&](const std::string& key, const Thing*) { return ++asked, key.starts_with("goes"); },
                   [&](const auto&) { ++taken; });
  EXPECT_EQ(taken, 500);
  EXPECT_EQ(asked, 1000);
}

// Whatever is asked for in whatever order, and however it is answered: once the other side takes all, it has what is wanted, and
// nothing is held that nothing needs.
TEST(DeltaTracker, EndsWithWhatIsWanted) {
  for (const InFlight in_flight : {InFlight::Several, InFlight::One})
    for (unsigned seed = 0; seed < 500; ++seed) {
      SCOPED_TRACE(seed);
      std::mt19937 random(seed);
      Tracker tracker(in_flight);
      std::map<std::string, Thing> wanted, there;
      std::vector<std::string> outstanding;
      const auto change = [&] {
        const auto next = tracker.take();
        if (!next) return false;
        outstanding.push_back(next->key);
        if (random() % 4 == 0 && !outstanding.empty()) {
          // refused: nothing changes there
          tracker.answer(next->key, Outcome::Refused);
          outstanding.pop_back();
          return true;
        }
        if (next->value)
          there[next->key] = *next->value;
        else
          there.erase(next->key);
        tracker.answer(next->key, next->value ? Outcome::Taken : Outcome::Gone);
        outstanding.pop_back();
        return true;
      };
      for (int step = 0; step < 60; ++step) {
        const std::string key(1, static_cast<char>('a' + random() % 4));
        switch (random() % 6) {
          case 0:
          case 1:
            wanted[key] = {static_cast<int>(random() % 3), random() % 2 ? "blue" : "red"};
            tracker.want(key, wanted[key]);
            break;
          case 2:
            wanted.erase(key);
            tracker.unwant(key);
            break;
          case 3: tracker.doubt(key); break;
          case 4: tracker.retry(); break;
          default: change();
        }
      }
      for (int n = 0; n < 200; ++n) {
        tracker.retry();
        while (change()) {
        }
      }
      ASSERT_EQ(there, wanted);
      for (const char* on : {"blue", "red"}) {
        bool needed = false;
        for (const auto& [key, thing] : wanted) needed = needed || thing.on == on;
        ASSERT_EQ(tracker.holds(on), needed) << on;
      }
    }
}

TEST(FirstN, AdmitsTheLowestWhateverTheOrder) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  FirstN<int> first(3);
  std::set<int> all, in;
  std::size_t limit = 3;
  for (int n = 0; n < 3000; ++n) {
    const int member = static_cast<int>(random() % 20);
    std::vector<int> changed;
    if (random() % 10 == 0) {
      limit = random() % 6;
      changed = first.set_limit(limit);
    } else if (random() % 2) {
      all.insert(member);
      changed = first.insert(member);
    } else {
      all.erase(member);
      changed = first.erase(member);
    }
    std::set<int> expected;
    for (const int each : all)
      if (expected.size() < limit) expected.insert(each);
    for (int each = 0; each < 20; ++each) {
      ASSERT_EQ(first.admits(each), expected.contains(each)) << each;
      if (expected.contains(each) != in.contains(each)) {
        ASSERT_TRUE(std::count(changed.begin(), changed.end(), each)) << each << " changed and was not told";
      }
    }
    in = expected;
  }
}

}  // namespace
}  // namespace berth
