// SPDX-License-Identifier: GPL-2.0-or-later
//
// An address that the fabric has from another host: asked before it is announced, refused, told once, taken when it is free.
#include "redistribute/elsewhere.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "redistribute/redistributor.h"
#include "tests/support/blue_config.h"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Prefix kFive = *Prefix::parse("10.10.1.5/32"), kSix = *Prefix::parse("10.10.1.6/32");
const RibRoute kBgp{"bgp", false, {{IpAddress::parse("10.0.0.1"), "eth1"}}};
const RibRoute kOwn{"openfabric", true, {{std::nullopt, "br-blue"}}};
const std::string kOwner = "10.10.1.5 is advertised by another host already: bgp via 10.0.0.1 on eth1";

ContainerFact container(const std::string& name, const Prefix& address, std::int64_t created = 1) {
  ContainerFact out{{"docker", name}, name, "running", {}, {{"ep" + name, "blue", "net1", "", {address.address()}}}};
  out.created = created;
  return out;
}

// A brain whose questions wait until the test answers them.
class ElsewhereTest : public testing::Test {
 protected:
  void SetUp() override {
    brain.on_refusal([this](const std::string& who, const std::string& why) { told.push_back(who + ": " + why); });
    brain.set_config(blue_config());
    brain.zebra_connected();
    brain.set_containers("docker", {});
    work();
  }
  void work() {
    for (auto steps = brain.take_actions(10); !steps.empty(); steps = brain.take_actions(10))
      for (const Action& step : steps) act(step);
  }
  void act(const Action& step) {
    if (const auto* announce = std::get_if<Announce>(&step)) {
      rib.insert(announce->object.key.prefix);
      brain.answer({announce->object.key, RibState::Installed, ""});
    } else if (const auto* withdraw = std::get_if<Withdraw>(&step)) {
      rib.erase(withdraw->key.prefix);
      brain.answer({withdraw->key, RibState::Gone, ""});
    } else if (const auto* question = std::get_if<Ask>(&step)) {
      asked.push_back(question->address);
    } else if (const auto* attach = std::get_if<Configure>(&step)) {
      brain.set_network_health(attach->key.network.str(), {true, "br-blue", Nat::Off, {}, {"docker", "net1"}});
    } else if (std::holds_alternative<EndOfSync>(step)) {
      ++syncs;
      brain.zebra_synced();
    }
  }
  void answer(const Prefix& address, const std::vector<RibRoute>& routes, const std::string& error = {}) {
    brain.found({address, routes, error});
    work();
  }
  // `tenths` of a second, in which the other host keeps the address or has given it up.
  void pass(int tenths, const std::vector<RibRoute>& routes) {
    for (; tenths > 0; --tenths) {
      asked.clear();
      if (brain.asks_wait()) brain.ask_again();
      work();
      for (const Prefix& each : std::vector(asked)) answer(each, routes);
    }
  }
  void run(const std::string& name, const Prefix& address, std::int64_t created = 1) {
    brain.upsert_container(container(name, address, created));
    work();
  }
  RouteView view() { return *brain.route_of(kFive.address()); }

  Redistributor brain;
  std::vector<Prefix> asked;
  std::vector<std::string> told;
  std::set<Prefix> rib;
  int syncs = 0;
};

TEST_F(ElsewhereTest, AnAddressIsAskedForOnceAndThenAnnounced) {
  run("c1", kFive);
  EXPECT_THAT(asked, ElementsAre(kFive)) << "the subnet is not asked for";
  EXPECT_FALSE(rib.contains(kFive));
  EXPECT_TRUE(rib.contains(*Prefix::parse("10.10.1.0/24")));
  answer(kFive, {});
  EXPECT_TRUE(rib.contains(kFive));
  Config changed = blue_config();
  changed.networks["blue"].tag = 101;
  brain.set_config(changed);
  run("c1", kFive);
  EXPECT_EQ(asked.size(), 1u) << "zebra has it from us";
}

TEST_F(ElsewhereTest, AnAddressOfAnotherHostIsRefusedAndToldOnceItLasts) {
  run("c1", kFive);
  answer(kFive, {kBgp});
  EXPECT_EQ(view().state, RibState::Pending);
  EXPECT_EQ(view().reason, kOwner);
  pass(19, {kBgp});
  EXPECT_EQ(view().state, RibState::Pending);
  EXPECT_THAT(told, IsEmpty());
  pass(1, {kBgp});
  EXPECT_EQ(view().state, RibState::Rejected);
  EXPECT_THAT(told, ElementsAre("c1: " + kOwner));
  EXPECT_EQ(brain.counters()["refusedElsewhere"], 1u);
  const Explanation why = brain.explain("c1");
  EXPECT_EQ(why.steps.back().name, "elsewhere");
  EXPECT_EQ(why.steps.back().detail, kOwner);
  EXPECT_THAT(why.steps.back().remedy, HasSubstr("anycast in network blue"));
  pass(600, {kBgp, {"kernel", false, {{std::nullopt, "eth1"}}}});
  EXPECT_FALSE(rib.contains(kFive));
  EXPECT_EQ(told.size(), 1u) << "nothing while it lasts";
  pass(32, {});
  EXPECT_TRUE(rib.contains(kFive));
  EXPECT_FALSE(brain.asks_wait());
}

TEST_F(ElsewhereTest, AContainerThatMovesHereIsTakenWithoutAWord) {
  run("c1", kFive);
  answer(kFive, {kBgp});
  pass(1, {kBgp});  // 100 ms
  pass(2, {});      // and 300 ms
  EXPECT_TRUE(rib.contains(kFive));
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(ElsewhereTest, ItIsAskedLessAndLessOften) {
  run("c1", kFive);
  answer(kFive, {kBgp});
  int questions = 0;
  for (int tenth = 0; tenth < 3200; ++tenth) {
    pass(1, {kBgp});
    questions += static_cast<int>(asked.size());
  }
  EXPECT_GE(questions, 100);
  EXPECT_LE(questions, 110);
}

TEST_F(ElsewhereTest, WhatThisHostHasByOtherWaysIsForZebraToDecide) {
  for (const char* type : {"kernel", "static", "connected", "local", "openfabric"}) {
    run("c1", kFive);
    answer(kFive, {{type, std::string(type) == "openfabric", {{std::nullopt, "eth1"}}}});
    EXPECT_TRUE(rib.contains(kFive)) << type;
    brain.remove_container({"docker", "c1"});
    work();
  }
  for (const char* type : {"bgp", "ospf", "ospf6", "isis", "openfabric"}) {
    run("c1", kFive);
    answer(kFive, {{type, false, {{std::nullopt, "eth1"}}}});
    EXPECT_FALSE(rib.contains(kFive)) << type;
    brain.remove_container({"docker", "c1"});
    work();
  }
  run("c1", kFive);
  answer(kFive, {{"bgp", false, {{}}}});
  EXPECT_TRUE(rib.contains(kFive)) << "a blackhole leads to no host";
}

TEST_F(ElsewhereTest, ASinkThatCanNotSayHoldsNothingUp) {
  run("c1", kFive);
  answer(kFive, {}, "it does not know");
  EXPECT_TRUE(rib.contains(kFive));
}

TEST_F(ElsewhereTest, WithAnycastNobodyIsAsked) {
  Config anycast = blue_config();
  anycast.networks["blue"].anycast = true;
  run("c1", kFive);
  answer(kFive, {kBgp});
  pass(30, {kBgp});
  ASSERT_FALSE(rib.contains(kFive));
  brain.set_config(anycast);
  work();
  EXPECT_TRUE(rib.contains(kFive));
  asked.clear();
  run("c2", kSix);
  EXPECT_TRUE(rib.contains(kSix));
  EXPECT_THAT(asked, IsEmpty());
  brain.set_config(blue_config());
  work();
  EXPECT_TRUE(rib.contains(kFive)) << "what is announced stays";
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(ElsewhereTest, WhatIsAnnouncedStaysWhenAnotherHostComes) {
  run("c1", kFive);
  answer(kFive, {});
  answer(kFive, {kBgp});
  run("c1", kFive);
  EXPECT_TRUE(rib.contains(kFive));
}

TEST_F(ElsewhereTest, WhatZebraHoldsOfOursInANewSessionIsAnnouncedAtOnce) {
  run("c1", kFive);
  answer(kFive, {});
  brain.zebra_lost();
  brain.zebra_connected();
  work();
  EXPECT_EQ(syncs, 1) << "zebra would sweep the route that is asked for";
  answer(kFive, {kBgp, kOwn});
  EXPECT_EQ(view().state, RibState::Installed);
  EXPECT_EQ(syncs, 2);
}

TEST_F(ElsewhereTest, TheEndOfSyncWaitsForTheFirstAnswersAndNotForTheOtherHost) {
  run("c1", kFive);
  run("c2", kSix);
  brain.zebra_lost();
  asked.clear();
  brain.zebra_connected();
  work();
  EXPECT_THAT(asked, ElementsAre(kFive, kSix));
  answer(kFive, {kBgp});
  EXPECT_EQ(syncs, 1);
  answer(kSix, {});
  EXPECT_EQ(syncs, 2);
  EXPECT_FALSE(rib.contains(kFive));
  EXPECT_TRUE(brain.in_sync());
}

TEST_F(ElsewhereTest, ASessionThatEndsInTheMiddleOfAQuestionAsksAnew) {
  run("c1", kFive);
  brain.zebra_lost();
  EXPECT_EQ(view().reason, "zebra is away");
  answer(kFive, {});  // of the session that is over
  EXPECT_FALSE(rib.contains(kFive));
  asked.clear();
  brain.zebra_connected();
  work();
  EXPECT_THAT(asked, ElementsAre(kFive));
  answer(kFive, {});
  EXPECT_TRUE(rib.contains(kFive));
}

TEST_F(ElsewhereTest, WhatIsRefusedInTwoSessionsIsToldOnce) {
  run("c1", kFive);
  answer(kFive, {kBgp});
  pass(30, {kBgp});
  for (int session = 0; session < 3; ++session) {
    brain.zebra_lost();
    brain.zebra_connected();
    work();
    answer(kFive, {kBgp});
    pass(30, {kBgp});
  }
  EXPECT_EQ(told.size(), 1u);
  brain.remove_container({"docker", "c1"});
  work();
  run("c1", kFive);
  answer(kFive, {kBgp});
  pass(30, {kBgp});
  EXPECT_EQ(told.size(), 2u) << "it began anew";
}

TEST_F(ElsewhereTest, AnAnswerForWhatIsWantedNoMoreIsLeftAside) {
  run("c1", kFive);
  brain.remove_container({"docker", "c1"});
  work();
  answer(kFive, {});
  answer(kSix, {kBgp});
  EXPECT_FALSE(rib.contains(kFive));
  EXPECT_FALSE(brain.asks_wait());
  EXPECT_FALSE(brain.has_actions());
}

TEST_F(ElsewhereTest, ARefusalIsOfTheContainerThatWantsTheAddress) {
  run("c1", kFive, 2);
  answer(kFive, {kBgp});
  pass(30, {kBgp});
  run("c2", kFive, 1);  // the older one
  pass(64, {kBgp});
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0], "c1: " + kOwner);
  EXPECT_EQ(told[1], "c1: 10.10.1.5/32 belongs to c2");
  EXPECT_EQ(told[2], "c2: " + kOwner);
}

}  // namespace
}  // namespace berth
