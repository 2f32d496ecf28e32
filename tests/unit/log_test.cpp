// SPDX-License-Identifier: GPL-2.0-or-later
//
// A log whose target takes nothing for a while: who logs is not held up, and what is lost is counted and told.
#include "daemon/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/sink.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace berth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

// Where the lines arrive. Closed, it keeps the one who writes.
struct Target {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> lines;
  bool open = true, fails = false, stuck = false;

  void let(bool through) {
    const std::lock_guard lock(mutex);
    open = through;
    changed.notify_all();
  }
  template <class Condition>
  bool until(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, condition);
  }
  std::vector<std::string> told() {
    const std::lock_guard lock(mutex);
    return lines;
  }
};

class TargetSink : public spdlog::sinks::sink {
 public:
  explicit TargetSink(std::shared_ptr<Target> target) : target_(std::move(target)) {}
  void log(const spdlog::details::log_msg& line) override {
    std::unique_lock lock(target_->mutex);
    target_->stuck = !target_->open;
    target_->changed.notify_all();
    target_->changed.wait(lock, [&] { return target_->open; });
    if (target_->fails) throw std::runtime_error("no space left");
    target_->lines.push_back(std::string(level_name(line.level)) + " " +
                             std::string(line.payload.data(), line.payload.size()));
    target_->changed.notify_all();
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  std::shared_ptr<Target> target_;
};

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override {
    for (const auto& target : {err_, syslog_}) target->let(true);
  }
  Log::MakeSink maker() {
    return [err = err_, sys = syslog_](const std::string& target) -> spdlog::sink_ptr {
      return std::make_shared<TargetSink>(target == "syslog" ? sys : err);
    };
  }
  void stick(Log& log, const std::shared_ptr<Target>& target) {
    target->let(false);
    spdlog::info("the one that is stuck");
    ASSERT_TRUE(target->until([&] { return target->stuck; }));
    EXPECT_EQ(log.dropped(), 0u);
  }

  std::shared_ptr<Target> err_ = std::make_shared<Target>(), syslog_ = std::make_shared<Target>();
};

TEST_F(LogTest, WritesInOrderAndAllOfItAtTheEnd) {
  Log log(maker());
  log.set({});
  std::vector<std::string> expected;
  for (int n = 0; n < 1000; ++n) {
    spdlog::info("line {}", n);
    expected.push_back("info line " + std::to_string(n));
  }
  EXPECT_TRUE(log.end(20s));
  EXPECT_EQ(err_->told(), expected);
  EXPECT_EQ(log.dropped(), 0u);
}

// FRR's five levels: each takes in its own lines and those of the levels before it.
TEST_F(LogTest, EachOfTheFiveLevelsIsAnother) {
  const std::vector<std::string> words{"errors", "warnings", "notifications", "informational", "debugging"};
  const std::vector<std::string> lines{"error one", "warning two", "notice three", "info four", "debug five"};
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto target = std::make_shared<Target>();
    Log log([&](const std::string&) { return std::make_shared<TargetSink>(target); });
    log.set({"stderr", words[at]});
    spdlog::error("one");
    spdlog::warn("two");
    notice("{}", "three");
    spdlog::info("four");
    spdlog::debug("five");
    ASSERT_TRUE(log.end(20s));
    EXPECT_EQ(target->told(), (std::vector<std::string>{lines.begin(), lines.begin() + static_cast<long>(at) + 1}))
        << words[at];
  }
}

TEST_F(LogTest, AStuckTargetHoldsNobodyUpAndTheGapIsCountedAndTold) {
  Log log(maker(), 20'000);
  log.set({});
  stick(log, err_);
  const auto begin = std::chrono::steady_clock::now();
  for (int n = 0; n < 100'000; ++n) spdlog::info("line {}", n);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  const std::uint64_t dropped = log.dropped();
  EXPECT_GT(dropped, 99'000u);
  EXPECT_LT(dropped, 100'000u) << "some have room";
  err_->let(true);
  const std::size_t kept = 1 + 100'000 - dropped;
  ASSERT_TRUE(err_->until([&] { return err_->lines.size() == kept; }));
  spdlog::info("after it");
  EXPECT_TRUE(log.end(20s));
  const auto told = err_->told();
  ASSERT_EQ(told.size(), kept + 2);
  EXPECT_EQ(told[kept - 1], "info line " + std::to_string(kept - 2)) << "the first ones are kept";
  EXPECT_EQ(told[kept],
            "warning " + std::to_string(dropped) + " lines of the log are missing here: nobody took them in time");
  EXPECT_EQ(told[kept + 1], "info after it");
}

TEST_F(LogTest, OneLineIsNeverTooLong) {
  Log log(maker(), 1000);
  log.set({});
  spdlog::info("{}", std::string(100'000, 'x'));
  EXPECT_TRUE(log.end(20s));
  EXPECT_EQ(err_->told().size(), 1u);
}

TEST_F(LogTest, AnotherTargetIsTakenAtOnceWhileTheOldOneIsStuckAndComesBack) {
  Log log(maker());
  log.set({});
  stick(log, err_);
  for (int time = 0; time < 3; ++time) {
    log.set({"syslog", "informational"});
    spdlog::info("syslog {}", time);
    log.set({"stderr", "informational"});
    spdlog::info("stderr {}", time);
  }
  ASSERT_TRUE(syslog_->until([&] { return syslog_->lines.size() == 3; })) << "nobody waits for the other";
  EXPECT_FALSE(log.end(10ms));
  err_->let(true);
  EXPECT_TRUE(log.end(20s));
  EXPECT_THAT(err_->told(),
              ElementsAre("info the one that is stuck", "info stderr 0", "info stderr 1", "info stderr 2"));
  EXPECT_EQ(log.dropped(), 0u);
}

// To make the target may hang too: syslog's socket, for one.
TEST_F(LogTest, ATargetThatCanNotEvenBeMadeHoldsNobodyUp) {
  Log log([this](const std::string&) -> spdlog::sink_ptr {
    std::unique_lock lock(err_->mutex);
    err_->changed.wait(lock, [&] { return err_->open; });
    return std::make_shared<TargetSink>(err_);
  });
  err_->let(false);
  log.set({});
  spdlog::info("early");
  EXPECT_FALSE(log.end(10ms));
  err_->let(true);
  EXPECT_TRUE(log.end(20s));
  EXPECT_THAT(err_->told(), ElementsAre("info early"));
}

TEST_F(LogTest, TheEndWaitsForThatLongAndNoLonger) {
  {
    Log log(maker());
    log.set({});
    stick(log, err_);
    spdlog::info("last words");
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(log.end(50ms));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  }  // the log is gone; the stuck thread has all that it needs
  err_->let(true);
  EXPECT_TRUE(err_->until([&] { return err_->lines.size() == 2; }));
}

TEST_F(LogTest, ATargetThatFailsIsCountedAndTold) {
  err_->fails = true;
  Log log(maker());
  log.set({});
  spdlog::info("lost");
  for (const auto end = std::chrono::steady_clock::now() + 20s;
       !log.dropped() && std::chrono::steady_clock::now() < end;)
    std::this_thread::yield();
  EXPECT_EQ(log.dropped(), 1u);
  {
    const std::lock_guard lock(err_->mutex);
    err_->fails = false;
  }
  spdlog::info("found");
  EXPECT_TRUE(log.end(20s));
  EXPECT_THAT(err_->told(), ElementsAre(HasSubstr("1 lines of the log are missing here"), "info found"));
}

TEST_F(LogTest, ManyThreadsLogWhileItIsReconfigured) {
  Log log(maker(), 5000);
  log.set({});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread)
    threads.emplace_back([] {
      for (int n = 0; n < 2000; ++n) spdlog::info("line");
    });
  for (int n = 0; n < 200; ++n) log.set({n % 2 ? "syslog" : "stderr", "informational"});
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(log.end(20s));
  std::size_t lines = 0;
  for (const auto& target : {err_, syslog_})
    for (const std::string& line : target->told()) lines += line == "info line";
  EXPECT_EQ(lines + log.dropped(), 6000u);
}

}  // namespace
}  // namespace berth
