// SPDX-License-Identifier: GPL-2.0-or-later
//
// What should be somewhere else (in zebra's RIB, on the host), what was programmed there and what the other side answered, in
// one container that always knows the difference. Pure; the caller's thread. Memory: one entry for each key that is wanted or
// programmed. Each call costs O(log due), but for session_begun() and retry().
//
// A failure stays as a difference and is due again at retry(), at first at the next one, then after two, four, … at most
// kMostRetries of them, until the other side takes it or something else is wanted.
//
// A value may depend on something else that must stay there as long as the value does: a route on the attachment that it
// points at. `depends_on(value)`, found beside the value's type, says on what; holds() says whether anything still does.
//
// Invariants: a key is due exactly when what is wanted and what is programmed differ, it does not wait after a failure, and
// (one at a time) no answer is outstanding. A dependency is held until the other side has said that nothing needs it any more,
// the move of a value to another dependency included.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>

#include "core/backoff.h"

namespace berth {

// What became of a change.
enum class Outcome {
  Taken,    // it is there as it was said
  Refused,  // nothing changed: what was there before still is
  Gone,     // nothing is there (any more)
};

// Whether a key may have several changes under way, of which the last one counts, or the next waits for an answer.
enum class InFlight { Several, One };

template <class Key, class Value, class Answer = std::monostate>
class DeltaTracker {
 public:
  using Dependency = std::remove_cvref_t<decltype(depends_on(std::declval<const Value&>()))>;
  struct Change {
    Key key;
    std::optional<Value> value;  // absent: take it away
  };

  explicit DeltaTracker(InFlight in_flight = InFlight::Several) : in_flight_(in_flight) {}

  void want(const Key& key, Value value) {
    Entry& entry = entries_[key];
    if (entry.wanted != value) relent(key);
    entry.wanted = std::move(value);
    check(key);
  }
  void unwant(const Key& key) {
    const auto at = entries_.find(key);
    if (at != entries_.end() && at->second.wanted) {
      at->second.wanted.reset();
      relent(key);
    }
    check(key);
  }
  // What is programmed may not be there any more: it is said again, and at once.
  void doubt(const Key& key) {
    const auto at = entries_.find(key);
    if (at == entries_.end()) return;
    if (at->second.programmed) at->second.doubted = true;
    if (const auto failure = failed_.find(key); failure != failed_.end()) failure->second.state = Failure::Due;
    relent(key);
    check(key);
  }

  // The other side begins anew: nothing is programmed.
  void session_begun() {
    held_.clear();
    failed_.clear();
    due_.clear();
    std::erase_if(entries_, [](const auto& each) { return !each.second.wanted; });
    for (auto& [key, entry] : entries_) entry = Entry{std::move(entry.wanted)};
    for (const auto& [key, entry] : entries_) check(key);
  }
  // Of all that is programmed.
  template <class Function>
  void each_answer(Function change) {
    for (auto& [key, entry] : entries_)
      if (entry.there) change(entry.answer);
  }

  void answer(const Key& key, Outcome outcome, Answer what = {}) {
    const auto at = entries_.find(key);
    if (at == entries_.end() || !at->second.there) return;
    Entry& entry = at->second;
    entry.outstanding = false;
    if (!entry.programmed) {  // a removal
      if (outcome == Outcome::Gone) {
        failed_.erase(key);
        leave(entry);
        if (!entry.wanted) entries_.erase(at);
      } else if (outcome == Outcome::Refused) {
        fail(key);
      }
      return check(key);
    }
    entry.answer = std::move(what);
    if (outcome == Outcome::Taken)
      failed_.erase(key);
    else
      fail(key);
    // A refused change leaves what was there before: only what was taken ends the old dependency.
    if (outcome != Outcome::Refused && entry.moves_from) release(*std::exchange(entry.moves_from, std::nullopt));
    if (in_flight_ == InFlight::One) check(key);
  }
  // What was refused or lost becomes due again.
  void retry() {
    ++retries_;
    for (auto& [key, failure] : failed_) {
      if (failure.state != Failure::Waits || failure.at > retries_) continue;
      failure.state = Failure::Due;
      check(key);
    }
  }
  bool waits_for_retry() const {
    return std::any_of(failed_.begin(), failed_.end(),
                       [](const auto& each) { return each.second.state == Failure::Waits; });
  }

  bool has_due() const { return !due_.empty(); }
  template <class May>
  bool any_due(May may) const {
    return std::any_of(due_.begin(), due_.end(), [&](const Key& key) {
      const Entry& entry = entries_.at(key);
      return may(key, entry.wanted ? &*entry.wanted : nullptr);
    });
  }
  // The next difference; from then on it counts as programmed.
  std::optional<Change> take() {
    if (due_.empty()) return std::nullopt;
    const auto taken = due_.extract(due_.begin());
    return program(taken.value());
  }
  // Each difference that `may` lets pass, in one walk over them.
  template <class May, class Each>
  void take_all(May may, Each each) {
    for (auto next = due_.begin(); next != due_.end();) {
      const auto here = next++;
      const Entry& entry = entries_.at(*here);
      if (!may(*here, entry.wanted ? &*entry.wanted : nullptr)) continue;
      const auto taken = due_.extract(here);
      each(program(taken.value()));
    }
  }

  bool is_programmed(const Key& key) const {
    const auto at = entries_.find(key);
    return at != entries_.end() && at->second.there;
  }
  bool is_outstanding(const Key& key) const {
    const auto at = entries_.find(key);
    return at != entries_.end() && at->second.outstanding;
  }
  bool has_failed(const Key& key) const { return failed_.contains(key); }
  const Value* wanted(const Key& key) const {
    const auto at = entries_.find(key);
    return at != entries_.end() && at->second.wanted ? &*at->second.wanted : nullptr;
  }
  // What is, or may still be, there; nullptr: nothing, or it is being taken away.
  const Value* programmed(const Key& key) const {
    const auto at = entries_.find(key);
    return at != entries_.end() && at->second.programmed ? &*at->second.programmed : nullptr;
  }
  const Answer* answer_of(const Key& key) const {  // nullptr: nothing is programmed
    const auto at = entries_.find(key);
    return at != entries_.end() && at->second.there ? &at->second.answer : nullptr;
  }
  bool holds(const Dependency& on) const { return held_.contains(on); }
  std::uint64_t checks() const { return checks_; }  // comparisons of one key, ever: the work done

 private:
  struct Entry {
    std::optional<Value> wanted;
    std::optional<Value> programmed;             // absent, while `there`: a removal is on its way
    std::optional<Dependency> held, moves_from;  // the latter until the answer
    Answer answer = {};
    bool there = false;        // something was programmed, and is not known to be gone
    bool outstanding = false;  // an answer is
    bool doubted = false;
  };
  static constexpr std::uint64_t kMostRetries = 64;
  struct Failure {
    Backoff<std::uint64_t> delay{1, kMostRetries};  // in calls of retry()
    std::uint64_t at = 0;
    enum { Waits, Due, Tried } state = Tried;
  };

  static bool differs(const Entry& entry) {
    if (!entry.wanted) return entry.there && entry.programmed;
    return !entry.there || entry.doubted || entry.programmed != entry.wanted;
  }
  void check(const Key& key) {
    ++checks_;
    const auto at = entries_.find(key);
    if (at == entries_.end()) {
      due_.erase(key);
      return;
    }
    const auto failure = failed_.find(key);
    const bool again = failure != failed_.end() && failure->second.state == Failure::Due && at->second.there;
    if ((differs(at->second) || again) && !(in_flight_ == InFlight::One && at->second.outstanding))
      due_.insert(key);
    else
      due_.erase(key);
    if (!at->second.wanted && !at->second.there) entries_.erase(at);
  }
  Change program(const Key& key) {
    if (const auto failure = failed_.find(key); failure != failed_.end()) failure->second.state = Failure::Tried;
    Entry& entry = entries_.at(key);
    entry.there = entry.outstanding = true;
    entry.doubted = false;
    if (entry.programmed != entry.wanted || !entry.wanted) entry.answer = {};
    entry.programmed = entry.wanted;
    if (!entry.wanted) return {key, std::nullopt};
    const Dependency on = depends_on(*entry.wanted);
    if (entry.held != on) {
      // Of two moves without an answer between them the first dependency may be free too early only if it is not the one
      // that the other side has; the last answered one is kept.
      if (entry.held && !entry.moves_from)
        entry.moves_from = entry.held;
      else if (entry.held)
        release(*entry.held);
      entry.held = on;
      ++held_[on];
    }
    return {key, entry.programmed};
  }
  void leave(Entry& entry) {
    if (entry.held) release(*entry.held);
    if (entry.moves_from) release(*entry.moves_from);
    entry = Entry{std::move(entry.wanted)};
  }
  void release(const Dependency& on) {
    const auto at = held_.find(on);
    if (at != held_.end() && --at->second == 0) held_.erase(at);
  }
  void fail(const Key& key) {
    Failure& failure = failed_[key];
    if (failure.state == Failure::Waits) return;
    failure.state = Failure::Waits;
    failure.at = retries_ + failure.delay.next();
  }
  // What is wanted has changed: the failure stays one, since it may change back, but it is not made to wait long.
  void relent(const Key& key) {
    const auto failure = failed_.find(key);
    if (failure == failed_.end()) return;
    failure->second.delay.reset();
    failure->second.at = std::min(failure->second.at, retries_ + 1);
  }

  const InFlight in_flight_;
  std::unordered_map<Key, Entry> entries_;
  std::map<Dependency, std::size_t> held_;  // by how many entries
  std::set<Key> due_;
  std::map<Key, Failure> failed_;
  std::uint64_t retries_ = 0;
  std::uint64_t checks_ = 0;
};

}  // namespace berth
