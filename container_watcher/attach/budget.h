// SPDX-License-Identifier: GPL-2.0-or-later
//
// How often something may be set right again: somebody else may undo it at once, and both would spin. Not locked.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

namespace berth {

class Budget {
 public:
  using Clock = std::chrono::steady_clock;
  Budget(std::size_t most, Clock::duration window) : most_(most), window_(window) {}
  bool take() {
    while (!taken_.empty() && taken_.front() + window_ < Clock::now()) taken_.pop_front();
    if (taken_.size() >= most_) return false;
    taken_.push_back(Clock::now());
    return true;
  }
  bool idle() const { return taken_.empty() || taken_.back() + window_ < Clock::now(); }

 private:
  std::size_t most_;
  Clock::duration window_;
  std::deque<Clock::time_point> taken_;
};

}  // namespace berth
