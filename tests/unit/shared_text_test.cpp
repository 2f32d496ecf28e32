// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/shared_text.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>
#include <vector>

namespace berth {
namespace {

TEST(SharedText, ComparesAndSortsAsTextsDo) {
  std::mt19937 random(7);
  std::vector<std::string> texts{"", "a", std::string("a\0b", 3), "\xff", std::string(300, 'x')};
  for (int i = 0; i < 200; ++i) {
    std::string text(random() % 6, ' ');
    for (char& each : text) each = static_cast<char>(random() % 4 + 'a');
    texts.push_back(text);
  }
  for (const std::string& a : texts)
    for (const std::string& b : texts) {
      const SharedText shared_a(a), shared_b(b);
      ASSERT_EQ(shared_a == shared_b, a == b) << a << " " << b;
      ASSERT_EQ(shared_a == b, a == b);
      ASSERT_EQ(shared_a < shared_b, a < b);
      ASSERT_EQ(shared_a < b, a < b);
      ASSERT_EQ(std::hash<SharedText>()(shared_a) == std::hash<SharedText>()(shared_b), a == b);
    }
}

TEST(SharedText, KeepsWhatItHeldThroughCopiesAndMoves) {
  SharedText first("a container's id");
  const SharedText copy = first;
  EXPECT_EQ(copy.view().data(), first.view().data()) << "no second copy of the bytes";
  SharedText moved = std::move(first);
  EXPECT_EQ(moved, "a container's id");
  const SharedText& itself = moved;
  moved = itself;
  EXPECT_EQ(moved, "a container's id");
  moved = "another";
  EXPECT_EQ(copy, "a container's id");
  EXPECT_EQ(moved.str() + "!", "another" + SharedText("!"));
  EXPECT_TRUE(SharedText("").empty());
  EXPECT_EQ(SharedText("").size(), 0U);
}

TEST(SharedText, IsFoundByAnyText) {
  std::set<SharedText, std::less<>> all{"b", "a", "c"};
  EXPECT_TRUE(all.contains(std::string_view("b")));
  EXPECT_FALSE(all.contains(std::string_view("d")));
}

// For ThreadSanitizer and AddressSanitizer: the last holder frees it, whichever that is.
TEST(SharedText, MayBeHeldByManyThreads) {
  for (int round = 0; round < 50; ++round) {
    std::vector<std::thread> threads;
    {
      const SharedText text("held by all of them");
      for (int i = 0; i < 4; ++i)
        threads.emplace_back([mine = text] {
          for (int n = 0; n < 100; ++n) {
            const SharedText copy = mine;
            ASSERT_EQ(copy.size(), 19U);
          }
        });
    }
    for (std::thread& each : threads) each.join();
  }
}

}  // namespace
}  // namespace berth
