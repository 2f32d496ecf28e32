// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/repair.h"

#include <set>

using namespace std::chrono_literals;

namespace berth {
namespace {

// Docker that makes its bridge anew gives it the address itself, and fails if it is there.
constexpr auto kDockerAtWork = 1s;
constexpr std::size_t kMostTimes = 5;
constexpr auto kTimesWindow = 60s;

// Of a link that is ours to make the address is ours to give, too.
Budget::Clock::duration patience(const Sequence& sequence) {
  return std::holds_alternative<PutAddress>(sequence.front()) ? Budget::Clock::duration(kDockerAtWork)
                                                              : Budget::Clock::duration(0);
}

// What somebody undoes again and again: a link rather than what is put on it.
const Operation& subject_of(const Sequence& sequence) {
  return std::holds_alternative<PutLink>(sequence.front()) ? sequence.front() : sequence.back();
}

// Routes come and go as often as containers do, and nobody undoes anything.
bool follows_routes(const Operation& aim) {
  return std::holds_alternative<PutNeighbour>(aim) || std::holds_alternative<DeleteNeighbour>(aim) ||
         std::holds_alternative<AnnounceAddress>(aim);
}

}  // namespace

Repair::Outcome Repair::apply(const std::vector<Sequence>& all) {
  Outcome out;
  std::set<Operation> now;
  const auto time = Budget::Clock::now();
  for (const Sequence& sequence : all) {
    const Operation& aim = sequence.back();
    if (!now.insert(aim).second) continue;
    Wanted& wanted = wanted_.try_emplace(aim, Wanted{time, Budget(kMostTimes, kTimesWindow)}).first->second;
    if (wanted.since == Budget::Clock::time_point{}) wanted.since = time;  // it is wanted anew
    if (time - wanted.since < patience(sequence)) {
      out.waiting = true;
      continue;
    }
    wanted.since = time;  // until it is wanted for so long again
    if (!follows_routes(aim) && !wanted.budget.take()) {
      out.undone.push_back(wanted.failed.value_or(Undone{subject_of(sequence), true, {}}));
      continue;
    }
    wanted.failed.reset();
    for (const Operation& each : sequence) {
      const Status done = executor_.apply(each);
      if (!done) {
        wanted.failed = {each, false, done.error()};
        out.undone.push_back(*wanted.failed);
        break;
      }
      out.changed = true;
    }
  }
  for (auto& [operation, wanted] : wanted_)
    if (!now.contains(operation)) wanted.since = {};
  std::erase_if(wanted_, [](auto& each) {
    return each.second.since == Budget::Clock::time_point{} && each.second.budget.idle();
  });
  return out;
}

}  // namespace berth
