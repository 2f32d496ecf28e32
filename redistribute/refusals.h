// SPDX-License-Identifier: GPL-2.0-or-later
//
// What was refused to whom: each refusal is told and counted once when it begins, and not again while it lasts. Pure; one
// thread, the daemon's. Owner: the Redistributor. Subjects and reasons may come from hostile labels: see printable().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/facts.h"

namespace berth {

struct Refusal {
  std::string counter;  // "refusedLabel", …
  std::string why;
  auto operator<=>(const Refusal&) const = default;
};

class Refusals {
 public:
  using Hook = std::function<void(const std::string& subject, const std::string& why)>;
  void on_refusal(Hook hook) { hook_ = std::move(hook); }

  // All that is refused to this container within one scope ("labels and addresses", or one address); empty: nothing any
  // more.
  void set(const ContainerKey& container, const std::string& scope, const SharedText& subject, std::set<Refusal> now);
  const std::map<std::string, std::uint64_t>& counters() const { return counters_; }

 private:
  std::map<std::pair<ContainerKey, std::string>, std::set<Refusal>> active_;
  std::map<std::string, std::uint64_t> counters_;
  Hook hook_;
};

}  // namespace berth
