// SPDX-License-Identifier: GPL-2.0-or-later
//
// Holds work to a share of one core. Each piece of work is measured by the time that this thread has computed; who has used
// more than the share rests until the share has caught up. What was not used is saved up, to a bound: a single event after a
// quiet time never waits. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>

namespace berth {

class WorkShare {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = std::chrono::nanoseconds;
  // `divisor`: 40 is a fortieth of a core. `saved`: computing time that may be used at once after a rest.
  WorkShare(int divisor, Time saved) : divisor_(divisor), saved_(saved) {}

  static Time computed() {  // by this thread, ever (CLOCK_THREAD_CPUTIME_ID)
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + Time(time.tv_nsec);
  }

  void used(Time time, Clock::time_point now) {
    paid_until_ = std::max(paid_until_, now - saved_ * divisor_) + time * divisor_;
  }
  // When the next piece of work is due; in the past: now.
  Clock::time_point due() const { return paid_until_; }

 private:
  int divisor_;
  Time saved_;
  Clock::time_point paid_until_{};  // the work done is paid for by the share of the time up to here
};

}  // namespace berth
