// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/rib_watch.h"

#include <algorithm>
#include <utility>

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr std::chrono::milliseconds kFirst = 4ms, kLast = 5000ms;  // between two looks at one key
constexpr auto kSettled = 1500ms;  // so long what is seen may be on its way to something else
constexpr auto kRest = 100ms;      // between two handfuls of those that do not change
constexpr std::size_t kHandful = 24;

}  // namespace

bool RibWatch::settled(const Look& look, Time now) const {
  return now - look.since >= kSettled;
}

bool RibWatch::is_on_its_way(const RibKey& key, Time now) const {
  const auto at = looks_.find(key);
  return at != looks_.end() && !settled(at->second, now);
}

RibWatch::Time RibWatch::due() const {
  // One that is new is at once due; the others wait for the rest to end.
  Time out = kNever;
  for (const auto& [key, each] : looks_) {
    const bool waits = settled(each, each.due);
    out = std::min(out, waits ? std::max(each.due, rests_until_) : each.due);
  }
  return out;
}

RibWatch::Questions RibWatch::questions(Time now) {
  Questions out;
  std::set<Prefix> alone;
  std::vector<std::pair<Time, Prefix>> old;
  for (const auto& [key, each] : looks_) {
    if (each.due > now) continue;
    if (settled(each, each.due))
      old.emplace_back(each.due, key.prefix);
    else if (key.kind == RibKind::ConnectedTag)
      alone.insert(key.prefix);
    else
      out.together.push_back(key);
  }
  if (out.together.size() <= kHandful) {
    for (const RibKey& each : out.together) alone.insert(each.prefix);
    out.together.clear();
  }
  if (now >= rests_until_ && !old.empty()) {
    std::ranges::sort(old);
    if (old.size() > kHandful) {
      old.resize(kHandful);
      rests_until_ = now + kRest;
    }
    for (const auto& [due, prefix] : old) alone.insert(prefix);
  }
  out.alone.assign(alone.begin(), alone.end());
  return out;
}

bool RibWatch::seen(const RibKey& key, bool arrived, Time now) {
  const auto at = looks_.find(key);
  if (at == looks_.end()) return false;
  if (arrived) {
    looks_.erase(at);
    return true;
  }
  Look& each = at->second;
  each.due = now + std::min(kFirst * (1 << std::min(each.tries++, 12)), kLast);
  return settled(each, now);
}

}  // namespace berth
