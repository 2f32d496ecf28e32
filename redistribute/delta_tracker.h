// SPDX-License-Identifier: GPL-2.0-or-later
//
// What zebra should hold, what it was told and what it answered, in one container that always knows the difference.
// Pure; one thread, the daemon's. Owner: the Redistributor. A failure stays as a difference and is due again at retry(), at
// first at the next one, then after two, four, … at most kMostRetries of them, until zebra takes it or the wish changes.
//
// Invariants: a key is due exactly when wanted and told differ and no removal of it is under way. A network counts as
// told of (tells_of) until zebra has acknowledged that nothing of it is left, a change of its next hop included.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>

#include "core/rib.h"

namespace berth {

class DeltaTracker {
 public:
  using Change = std::variant<RibObject, RibKey>;  // announce this object, or withdraw that key
  struct Answered {
    RibState state = RibState::Pending;
    SharedText reason;
  };

  void want(const RibObject& object, const SharedText& network);
  void unwant(const RibKey& key);

  void session_begun();  // the new session was told nothing
  void session_lost();   // what was answered is not known to be so any more
  void answer(const RibAnswer& answer);
  void retry();  // what zebra refused or lost becomes due again

  bool has_due() const { return !due_.empty(); }
  std::optional<Change> take();  // the next difference; from then on it counts as told

  bool is_told(const RibKey& key) const { return told_.contains(key); }
  bool tells_of(const SharedText& network) const { return told_of_.contains(network); }
  std::optional<Answered> state(const RibKey& key) const;  // nullopt: not told
  std::uint64_t checks() const { return checks_; }         // comparisons of one key, ever: the work done

 private:
  struct Wanted {
    RibObject object;
    SharedText network;
  };
  struct Told {
    std::optional<RibObject> object;  // absent: a removal is on its way
    SharedText network;
    SharedText moving_from;  // the network that the object was of before; until the answer
    Answered answered;
  };
  void check(const RibKey& key);
  void hold(const SharedText& network);
  void release(const SharedText& network);
  void forget(std::unordered_map<RibKey, Told>::iterator said);

  std::unordered_map<RibKey, Wanted> wanted_;
  std::unordered_map<RibKey, Told> told_;
  std::map<SharedText, std::size_t> told_of_;  // network -> told objects of it
  struct Failure {
    std::uint64_t delay = 1, at = 0;  // in calls of retry()
    bool waits = false;
  };
  void fail(const RibKey& key);
  void relent(const RibKey& key);

  static constexpr std::uint64_t kMostRetries = 64;
  std::set<RibKey> due_;
  std::map<RibKey, Failure> failed_;
  std::uint64_t retries_ = 0;
  std::uint64_t checks_ = 0;
};

}  // namespace berth
