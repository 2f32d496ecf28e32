// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/refusals.h"

namespace berth {

void Refusals::set(const ContainerKey& container, const std::string& scope, const SharedText& subject,
                   std::set<Refusal> now) {
  const auto entry = active_.find({container, scope});
  if (entry == active_.end() && now.empty()) return;
  for (const Refusal& refusal : now) {
    if (entry != active_.end() && entry->second.contains(refusal)) continue;
    ++counters_[refusal.counter];
    if (hook_) hook_(subject, refusal.why);
  }
  if (now.empty())
    active_.erase(entry);
  else
    active_[{container, scope}] = std::move(now);
}

}  // namespace berth
