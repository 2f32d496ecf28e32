// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/delta_tracker.h"

#include <algorithm>
#include <utility>

namespace berth {

void DeltaTracker::want(const RibObject& object, const SharedText& network) {
  Wanted& wanted = wanted_[object.key];
  if (!(wanted.object == object)) relent(object.key);
  wanted = {object, network};
  check(object.key);
}

void DeltaTracker::unwant(const RibKey& key) {
  if (wanted_.erase(key) > 0) relent(key);
  check(key);
}

void DeltaTracker::check(const RibKey& key) {
  ++checks_;
  const auto wanted = wanted_.find(key);
  const auto said = told_.find(key);
  bool differs = false;
  if (wanted != wanted_.end())
    differs = said == told_.end() || said->second.object != wanted->second.object;
  else
    differs = said != told_.end() && said->second.object.has_value();
  if (differs)
    due_.insert(key);
  else
    due_.erase(key);
}

std::optional<DeltaTracker::Change> DeltaTracker::take() {
  if (due_.empty()) return std::nullopt;
  const RibKey key = *due_.begin();
  due_.erase(due_.begin());
  if (const auto failure = failed_.find(key); failure != failed_.end()) failure->second.waits = false;
  const auto wanted = wanted_.find(key);
  const auto [said, added] = told_.try_emplace(key);
  Told& told = said->second;
  told.answered = {};
  if (wanted == wanted_.end()) {
    told.object.reset();
    return key;
  }
  const SharedText& network = wanted->second.network;
  if (added) {
    told.network = network;
    hold(network);
  } else if (told.network != network) {
    // Of two moves without an answer between them the first network may be free too early only if it is not the one
    // that zebra's next hop is in; the last answered one is kept.
    if (told.moving_from.empty())
      told.moving_from = std::exchange(told.network, network);
    else
      release(std::exchange(told.network, network));
    hold(network);
  }
  told.object = wanted->second.object;
  return *told.object;
}

void DeltaTracker::answer(const RibAnswer& answer) {
  const auto said = told_.find(answer.key);
  if (said == told_.end()) return;
  Told& told = said->second;
  if (!told.object) {  // a removal
    if (answer.state == RibState::Gone) {
      failed_.erase(answer.key);
      forget(said);
      check(answer.key);
    } else if (answer.state == RibState::Rejected) {
      fail(answer.key);
    }
    return;
  }
  told.answered = {answer.state, answer.reason};
  const bool failed = answer.state == RibState::Gone || answer.state == RibState::Rejected;
  if (failed)
    fail(answer.key);
  else
    failed_.erase(answer.key);
  // A refused change leaves what was there before: only what zebra took ends the old network's part.
  if (answer.state != RibState::Rejected && !told.moving_from.empty()) release(std::exchange(told.moving_from, {}));
}

void DeltaTracker::fail(const RibKey& key) {
  Failure& failure = failed_[key];
  if (failure.waits) return;
  failure.waits = true;
  failure.at = retries_ + failure.delay;
  failure.delay = std::min(failure.delay * 2, kMostRetries);
}

// The wish has changed: the failure stays one, since the wish may change back, but it is not made to wait long.
void DeltaTracker::relent(const RibKey& key) {
  const auto failure = failed_.find(key);
  if (failure == failed_.end()) return;
  failure->second.delay = 1;
  failure->second.at = std::min(failure->second.at, retries_ + 1);
}

void DeltaTracker::retry() {
  ++retries_;
  for (auto& [key, failure] : failed_) {
    if (!failure.waits || failure.at > retries_) continue;
    failure.waits = false;
    due_.insert(key);
  }
}

void DeltaTracker::session_begun() {
  told_.clear();
  told_of_.clear();
  failed_.clear();
  due_.clear();
  for (const auto& [key, wanted] : wanted_) check(key);
}

void DeltaTracker::session_lost() {
  for (auto& [key, told] : told_) told.answered.state = RibState::Stale;
}

std::optional<DeltaTracker::Answered> DeltaTracker::state(const RibKey& key) const {
  const auto said = told_.find(key);
  if (said == told_.end()) return std::nullopt;
  return said->second.answered;
}

void DeltaTracker::hold(const SharedText& network) {
  ++told_of_[network];
}

void DeltaTracker::release(const SharedText& network) {
  const auto entry = told_of_.find(network);
  if (entry != told_of_.end() && --entry->second == 0) told_of_.erase(entry);
}

void DeltaTracker::forget(std::unordered_map<RibKey, Told>::iterator said) {
  release(said->second.network);
  if (!said->second.moving_from.empty()) release(said->second.moving_from);
  told_.erase(said);
}

}  // namespace berth
