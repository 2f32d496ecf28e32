// SPDX-License-Identifier: GPL-2.0-or-later
//
// zebra's answers in the log. Each at level debugging; at informational a sum of them once a second; as a warning a route that
// zebra does not take, once while it stays so, and not more than a few of them at a time. Thread: the daemon's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/rib.h"
#include "daemon/timers.h"

namespace berth {

class AnswerLog {
 public:
  explicit AnswerLog(Timers& timers) : timers_(timers), timer_(timers.make()) {}
  void tell(const RibAnswer& answer);
  void stop();  // says what is not said yet

 private:
  void tell_sum();

  Timers& timers_;
  std::unique_ptr<Timer> timer_;
  std::map<RibState, std::size_t> sum_;  // of this second
  std::size_t single_ = 0, untold_ = 0;  // of this second: lines about single routes, and those that were too many
  std::map<RibKey, std::pair<RibState, std::string>> refused_;  // what zebra does not take, and why
};

}  // namespace berth
