// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/elsewhere.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace berth {
namespace {

// zebra's names of what other routers say.
constexpr std::array<std::string_view, 9> kProtocols = {"bgp",   "ospf",  "ospf6", "isis",      "rip",
                                                        "ripng", "eigrp", "babel", "openfabric"};

bool by_another_host(const RibRoute& route) {
  return std::find(kProtocols.begin(), kProtocols.end(), route.type) != kProtocols.end() &&
         std::any_of(route.next_hops.begin(), route.next_hops.end(),
                     [](const RibNextHop& hop) { return hop.gateway || !hop.interface.empty(); });
}

std::string text_of(const Prefix& address, const RibRoute& route) {
  std::string out = address.address().to_string() + " is advertised by another host already: " + route.type;
  const char* between = " via ";
  for (const RibNextHop& hop : route.next_hops) {
    out += between;
    if (hop.gateway) out += hop.gateway->to_string() + (hop.interface.empty() ? "" : " on ");
    out += hop.interface;
    between = ", ";
  }
  return out;
}

}  // namespace

bool Elsewhere::may_announce(const Prefix& address) {
  const auto [at, is_new] = entries_.try_emplace(address);
  if (is_new) {
    due_.insert(address);
    ++unanswered_;
  }
  return at->second.is_answered && !at->second.owner;
}

void Elsewhere::forget(const Prefix& address) {
  const auto at = entries_.find(address);
  if (at == entries_.end()) return;
  if (!at->second.is_answered) --unanswered_;
  waiting_.erase({at->second.again, address});
  due_.erase(address);
  entries_.erase(at);
}

void Elsewhere::session_begun() {
  entries_.clear();
  due_.clear();
  waiting_.clear();
  unanswered_ = 0;
}

bool Elsewhere::answer(const RibFound& found) {
  const auto at = entries_.find(found.prefix);
  if (at == entries_.end()) return false;
  Entry& entry = at->second;
  const bool is_first = !std::exchange(entry.is_answered, true);
  if (is_first) --unanswered_;
  const auto is_ours = [](const RibRoute& route) { return route.ours; };
  const auto other = std::any_of(found.routes.begin(), found.routes.end(), is_ours)
                         ? found.routes.end()
                         : std::find_if(found.routes.begin(), found.routes.end(), by_another_host);
  waiting_.erase({entry.again, found.prefix});
  if (other == found.routes.end()) {
    due_.erase(found.prefix);
    return std::exchange(entry.owner, std::nullopt) || is_first;
  }
  if (!entry.owner) entry.since = now_;
  const bool was_lasting = entry.owner && entry.owner->is_lasting;
  const std::uint64_t lasts = entry.since + kLasting;
  entry.owner = Owner{text_of(found.prefix, *other), now_ >= lasts};
  // In time to know it when it begins to last.
  entry.again = now_ + entry.delay.next();
  if (now_ < lasts) entry.again = std::min(entry.again, lasts);
  waiting_.insert({entry.again, found.prefix});
  return is_first || entry.owner->is_lasting != was_lasting;
}

std::optional<Prefix> Elsewhere::take() {
  if (due_.empty()) return std::nullopt;
  return due_.extract(due_.begin()).value();
}

bool Elsewhere::is_unanswered(const Prefix& address) const {
  const auto at = entries_.find(address);
  return at != entries_.end() && !at->second.is_answered;
}

const Elsewhere::Owner* Elsewhere::owner(const Prefix& address) const {
  const auto at = entries_.find(address);
  return at == entries_.end() || !at->second.owner ? nullptr : &*at->second.owner;
}

void Elsewhere::ask_again() {
  for (++now_; !waiting_.empty() && waiting_.begin()->first <= now_; waiting_.erase(waiting_.begin()))
    due_.insert(waiting_.begin()->second);
}

}  // namespace berth
