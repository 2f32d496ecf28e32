// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rules in force, read when they have changed. Blocks for some milliseconds then; on the worker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "container_watcher/firewall/nft.h"
#include "container_watcher/firewall/ruleset.h"
#include "core/result.h"

namespace berth::firewall {

class RulesReader {
 public:
  explicit RulesReader(Nft& nft) : nft_(nft) {}
  // Whether they are others than before. A failure leaves what was read before.
  Result<bool> read();
  // What was read may be old, whatever the kernel's number says: the next read() is a real one.
  void doubt() { generation_.reset(); }
  bool known() const { return known_; }  // they were ever read
  // Never changed: other rules are another object.
  const std::shared_ptr<const Ruleset>& rules() const { return rules_; }

 private:
  Nft& nft_;
  std::shared_ptr<const Ruleset> rules_ = std::make_shared<Ruleset>();
  bool known_ = false;
  std::optional<std::uint32_t> generation_;  // the kernel's number of that state of the rules
};

}  // namespace berth::firewall
