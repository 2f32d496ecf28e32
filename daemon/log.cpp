// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/log.h"

#include <spdlog/details/log_msg_buffer.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <syslog.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace berth {
namespace {

using Line = spdlog::details::log_msg_buffer;

class LevelName : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view name = level_name(line.level);
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelName>(); }
};

// spdlog's own knows no notices.
class SyslogSink : public spdlog::sinks::sink {
 public:
  SyslogSink() { openlog("berthd", LOG_PID, LOG_DAEMON); }
  ~SyslogSink() override { closelog(); }
  void log(const spdlog::details::log_msg& line) override {
    const int priority = line.level == kNotice               ? LOG_NOTICE
                         : line.level == spdlog::level::err  ? LOG_ERR
                         : line.level == spdlog::level::warn ? LOG_WARNING
                         : line.level == spdlog::level::info ? LOG_INFO
                                                             : LOG_DEBUG;
    syslog(priority, "%.*s", static_cast<int>(line.payload.size()), line.payload.data());
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
};

}  // namespace

std::string_view level_name(spdlog::level::level_enum level) {
  if (level == kNotice) return "notice";
  const auto name = spdlog::level::to_string_view(level);
  return {name.data(), name.size()};
}

// One target's lines, and the thread that writes them. The thread holds the queue too: one that is stuck outlives the Log.
class Log::Queue : public std::enable_shared_from_this<Log::Queue> {
 public:
  explicit Queue(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  void begin(const MakeSink& make, const std::string& target) {
    std::thread([self = shared_from_this(), make, target] { self->write(make, target); }).detach();
  }

  void take(const spdlog::details::log_msg& line) {
    const std::lock_guard lock(mutex_);
    const std::size_t size = sizeof(Line) + line.payload.size();
    // One line alone always has room: it is not the line's length that a queue is there for.
    if (ended_ || (!lines_.empty() && bytes_ + size > most_bytes_)) {
      ++dropped_;
      ++untold_;
      return;
    }
    if (untold_) {
      const std::string gap = std::to_string(untold_) + " lines of the log are missing here: nobody took them in time";
      push({line.logger_name, spdlog::level::warn, gap});
      untold_ = 0;
    }
    push(line);
    ready_.notify_one();
  }

  std::uint64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }
  // True: all is written and the thread is done.
  bool end(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    ended_ = true;
    ready_.notify_one();
    return written_.wait_until(lock, deadline, [this] { return done_; });
  }

 private:
  void push(const spdlog::details::log_msg& line) {
    lines_.emplace_back(line);
    bytes_ += sizeof(Line) + line.payload.size();
  }

  void write(const MakeSink& make, const std::string& target) {
    spdlog::sink_ptr sink = make(target);
    std::unique_lock lock(mutex_);
    for (;;) {
      ready_.wait(lock, [this] { return ended_ || !lines_.empty(); });
      if (lines_.empty()) break;
      const Line line = std::move(lines_.front());
      lines_.pop_front();
      bytes_ -= sizeof(Line) + line.payload.size();
      lock.unlock();
      bool written = true;
      try {
        sink->log(line);
      } catch (const std::exception&) {
        written = false;  // a disk that is full, a pipe that is closed
      }
      lock.lock();
      if (!written) {
        ++dropped_;
        ++untold_;
      }
    }
    lock.unlock();
    sink.reset();  // before the last word: a sink may say something at its end
    lock.lock();
    done_ = true;
    written_.notify_all();
  }

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable ready_, written_;
  std::deque<Line> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0, untold_ = 0;
  bool ended_ = false, done_ = false;
};

// What the logger writes to, all the time; behind it the target changes.
class Log::Front : public spdlog::sinks::sink {
 public:
  void lead_to(std::shared_ptr<Queue> queue, bool notices) {
    const std::lock_guard lock(mutex_);
    queue_ = std::move(queue);
    notices_ = notices;
  }
  void log(const spdlog::details::log_msg& line) override {
    const std::lock_guard lock(mutex_);
    if (queue_ && (notices_ || line.level != kNotice)) queue_->take(line);
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  std::mutex mutex_;
  std::shared_ptr<Queue> queue_;
  bool notices_ = true;
};

Log::Log(MakeSink make, std::size_t most_bytes)
    : make_(std::move(make)),
      most_bytes_(most_bytes),
      front_(std::make_shared<Front>()),
      logger_(std::make_shared<spdlog::logger>("berthd", front_)),
      before_(spdlog::default_logger()) {}

Log::~Log() {
  if (spdlog::default_logger() == logger_) spdlog::set_default_logger(before_);
  end({});
}

void Log::set(const LogConfig& config) {
  auto& queue = queues_[config.target];
  if (!queue) {
    queue = std::make_shared<Queue>(most_bytes_);
    queue->begin(make_, config.target);
  }
  front_->lead_to(queue, config.level != "errors" && config.level != "warnings");
  // A notice passes each of these; the front looks at it.
  logger_->set_level(config.level == "errors"                                        ? spdlog::level::err
                     : config.level == "warnings" || config.level == "notifications" ? spdlog::level::warn
                     : config.level == "debugging"                                   ? spdlog::level::debug
                                                                                     : spdlog::level::info);
  if (spdlog::default_logger() != logger_) spdlog::set_default_logger(logger_);
}

std::uint64_t Log::dropped() const {
  std::uint64_t out = 0;
  for (const auto& [target, queue] : queues_) out += queue->dropped();
  return out;
}

bool Log::end(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  bool all = true;
  for (const auto& [target, queue] : queues_) all = queue->end(deadline) && all;
  return all;
}

spdlog::sink_ptr Log::default_sink(const std::string& target) {
  if (target == "syslog") return std::make_shared<SyslogSink>();
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto format = std::make_unique<spdlog::pattern_formatter>();
  format->add_flag<LevelName>('l').set_pattern("[%Y-%m-%d %H:%M:%S.%e] [%n] [%^%l%$] %v");
  sink->set_formatter(std::move(format));
  sink->set_color(kNotice, sink->green);
  return sink;
}

}  // namespace berth
