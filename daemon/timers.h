// SPDX-License-Identifier: GPL-2.0-or-later
//
// The clock as the daemon's decisions see it, so that a test can turn it by hand. One thread: the daemon's.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace berth {

class Timer {
 public:
  using Time = std::chrono::steady_clock::time_point;
  virtual ~Timer() = default;
  virtual void at(Time due, std::function<void()> then) = 0;  // once; what was asked for before is forgotten
  virtual void cancel() = 0;
};

class Timers {
 public:
  virtual ~Timers() = default;
  virtual Timer::Time now() const = 0;
  virtual std::chrono::system_clock::time_point wall() const = 0;
  virtual std::unique_ptr<Timer> make() = 0;
};

}  // namespace berth
