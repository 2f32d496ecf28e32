// SPDX-License-Identifier: GPL-2.0-or-later
//
// The log. A line goes into a bounded queue, and from there to its target on a thread of the target's own: a pipe that nobody
// reads, or a syslog that hangs, holds up nobody. What finds the queue full is dropped and counted, and told where it is
// missing as soon as there is room again.
//
// spdlog's default logger writes here once set() was called; spdlog::info and its like may be called from any thread. Owner:
// main(). Of FRR's five levels spdlog lacks the one between warnings and informational: that is notice().
#pragma once

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/config.h"

namespace berth {

// berth has no use for spdlog's `critical`; it carries what FRR calls notifications.
inline constexpr auto kNotice = spdlog::level::critical;

// What an operator wants to know of a daemon that is well: who came and went, what was changed.
template <class... Args>
void notice(spdlog::format_string_t<Args...> text, Args&&... args) {
  spdlog::default_logger_raw()->log(kNotice, text, std::forward<Args>(args)...);
}

// "error", "warning", "notice", "info", "debug"
std::string_view level_name(spdlog::level::level_enum level);

class Log {
 public:
  // Makes what writes to a target, on the target's own thread: this may block.
  using MakeSink = std::function<spdlog::sink_ptr(const std::string& target)>;
  explicit Log(MakeSink make = default_sink, std::size_t most_bytes = 4u << 20);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void set(const LogConfig& config);  // never blocks
  std::uint64_t dropped() const;      // lines
  // Writes what is queued, for that long at most. False: something is stuck, and its thread with it: the process can only
  // be left, not ended in order.
  bool end(std::chrono::milliseconds patience);

  static spdlog::sink_ptr default_sink(const std::string& target);

 private:
  class Queue;
  class Front;
  MakeSink make_;
  const std::size_t most_bytes_;
  std::map<std::string, std::shared_ptr<Queue>> queues_;  // by target; one that was left may be come back to
  std::shared_ptr<Front> front_;
  std::shared_ptr<spdlog::logger> logger_, before_;
};

}  // namespace berth
