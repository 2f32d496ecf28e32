// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/ipam/lease_book.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace berth {
namespace {

LeasePool pool(const std::string& range = "10.20.1.0/28") {
  return {"green",
          {{*Prefix::parse("10.20.0.0/16"), IpAddress::parse("10.20.1.1"), Prefix::parse(range)},
           {*Prefix::parse("fd00:20::/64"), IpAddress::parse("fd00:20::1"), Prefix::parse("fd00:20::/120")}},
          {*IpAddress::parse("10.20.1.3")}};
}

LeaseKey key(const std::string& id, std::int64_t created = 100) {
  return {"green", {"containerd", "default/" + id}, created};
}

std::string given(const Result<Lease>& lease) {
  if (!lease) return "none";
  std::string out;
  for (const IpAddress& each : lease->addresses) out += (out.empty() ? "" : " ") + each.to_string();
  return out;
}

TEST(LeaseBook, GivesOneOfEachSubnetAndNoneThatIsSomebodys) {
  LeaseBook book;
  EXPECT_EQ(given(book.take(pool(), key("a"), 1000)), "10.20.1.0 fd00:20::2");  // no edge of the /16 is in the range
  EXPECT_EQ(given(book.take(pool(), key("b"), 1000)), "10.20.1.2 fd00:20::3");
  EXPECT_EQ(given(book.take(pool(), key("c"), 1000)), "10.20.1.4 fd00:20::4");
  LeasePool whole = pool();
  whole.subnets = {{*Prefix::parse("10.30.0.0/30"), {}, {}}};
  whole.network = "small";
  LeaseKey small{"small", {"containerd", "x"}, 1};
  EXPECT_EQ(given(book.take(whole, small, 1000)), "10.30.0.1");
}

TEST(LeaseBook, AContainerKeepsItsOwnAndAnotherOfItsNameDoesNot) {
  LeaseBook book;
  const std::string first = given(book.take(pool(), key("web"), 1000));
  EXPECT_EQ(given(book.take(pool(), key("web"), 5000)), first);
  EXPECT_NE(given(book.take(pool(), key("web", 200), 5000)), first);
}

TEST(LeaseBook, RestsBeforeItIsHandedOutAgain) {
  LeaseBook book;
  const std::string first = given(book.take(pool(), key("a"), 1000));
  book.release(key("a"), 2000);
  EXPECT_NE(given(book.take(pool(), key("b"), 2000 + kLeaseRests - 1)), first);
  EXPECT_EQ(given(book.take(pool(), key("c"), 2000 + kLeaseRests)), first);
}

TEST(LeaseBook, ComesBackToWhoComesBackWhileItRests) {
  LeaseBook book;
  const std::string first = given(book.take(pool(), key("a"), 1000));
  book.release(key("a"), 2000);
  EXPECT_EQ(given(book.take(pool(), key("a"), 2001)), first);
  EXPECT_EQ(book.all().at(key("a")).released, 0);
}

TEST(LeaseBook, AClockThatIsSetBackHoldsNothingForEver) {
  LeaseBook book;
  const std::string first = given(book.take(pool(), key("a"), 1000));
  book.release(key("a"), 1'000'000);
  EXPECT_EQ(given(book.take(pool(), key("b"), 10)), first);
}

TEST(LeaseBook, SaysThatNoneIsLeftAndHowManyRest) {
  LeaseBook book;
  for (int each = 0; each < 2; ++each)
    ASSERT_TRUE(book.take(pool("10.20.1.4/31"), key(std::to_string(each)), 1000).ok());
  auto none = book.take(pool("10.20.1.4/31"), key("late"), 1000);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().message, "no address is left in 10.20.1.4/31 of network green");
  book.release(key("0"), 1000);
  none = book.take(pool("10.20.1.4/31"), key("late"), 1001);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("1 rest"), std::string::npos) << none.error().message;
  EXPECT_TRUE(book.take(pool("10.20.1.4/31"), key("late"), 1000 + kLeaseRests).ok());
}

// The host's own, the router's, an aux-address, a container's that somebody else plugged in: berthd did not give it, and gives it to
// nobody.
TEST(LeaseBook, NoAddressThatSomebodyHasWithoutALease) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 dice(seed);
    LeaseBook book;
    LeasePool some = pool("10.20.1.0/28");
    for (unsigned each = 0; each < 16; ++each)
      if (const auto which = dice() % 4; which < 2)
        (which == 0 ? some.reserved : some.taken).insert(*IpAddress::parse("10.20.1." + std::to_string(each)));
    for (int each = 0; each < 16; ++each) {
      const auto lease = book.take(some, key(std::to_string(each)), 1000);
      if (!lease) break;
      for (const IpAddress& address : lease->addresses)
        ASSERT_FALSE(some.reserved.contains(address) || some.taken.contains(address)) << seed << address.to_string();
    }
  }
}

TEST(LeaseBook, WhatTheHostHasNowIsNotKeptAndWhatAnotherTookIs) {
  LeaseBook book;
  ASSERT_EQ(given(book.take(pool(), key("a"), 1000)), "10.20.1.0 fd00:20::2");
  LeasePool now = pool();
  now.taken = {*IpAddress::parse("10.20.1.0"), *IpAddress::parse("10.20.1.2")};
  EXPECT_TRUE(book.keeps(now, key("a"))) << "who came later must not drive it out";
  EXPECT_EQ(given(book.take(now, key("a"), 1000)), "10.20.1.0 fd00:20::2");
  now.reserved.insert(*IpAddress::parse("10.20.1.0"));
  EXPECT_FALSE(book.keeps(now, key("a")));
  EXPECT_EQ(given(book.take(now, key("a"), 1000)), "10.20.1.4 fd00:20::2");
}

TEST(LeaseBook, AnAddressThatTheNetworkNoLongerHasIsReplaced) {
  LeaseBook book;
  ASSERT_EQ(given(book.take(pool(), key("a"), 1000)), "10.20.1.0 fd00:20::2");
  EXPECT_EQ(given(book.take(pool("10.20.2.0/24"), key("a"), 1000)), "10.20.2.0 fd00:20::2");
}

TEST(LeaseBook, WhatStillFitsIsKept) {
  LeaseBook book;
  LeasePool v4 = pool();
  v4.subnets.pop_back();
  ASSERT_EQ(given(book.take(v4, key("first"), 1000)), "10.20.1.0");
  ASSERT_EQ(given(book.take(v4, key("a"), 1000)), "10.20.1.2");
  book.release(key("first"), 1000);
  EXPECT_EQ(given(book.take(pool(), key("a"), 2000)), "10.20.1.2 fd00:20::2") << "a second family alone was added";
  EXPECT_EQ(given(book.take(v4, key("a"), 2000)), "10.20.1.2");
  EXPECT_EQ(book.all().at(key("a")).given, 1000);
}

// It is still in its namespace: nobody else may have it.
TEST(LeaseBook, WhereNoneIsLeftTheOldOneIsNotGivenToAnother) {
  LeaseBook book;
  const LeasePool other = pool("10.20.2.0/31");
  ASSERT_EQ(given(book.take(pool(), key("a"), 1000)), "10.20.1.0 fd00:20::2");
  ASSERT_TRUE(book.take(other, key("b"), 1000).ok());
  ASSERT_TRUE(book.take(other, key("c"), 1000).ok());
  EXPECT_FALSE(book.take(other, key("a"), 1000).ok());
  EXPECT_EQ(given(book.take(pool(), key("d"), 2000)), "10.20.1.2 fd00:20::5");
  EXPECT_EQ(given(book.take(pool(), key("a"), 2000)), "10.20.1.0 fd00:20::2");
}

TEST(LeaseBook, RefusesATextThatIsNone) {
  const std::string head = "berth leases 1\n",
                    good = "lease green containerd default/a 1 2 0 3 /proc/7/ns/net 10.0.0.1\n";
  ASSERT_TRUE(LeaseBook::parse(head + good).ok());
  for (const std::string& bad : {std::string("berth leases 2\n"), head + "lease green containerd\n",
                                 head + good.substr(0, good.size() - 3) + "x\n",
                                 head + good + "lease green containerd default/b 1 2 0 3 - 10.0.0.1\n",
                                 head + "lease green containerd default/b 1 2 0 3 /a\\2 10.0.0.2\n",
                                 head + "lease green containerd default/b 1 2 0 3 /a\\+1 10.0.0.2\n",
                                 head + good + "lease green containerd default/a 1 2 0 3 - 10.0.0.2\n"}) {
    const auto parsed = LeaseBook::parse(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().message.substr(0, 5), "line ") << parsed.error().message;
    EXPECT_FALSE(parsed.error().remedy.empty());
  }
}

// What a runtime says of names and paths is not berth's to choose, and the file must be readable afterwards.
TEST(LeaseBook, AnyNamesAndPathsComeBack) {
  const std::string bytes("-a/\\0\n\r\t \x01\x7f\xc3\xa9\xff\0", 16);
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 dice(seed);
    const auto any = [&] {
      std::string out;
      for (auto left = dice() % 4; left > 0; --left) out += bytes[dice() % bytes.size()];
      return out;
    };
    LeaseBook book;
    for (int each = 0; each < 6; ++each) {
      const LeaseKey who{any(), {any(), any()}, static_cast<std::int64_t>(dice()) - (1 << 30)};
      if (!book.take(pool(), who, 1000)) continue;
      book.used_in(who, dice(), any());
      if (dice() % 3 == 0) book.release(who, 1001);
    }
    const auto again = LeaseBook::parse(book.text());
    ASSERT_TRUE(again.ok()) << seed << " " << again.error().message;
    ASSERT_EQ(again->all(), book.all()) << seed;
    ASSERT_EQ(again->text(), book.text()) << seed;
  }
}

TEST(LeaseBook, ANetworkWithoutASubnetHasNothingToGive) {
  LeaseBook book;
  EXPECT_FALSE(book.take({"green", {}, {}}, key("a"), 1000).ok());
  EXPECT_TRUE(book.all().empty()) << "a line without an address is none that can be read";
}

// Whatever comes in whatever order: no address is two containers', none is handed out before it has rested, and the text says it
// all.
TEST(LeaseBook, NoAddressTwiceInAnyOrder) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 dice(seed);
    LeaseBook book;
    std::map<IpAddress, std::int64_t> free_since;
    std::int64_t now = 1000;
    for (int step = 0; step < 120; ++step) {
      now += static_cast<std::int64_t>(dice() % 8);
      const LeaseKey who = key(std::to_string(dice() % 20), static_cast<std::int64_t>(dice() % 2));
      const bool had = book.all().contains(who);
      if (dice() % 3 != 0) {
        const bool held = had && book.all().at(who).released == 0;
        const std::vector<IpAddress> before = had ? book.all().at(who).addresses : std::vector<IpAddress>();
        // Now and then berthd.conf has another range.
        if (const auto lease = book.take(dice() % 4 == 0 ? pool("10.20.1.8/29") : pool(), who, now)) {
          for (const IpAddress& each : lease->addresses)
            if (const auto since = free_since.find(each);
                since != free_since.end() && std::ranges::count(before, each) == 0)
              ASSERT_GE(now - since->second, kLeaseRests) << seed << " " << each.to_string();
          for (const IpAddress& each : before)
            if (held && std::ranges::count(lease->addresses, each) == 0) free_since[each] = now;
        }
      } else if (had && book.all().at(who).released == 0) {
        for (const IpAddress& each : book.all().at(who).addresses) free_since[each] = now;
        book.release(who, now);
      }
      std::set<IpAddress> all;
      for (const auto& [owner, lease] : book.all())
        for (const IpAddress& each : lease.addresses) ASSERT_TRUE(all.insert(each).second) << seed;
      const auto again = LeaseBook::parse(book.text());
      ASSERT_TRUE(again.ok()) << again.error().message;
      ASSERT_EQ(again->all(), book.all());
    }
  }
}

}  // namespace
}  // namespace berth
