// SPDX-License-Identifier: GPL-2.0-or-later
//
// How long to wait before a failure is tried again: longer each time, up to a limit. Pure: the caller has the clock; the
// unit is the caller's too (a duration, or calls of something).
#pragma once

#include <algorithm>
#include <utility>

namespace berth {

template <class Delay>
class Backoff {
 public:
  Backoff(Delay first, Delay last) : first_(first), last_(last), next_(first) {}
  // After another failure: how long to wait now.
  Delay next() { return std::exchange(next_, std::min<Delay>(next_ * 2, last_)); }
  void reset() { next_ = first_; }

 private:
  Delay first_, last_, next_;
};

}  // namespace berth
