// SPDX-License-Identifier: GPL-2.0-or-later
//
// The module's transition table, without a zebra: every cell is either what is written down here, or undefined; and the
// life of an object has the properties that the rest of the module relies on.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

extern "C" {
#include "fpm_bridge/zebra/state.h"
}

namespace {

using State = berth_state;
using Event = berth_event;
using Step = std::pair<State, berth_action>;

std::vector<State> states() {
  std::vector<State> out;
  for (int i = 0; i < BERTH_STATES; i++) out.push_back(static_cast<State>(i));
  return out;
}

std::vector<Event> events() {
  std::vector<Event> out;
  for (int i = 0; i < BERTH_EVENTS; i++) out.push_back(static_cast<Event>(i));
  return out;
}

// Written by hand a second time: a cell that changes in one of the two is seen.
const std::map<std::pair<State, Event>, Step> kTable = {
    {{BERTH_NEW, BERTH_EV_PUT}, {BERTH_QUEUED, BERTH_DO_PUT}},
    {{BERTH_NEW, BERTH_EV_WITHHOLD}, {BERTH_WITHHELD, BERTH_DO_REMOVE}},
    {{BERTH_QUEUED, BERTH_EV_PUT}, {BERTH_QUEUED, BERTH_DO_PUT}},
    {{BERTH_QUEUED, BERTH_EV_WITHHOLD}, {BERTH_WITHHELD, BERTH_DO_REMOVE}},
    {{BERTH_QUEUED, BERTH_EV_SEEN}, {BERTH_PRESENT, BERTH_DO_NOTHING}},
    {{BERTH_QUEUED, BERTH_EV_REFUSE}, {BERTH_REFUSED, BERTH_DO_REMOVE}},
    {{BERTH_QUEUED, BERTH_EV_MOVE}, {BERTH_QUEUED, BERTH_DO_REMOVE}},
    {{BERTH_QUEUED, BERTH_EV_TAKE}, {BERTH_LEAVING, BERTH_DO_REMOVE}},
    {{BERTH_QUEUED, BERTH_EV_SWEEP}, {BERTH_SWEPT, BERTH_DO_REMOVE}},
    {{BERTH_PRESENT, BERTH_EV_PUT}, {BERTH_QUEUED, BERTH_DO_PUT}},
    {{BERTH_PRESENT, BERTH_EV_WITHHOLD}, {BERTH_WITHHELD, BERTH_DO_REMOVE}},
    {{BERTH_PRESENT, BERTH_EV_SEEN}, {BERTH_PRESENT, BERTH_DO_NOTHING}},
    {{BERTH_PRESENT, BERTH_EV_REFUSE}, {BERTH_REFUSED, BERTH_DO_REMOVE}},
    {{BERTH_PRESENT, BERTH_EV_MOVE}, {BERTH_PRESENT, BERTH_DO_REMOVE}},
    {{BERTH_PRESENT, BERTH_EV_TAKE}, {BERTH_LEAVING, BERTH_DO_REMOVE}},
    {{BERTH_PRESENT, BERTH_EV_SWEEP}, {BERTH_SWEPT, BERTH_DO_REMOVE}},
    {{BERTH_WITHHELD, BERTH_EV_PUT}, {BERTH_QUEUED, BERTH_DO_PUT}},
    {{BERTH_WITHHELD, BERTH_EV_WITHHOLD}, {BERTH_WITHHELD, BERTH_DO_REMOVE}},
    {{BERTH_WITHHELD, BERTH_EV_TAKE}, {BERTH_LEAVING, BERTH_DO_REMOVE}},
    {{BERTH_WITHHELD, BERTH_EV_SWEEP}, {BERTH_SWEPT, BERTH_DO_REMOVE}},
    {{BERTH_REFUSED, BERTH_EV_PUT}, {BERTH_QUEUED, BERTH_DO_PUT}},
    {{BERTH_REFUSED, BERTH_EV_WITHHOLD}, {BERTH_WITHHELD, BERTH_DO_REMOVE}},
    {{BERTH_REFUSED, BERTH_EV_TAKE}, {BERTH_LEAVING, BERTH_DO_REMOVE}},
    {{BERTH_REFUSED, BERTH_EV_SWEEP}, {BERTH_SWEPT, BERTH_DO_REMOVE}},
    {{BERTH_LEAVING, BERTH_EV_PUT}, {BERTH_QUEUED, BERTH_DO_PUT}},
    {{BERTH_LEAVING, BERTH_EV_WITHHOLD}, {BERTH_WITHHELD, BERTH_DO_REMOVE}},
    {{BERTH_LEAVING, BERTH_EV_MOVE}, {BERTH_LEAVING, BERTH_DO_REMOVE}},
    {{BERTH_LEAVING, BERTH_EV_TAKE}, {BERTH_LEAVING, BERTH_DO_REMOVE}},
    {{BERTH_LEAVING, BERTH_EV_UNLINK}, {BERTH_GONE, BERTH_DO_FORGET}},
    {{BERTH_SWEPT, BERTH_EV_PUT}, {BERTH_QUEUED, BERTH_DO_PUT}},
    {{BERTH_SWEPT, BERTH_EV_WITHHOLD}, {BERTH_WITHHELD, BERTH_DO_REMOVE}},
    {{BERTH_SWEPT, BERTH_EV_MOVE}, {BERTH_SWEPT, BERTH_DO_REMOVE}},
    {{BERTH_SWEPT, BERTH_EV_TAKE}, {BERTH_LEAVING, BERTH_DO_REMOVE}},
    {{BERTH_SWEPT, BERTH_EV_UNLINK}, {BERTH_GONE, BERTH_DO_FORGET}},
};

std::string name(State state, Event event) {
  return std::string(berth_state_name(state)) + " x " + berth_event_name(event);
}

TEST(ModuleState, EachCellIsAsWrittenDownOrUndefined) {
  for (const State state : states())
    for (const Event event : events()) {
      const berth_transition* found = berth_state_next(state, event);
      const auto expected = kTable.find({state, event});
      ASSERT_EQ(found != nullptr, expected != kTable.end()) << name(state, event);
      if (!found) continue;
      EXPECT_EQ(found->next, expected->second.first) << name(state, event);
      EXPECT_EQ(found->action, expected->second.second) << name(state, event);
    }
}

TEST(ModuleState, WhatIsNoStateOrEventHasNoTransition) {
  for (const int wrong : {-1, static_cast<int>(BERTH_STATES), 1 << 20}) {
    EXPECT_EQ(berth_state_next(static_cast<State>(wrong), BERTH_EV_PUT), nullptr);
    EXPECT_STREQ(berth_state_name(static_cast<State>(wrong)), "?");
  }
  for (const int wrong : {-1, static_cast<int>(BERTH_EVENTS), 1 << 20}) {
    EXPECT_EQ(berth_state_next(BERTH_NEW, static_cast<Event>(wrong)), nullptr);
    EXPECT_STREQ(berth_event_name(static_cast<Event>(wrong)), "?");
  }
}

// Everything that can be reached from a state, itself included.
std::set<State> reachable(State from) {
  std::set<State> seen = {from};
  std::vector<State> open = {from};
  while (!open.empty()) {
    const State state = open.back();
    open.pop_back();
    for (const Event event : events())
      if (const berth_transition* next = berth_state_next(state, event); next && seen.insert(next->next).second)
        open.push_back(next->next);
  }
  return seen;
}

TEST(ModuleState, EveryStateIsReachedFromTheFirstAndLeadsToTheEnd) {
  EXPECT_EQ(reachable(BERTH_NEW).size(), states().size());
  for (const State state : states()) EXPECT_EQ(reachable(state).count(BERTH_GONE), 1u) << berth_state_name(state);
}

TEST(ModuleState, NothingComesAfterTheEndNorBackToTheBeginning) {
  EXPECT_EQ(reachable(BERTH_GONE), std::set<State>{BERTH_GONE});
  for (const State state : states())
    EXPECT_EQ(reachable(state).count(BERTH_NEW), state == BERTH_NEW ? 1u : 0u) << berth_state_name(state);
}

TEST(ModuleState, TheMemoryGoesExactlyWhenTheObjectIsGone) {
  for (const State state : states())
    for (const Event event : events())
      if (const berth_transition* next = berth_state_next(state, event)) {
        EXPECT_EQ(next->action == BERTH_DO_FORGET, next->next == BERTH_GONE) << name(state, event);
      }
}

// Law 4: what is held out or leaves was taken out of the RIB; what is in it was put there, or seen.
TEST(ModuleState, WhatIsDoneFitsTheStateThatIsEntered) {
  for (const State state : states())
    for (const Event event : events()) {
      const berth_transition* next = berth_state_next(state, event);
      if (!next) continue;
      const bool enters = berth_state_in_rib(next->next) && !berth_state_in_rib(state);
      if (berth_state_held_out(next->next) || berth_state_leaving(next->next)) {
        EXPECT_EQ(next->action, BERTH_DO_REMOVE) << name(state, event);
      } else if (enters || event == BERTH_EV_PUT) {
        EXPECT_EQ(next->action, BERTH_DO_PUT) << name(state, event);
      }
    }
}

// berthd may say anything at any time of an object that it knows of, in any order.
TEST(ModuleState, BerthdsWordsAreDefinedWhereverBerthdCanSayThem) {
  for (const State state : states()) {
    if (state == BERTH_GONE) continue;
    EXPECT_NE(berth_state_next(state, BERTH_EV_PUT), nullptr) << berth_state_name(state);
    EXPECT_NE(berth_state_next(state, BERTH_EV_WITHHOLD), nullptr) << berth_state_name(state);
    EXPECT_EQ(berth_state_next(state, BERTH_EV_TAKE) != nullptr, state != BERTH_NEW) << berth_state_name(state);
  }
}

TEST(ModuleState, EachStateIsOfOneKindAndHasAName) {
  std::set<std::string> names;
  for (const State state : states()) {
    const int kinds = static_cast<int>(berth_state_in_rib(state)) + static_cast<int>(berth_state_held_out(state)) +
                      static_cast<int>(berth_state_leaving(state));
    EXPECT_EQ(kinds, state == BERTH_NEW || state == BERTH_GONE ? 0 : 1) << berth_state_name(state);
    names.insert(berth_state_name(state));
  }
  for (const Event event : events()) names.insert(berth_event_name(event));
  EXPECT_EQ(names.size(), states().size() + events().size());
  EXPECT_EQ(names.count("?"), 0u);
}

}  // namespace
