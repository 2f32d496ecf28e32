// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/delta_tracker.h"

#include <gtest/gtest.h>

#include <random>

#include "redistribute/first_n.h"

namespace berth {
namespace {

RibKey key(const char* prefix) {
  return {RibKind::Route, *Prefix::parse(prefix)};
}
RibObject object(const char* prefix, std::uint32_t tag = 1) {
  return {key(prefix), tag, "br", {}, 0, 0};
}

TEST(DeltaTracker, KnowsTheDifferenceOnce) {
  DeltaTracker tracker;
  tracker.want(object("10.0.0.1/32"), "blue");
  ASSERT_TRUE(tracker.has_due());
  EXPECT_EQ(std::get<RibObject>(*tracker.take()), object("10.0.0.1/32"));
  EXPECT_FALSE(tracker.has_due());
  tracker.want(object("10.0.0.1/32"), "blue");
  EXPECT_FALSE(tracker.take());
  tracker.want(object("10.0.0.1/32", 2), "blue");
  EXPECT_EQ(std::get<RibObject>(*tracker.take()).tag, 2u);
  tracker.unwant(key("10.0.0.1/32"));
  EXPECT_EQ(std::get<RibKey>(*tracker.take()), key("10.0.0.1/32"));
  EXPECT_FALSE(tracker.take()) << "a removal is said once";
  tracker.unwant(key("10.0.0.1/32"));
  EXPECT_FALSE(tracker.take());
}

TEST(DeltaTracker, AWishThatEndsBeforeItWasSaidIsNothing) {
  DeltaTracker tracker;
  tracker.want(object("10.0.0.1/32"), "blue");
  tracker.unwant(key("10.0.0.1/32"));
  EXPECT_FALSE(tracker.has_due());
}

TEST(DeltaTracker, TellsOfANetworkUntilTheRemovalIsAnswered) {
  DeltaTracker tracker;
  tracker.want(object("10.0.0.1/32"), "blue");
  EXPECT_FALSE(tracker.tells_of("blue"));
  tracker.take();
  tracker.unwant(key("10.0.0.1/32"));
  tracker.take();
  EXPECT_TRUE(tracker.tells_of("blue"));
  tracker.answer({key("10.0.0.1/32"), RibState::Gone, ""});
  EXPECT_FALSE(tracker.tells_of("blue"));
}

TEST(DeltaTracker, AMoveHoldsTheOldNetworkUntilZebraTookIt) {
  DeltaTracker tracker;
  tracker.want(object("10.0.0.1/32"), "blue");
  tracker.take();
  tracker.answer({key("10.0.0.1/32"), RibState::Installed, ""});
  tracker.want(object("10.0.0.1/32", 2), "red");
  tracker.take();
  EXPECT_TRUE(tracker.tells_of("blue") && tracker.tells_of("red"));
  tracker.answer({key("10.0.0.1/32"), RibState::Rejected, "no"});
  EXPECT_TRUE(tracker.tells_of("blue")) << "a refused change leaves what was there";
  tracker.retry();
  tracker.take();
  tracker.answer({key("10.0.0.1/32"), RibState::Installed, ""});
  EXPECT_FALSE(tracker.tells_of("blue"));
}

TEST(DeltaTracker, FailuresAreDueAgainAtRetryAlone) {
  DeltaTracker tracker;
  tracker.want(object("10.0.0.1/32"), "blue");
  tracker.want(object("10.0.0.2/32"), "blue");
  while (tracker.take()) {
  }
  tracker.answer({key("10.0.0.1/32"), RibState::Rejected, "full"});
  tracker.answer({key("10.0.0.2/32"), RibState::Installed, ""});
  EXPECT_FALSE(tracker.has_due());
  tracker.retry();
  EXPECT_EQ(std::get<RibObject>(*tracker.take()), object("10.0.0.1/32"));
  EXPECT_FALSE(tracker.take());
}

TEST(DeltaTracker, ARefusalThatLastsIsTriedLessAndLess) {
  DeltaTracker tracker;
  tracker.want(object("10.0.0.1/32"), "blue");
  tracker.take();
  tracker.answer({key("10.0.0.1/32"), RibState::Rejected, "full"});
  int tries = 0;
  for (int i = 0; i < 1000; ++i) {
    tracker.retry();
    if (!tracker.take()) continue;
    ++tries;
    tracker.answer({key("10.0.0.1/32"), RibState::Rejected, "full"});
  }
  EXPECT_GT(tries, 10);
  EXPECT_LT(tries, 30);
  tracker.want(object("10.0.0.1/32", 7), "blue");  // another wish is not made to wait
  EXPECT_TRUE(tracker.take());
}

TEST(DeltaTracker, AWishThatComesBackIsStillAFailure) {
  DeltaTracker tracker;
  tracker.want(object("10.0.0.1/32"), "blue");
  tracker.take();
  tracker.answer({key("10.0.0.1/32"), RibState::Rejected, "full"});
  tracker.unwant(key("10.0.0.1/32"));
  tracker.want(object("10.0.0.1/32"), "blue");
  tracker.retry();
  EXPECT_TRUE(tracker.take());
}

TEST(DeltaTracker, ANewSessionIsToldAllAndOnlyWhatIsWanted) {
  DeltaTracker tracker;
  tracker.want(object("10.0.0.1/32"), "blue");
  tracker.want(object("10.0.0.2/32"), "blue");
  while (tracker.take()) {
  }
  tracker.session_lost();
  EXPECT_EQ(tracker.state(key("10.0.0.1/32"))->state, RibState::Stale);
  tracker.unwant(key("10.0.0.2/32"));
  tracker.session_begun();
  EXPECT_EQ(std::get<RibObject>(*tracker.take()), object("10.0.0.1/32"));
  EXPECT_FALSE(tracker.take());
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
