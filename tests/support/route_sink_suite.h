// SPDX-License-Identifier: GPL-2.0-or-later
//
// What every RouteSink must do, whatever is behind it. A test program names its own kinds of ground to stand on:
//
//   struct Ground {
//     void start(RouteSinkListener&);  // makes a sink, which begins to connect
//     RouteSink& sink();
//     void stop();                     // the sink stops in order and goes; what it said stays in the RIB
//     void far_side_restarts();        // zebra begins anew, with nothing of ours
//     void turn();                     // some milliseconds of the loop
//     std::map<RibKey, std::uint32_t> rib();  // what is there, with its tag
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, RouteSinkSuite, Ground);
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/route_sink.h"

namespace berth {

template <class Ground>
class RouteSinkSuite : public testing::Test, public RouteSinkListener {
 protected:
  using Clock = std::chrono::steady_clock;

  void sink_connected(const RouteSinkInfo& info) override {
    EXPECT_FALSE(within_) << "the listener is called from within its own call";
    EXPECT_FALSE(info.frr_version.empty());
    ++connected;
    if (on_connect) on_connect();
  }
  void sink_lost(const Error& why) override {
    EXPECT_FALSE(within_);
    EXPECT_FALSE(why.message.empty());
    lost.push_back(why.message);
  }
  void sink_troubled(const std::optional<Error>& why) override {
    EXPECT_FALSE(within_);
    if (why) troubles.push_back(why->message);
  }
  void sink_synced(std::uint32_t n) override {
    EXPECT_FALSE(within_);
    ++synced;
    swept = n;
  }
  void sink_answered(const RibAnswer& answer) override {
    EXPECT_FALSE(within_);
    answers[answer.key] = answer.state;
  }
  void sink_found(const RibFound& answer) override {
    EXPECT_FALSE(within_);
    found.push_back(answer);
  }

  void SetUp() override { ground.start(*this); }
  void TearDown() override { ground.stop(); }

  bool until(const std::function<bool()>& done, std::chrono::seconds most = std::chrono::seconds(20)) {
    for (const auto end = Clock::now() + most; !done(); ground.turn())
      if (Clock::now() > end) return false;
    return true;
  }
  static RibObject route(int n, std::uint32_t tag = 100) {
    return {
        {RibKind::Route, Prefix::host(*IpAddress::parse("10.10.1." + std::to_string(n)))}, tag, "br-blue", {}, 0, 0};
  }
  void put(const RibObject& object) {
    within_ = true;
    ground.sink().put(object);
    within_ = false;
  }
  void remove(const RibKey& key) {
    within_ = true;
    ground.sink().remove(key);
    within_ = false;
  }
  void ask(const Prefix& prefix) {
    within_ = true;
    ground.sink().ask(prefix);
    within_ = false;
  }
  void end_of_sync(std::vector<Prefix> keep = {}) {
    within_ = true;
    ground.sink().end_of_sync(std::move(keep));
    within_ = false;
  }
  void say(int first, int last) {
    for (int n = first; n <= last; ++n) put(route(n));
  }
  static std::map<RibKey, std::uint32_t> routes(int first, int last, std::uint32_t tag = 100) {
    std::map<RibKey, std::uint32_t> out;
    for (int n = first; n <= last; ++n) out[route(n).key] = tag;
    return out;
  }

  Ground ground;
  std::function<void()> on_connect;
  int connected = 0, synced = 0;
  std::uint32_t swept = 0;
  std::vector<std::string> lost, troubles;
  std::map<RibKey, RibState> answers;
  std::vector<RibFound> found;

 private:
  bool within_ = false;
};

TYPED_TEST_SUITE_P(RouteSinkSuite);

TYPED_TEST_P(RouteSinkSuite, SaysAllAndIsAnsweredForEach) {
  this->on_connect = [this] {
    this->say(2, 60);
    this->end_of_sync();
  };
  ASSERT_TRUE(this->until([this] { return this->synced == 1 && this->ground.sink().idle(); }));
  EXPECT_TRUE(this->until([this] { return this->ground.rib() == this->routes(2, 60); }));
  EXPECT_TRUE(this->until([this] {
    for (const auto& [key, tag] : this->routes(2, 60))
      if (this->answers[key] != RibState::Installed) return false;
    return true;
  }));
  EXPECT_EQ(this->connected, 1);
}

TYPED_TEST_P(RouteSinkSuite, TakesBackWhatIsRemovedAndSaysSo) {
  this->on_connect = [this] {
    this->say(2, 5);
    this->end_of_sync();
  };
  ASSERT_TRUE(this->until([this] { return this->synced == 1 && this->ground.sink().idle(); }));
  this->remove(this->route(3).key);
  ASSERT_TRUE(this->until([this] { return this->answers[this->route(3).key] == RibState::Gone; }));
  auto left = this->routes(2, 5);
  left.erase(this->route(3).key);
  EXPECT_TRUE(this->until([&] { return this->ground.rib() == left; }));
  EXPECT_TRUE(this->until([this] { return this->ground.sink().idle(); }));
}

TYPED_TEST_P(RouteSinkSuite, OfTwoChangesTheLaterOneCounts) {
  this->on_connect = [this] {
    this->put(this->route(2, 100));
    this->put(this->route(2, 200));
    this->put(this->route(3));
    this->remove(this->route(3).key);
    this->put(this->route(4));
    this->remove(this->route(4).key);
    this->put(this->route(4, 300));
    this->end_of_sync();
  };
  ASSERT_TRUE(this->until([this] { return this->synced == 1 && this->ground.sink().idle(); }));
  const std::map<RibKey, std::uint32_t> all{{this->route(2).key, 200}, {this->route(4).key, 300}};
  EXPECT_TRUE(this->until([&] { return this->ground.rib() == all; }));
  this->put(this->route(2, 400));
  EXPECT_TRUE(this->until([&] { return this->ground.rib()[this->route(2).key] == 400; }));
}

TYPED_TEST_P(RouteSinkSuite, KeepsNothingThatWasSaidWithoutASession) {
  this->say(2, 5);
  EXPECT_TRUE(this->ground.sink().idle());
  this->on_connect = [this] { this->end_of_sync(); };
  ASSERT_TRUE(this->until([this] { return this->synced == 1; }));
  EXPECT_TRUE(this->ground.rib().empty());
}

TYPED_TEST_P(RouteSinkSuite, WhatANewSessionDoesNotNameIsSweptAtItsEnd) {
  this->on_connect = [this] {
    this->say(2, 9);
    this->end_of_sync();
  };
  ASSERT_TRUE(this->until([this] { return this->synced == 1 && this->ground.rib() == this->routes(2, 9); }));
  this->ground.stop();
  EXPECT_EQ(this->ground.rib(), this->routes(2, 9)) << "what was said outlives who said it";
  this->on_connect = [this] { this->say(6, 12); };
  this->ground.start(*this);
  ASSERT_TRUE(this->until([this] { return this->ground.rib() == this->routes(2, 12); }))
      << "nothing goes before the end";
  this->end_of_sync();
  ASSERT_TRUE(this->until([this] { return this->synced == 2; }));
  EXPECT_TRUE(this->until([this] { return this->ground.rib() == this->routes(6, 12); }));
  EXPECT_EQ(this->swept, 4u);
}

TYPED_TEST_P(RouteSinkSuite, WhatIsToBeKeptIsNotSweptUntilItIsKnown) {
  this->on_connect = [this] {
    this->say(2, 9);
    this->end_of_sync();
  };
  ASSERT_TRUE(this->until([this] { return this->synced == 1 && this->ground.rib() == this->routes(2, 9); }));
  this->ground.stop();
  this->on_connect = [this] { this->end_of_sync({*Prefix::parse("10.10.1.4/30")}); };
  this->ground.start(*this);
  ASSERT_TRUE(this->until([this] { return this->synced == 2; }));
  EXPECT_TRUE(this->until([this] { return this->ground.rib() == this->routes(4, 7); }))
      << this->ground.rib().size() << " are there, " << this->swept << " were swept";
  this->put(this->route(5));
  this->end_of_sync();
  ASSERT_TRUE(this->until([this] { return this->synced == 3; }));
  EXPECT_TRUE(this->until([this] { return this->ground.rib() == this->routes(5, 5); }));
}

TYPED_TEST_P(RouteSinkSuite, AFarSideThatBeginsAnewIsToldAllAnew) {
  this->on_connect = [this] {
    this->say(2, 9);
    this->end_of_sync();
  };
  ASSERT_TRUE(this->until([this] { return this->synced == 1 && this->ground.rib() == this->routes(2, 9); }));
  this->ground.far_side_restarts();
  ASSERT_TRUE(this->until([this] { return this->synced == 2; }));
  EXPECT_GE(this->lost.size(), 1u);
  EXPECT_EQ(this->connected, 2);
  EXPECT_TRUE(this->until([this] { return this->ground.rib() == this->routes(2, 9); }));
}

TYPED_TEST_P(RouteSinkSuite, SaysWhatTheRibHasForOnePrefix) {
  this->ask(this->route(2).key.prefix);
  EXPECT_TRUE(this->ground.sink().idle()) << "without a session nothing is asked";
  this->on_connect = [this] {
    this->say(2, 2);
    this->end_of_sync();
  };
  ASSERT_TRUE(this->until([this] { return this->synced == 1 && this->ground.rib() == this->routes(2, 2); }));
  for (int n : {2, 3, 3}) this->ask(this->route(n).key.prefix);
  EXPECT_FALSE(this->ground.sink().idle());
  ASSERT_TRUE(this->until([this] { return this->ground.sink().idle(); }));
  ASSERT_EQ(this->found.size(), 2u) << "of two questions on one prefix the later one is answered";
  std::ranges::sort(this->found, {}, &RibFound::prefix);
  EXPECT_EQ(this->found[0].prefix, this->route(2).key.prefix);
  ASSERT_EQ(this->found[0].routes.size(), 1u);
  EXPECT_TRUE(this->found[0].routes[0].ours);
  ASSERT_EQ(this->found[0].routes[0].next_hops.size(), 1u);
  EXPECT_EQ(this->found[0].routes[0].next_hops[0].interface, "br-blue");
  EXPECT_TRUE(this->found[1].routes.empty());
  EXPECT_EQ(this->found[0].error + this->found[1].error, "");
}

REGISTER_TYPED_TEST_SUITE_P(RouteSinkSuite, SaysAllAndIsAnsweredForEach, TakesBackWhatIsRemovedAndSaysSo,
                            OfTwoChangesTheLaterOneCounts, KeepsNothingThatWasSaidWithoutASession,
                            WhatANewSessionDoesNotNameIsSweptAtItsEnd, WhatIsToBeKeptIsNotSweptUntilItIsKnown,
                            AFarSideThatBeginsAnewIsToldAllAnew, SaysWhatTheRibHasForOnePrefix);

}  // namespace berth
