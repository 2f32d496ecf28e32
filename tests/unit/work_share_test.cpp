// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/work_share.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

const WorkShare::Clock::time_point kBegin = WorkShare::Clock::time_point() + 1h;

TEST(WorkShare, AFirstPieceOfWorkWaitsForNothing) {
  EXPECT_LE(WorkShare(40, 50ms).due(), kBegin);
}

TEST(WorkShare, WhatWasSavedUpIsUsedWithoutARest) {
  WorkShare share(40, 50ms);
  for (int i = 0; i < 50; ++i) {
    ASSERT_LE(share.due(), kBegin) << i;
    share.used(1ms, kBegin);
  }
  share.used(1ms, kBegin);
  EXPECT_EQ(share.due(), kBegin + 40ms);
}

// Whatever the pieces: in the long run a fortieth.
TEST(WorkShare, TheShareIsKept) {
  WorkShare share(40, 50ms);
  auto now = kBegin;
  WorkShare::Time worked{};
  for (int i = 0; i < 10000; ++i) {
    const WorkShare::Time piece = std::chrono::microseconds(100 + i * 37 % 5000);
    now = std::max(now, share.due()) + piece;
    share.used(piece, now);
    worked += piece;
  }
  EXPECT_LE(worked, (now - kBegin) / 40 + 50ms + 5ms) << "what was saved, and the last piece";
  EXPECT_GE(worked, (now - kBegin) / 40 - 5ms) << "and used";
}

TEST(WorkShare, NoMoreIsSavedUpThanTheBound) {
  WorkShare share(40, 50ms);
  share.used(1ms, kBegin);
  const auto later = kBegin + 24h;
  share.used(60ms, later);
  EXPECT_EQ(share.due(), later + 40 * 10ms);
}

TEST(WorkShare, TheThreadsOwnWorkIsMeasured) {
  const auto before = WorkShare::computed();
  volatile unsigned sum = 0;
  while (WorkShare::computed() - before < 5ms)
    for (unsigned i = 0; i < 1000; ++i) sum = sum + i;
  EXPECT_GE(WorkShare::computed() - before, 5ms);
}

}  // namespace
}  // namespace berth
