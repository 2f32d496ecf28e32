// SPDX-License-Identifier: GPL-2.0-or-later
//
// What of problems and of zebra's answers stands in the log.
#include <gtest/gtest.h>
#include <spdlog/sinks/sink.h>

#include <random>

#include "daemon/answer_log.h"
#include "daemon/asio_timers.h"
#include "daemon/log.h"
#include "daemon/problem_log.h"

namespace berth {
namespace {

class LinesSink : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& line) override {
    lines.push_back(std::string(level_name(line.level)) + " " + std::string(line.payload.data(), line.payload.size()));
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
  std::vector<std::string> lines;
};

using Lines = std::vector<std::string>;

class Told : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("", sink_));
    spdlog::default_logger()->set_level(spdlog::level::info);
  }
  void TearDown() override { spdlog::set_default_logger(before_); }
  Lines told() { return std::exchange(sink_->lines, {}); }

  std::shared_ptr<LinesSink> sink_ = std::make_shared<LinesSink>();
  std::shared_ptr<spdlog::logger> before_;
};

TEST_F(Told, AProblemIsOneLineWhenItBeginsAndOneWhenItEnds) {
  ProblemLog log;
  const Problem nat{"nat-on", "rule X masquerades", "do Y", true},
      drop{"firewall-drops", "rule Z drops", "", true, Family::V6};
  log.tell("network blue", {nat});
  EXPECT_EQ(told(), (Lines{"warning network blue: rule X masquerades (do Y)"}));
  log.tell("network blue", {drop, nat});
  EXPECT_EQ(told(), (Lines{"warning network blue, IPv6: rule Z drops"})) << "the other one lasts";
  log.tell("network blue", {nat, drop});
  EXPECT_EQ(told(), Lines{}) << "in another order";
  log.tell("network red", {nat});
  EXPECT_EQ(told(), (Lines{"warning network red: rule X masquerades (do Y)"}));
  log.tell("network blue", {drop, drop});
  EXPECT_EQ(told(), (Lines{"notice network blue: over: rule X masquerades"}));
  log.tell("network blue", {});
  EXPECT_EQ(told(), (Lines{"notice network blue, IPv6: over: rule Z drops"}));
  Problem passing = drop;
  passing.waited_for = true;
  log.tell("network blue", {passing});
  EXPECT_EQ(told(), Lines{}) << "it may pass";
  log.tell("network blue", {drop});
  EXPECT_EQ(told(), (Lines{"warning network blue, IPv6: rule Z drops"})) << "it did not";
  log.tell("network blue", {});
  told();
  log.forget("network red");
  log.tell("network red", {nat});
  EXPECT_EQ(told().size(), 1u) << "one that was taken away and came back";
}

// Whatever comes and goes: a line for each beginning and each end, none for what lasts.
TEST_F(Told, LinesOfProblemsAreCounted) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  ProblemLog log;
  std::set<int> last;
  for (int round = 0; round < 300; ++round) {
    std::set<int> now;
    for (int each = 0; each < 6; ++each)
      if (random() % 2) now.insert(each);
    std::vector<Problem> problems;
    for (const int each : now)
      problems.push_back({"code" + std::to_string(each % 2), "text " + std::to_string(each / 2), "do", true,
                          each % 3 ? Family::V4 : Family::Both});
    std::shuffle(problems.begin(), problems.end(), random);
    std::size_t changes = 0;
    for (int each = 0; each < 6; ++each) changes += now.contains(each) != last.contains(each);
    log.tell("network blue", problems);
    ASSERT_EQ(told().size(), changes) << "seed " << seed << " round " << round;
    last = now;
  }
}

RibAnswer answer(int n, RibState state, const std::string& reason = "") {
  return {{RibKind::Route,
           Prefix::host(*IpAddress::parse("10.0." + std::to_string(n / 250) + "." + std::to_string(n % 250 + 1)))},
          state,
          reason};
}

TEST_F(Told, AnswersAreSummedUp) {
  boost::asio::io_context io;
  AsioTimers timers(io);
  AnswerLog log(timers);
  for (int n = 0; n < 1000; ++n) log.tell(answer(n, RibState::Accepted));
  for (int n = 0; n < 1000; ++n) log.tell(answer(n, RibState::Installed));
  for (int n = 0; n < 3; ++n) log.tell(answer(n, RibState::Gone));
  EXPECT_EQ(told(), Lines{}) << "not one for each";
  io.run();
  EXPECT_EQ(told(), (Lines{"info zebra's answers: 1000 accepted, 1000 installed, 3 gone"}));
  spdlog::default_logger()->set_level(spdlog::level::debug);
  log.tell(answer(1, RibState::Installed));
  EXPECT_EQ(told(), (Lines{"debug 10.0.0.2/32 is installed"}));
  log.stop();
  EXPECT_EQ(told(), (Lines{"info zebra's answers: 1 installed"})) << "the last words";
  io.restart();
  io.run();
  EXPECT_EQ(told(), Lines{});
}

TEST_F(Told, ARouteThatIsNotTakenIsOneWarningWhileItStaysSo) {
  boost::asio::io_context io;
  AsioTimers timers(io);
  AnswerLog log(timers);
  log.tell(answer(1, RibState::NotBest, "a bgp route wins"));
  EXPECT_EQ(told(), (Lines{"warning 10.0.0.2/32 is notBest: a bgp route wins"}));
  for (int again = 0; again < 5; ++again) {
    log.tell(answer(1, RibState::Accepted));
    log.tell(answer(1, RibState::NotBest, "a bgp route wins"));
  }
  EXPECT_EQ(told(), Lines{}) << "each try of it";
  log.tell(answer(1, RibState::NotBest, "a static route wins"));
  EXPECT_EQ(told(), (Lines{"warning 10.0.0.2/32 is notBest: a static route wins"}));
  log.tell(answer(1, RibState::Installed));
  EXPECT_EQ(told(), (Lines{"info 10.0.0.2/32 is installed now"}));
  log.tell(answer(1, RibState::Installed));
  EXPECT_EQ(told(), Lines{});
}

TEST_F(Told, AThousandRoutesThatAreNotTakenAreAFewLines) {
  boost::asio::io_context io;
  AsioTimers timers(io);
  AnswerLog log(timers);
  for (int n = 0; n < 1000; ++n) log.tell(answer(n, RibState::Rejected, "max-routes"));
  io.run();
  const Lines lines = told();
  ASSERT_EQ(lines.size(), 12u);
  EXPECT_EQ(lines[10], "info zebra's answers: 1000 rejected");
  EXPECT_EQ(lines[11], "warning 990 more routes that zebra does not take; see show routes");
}

}  // namespace
}  // namespace berth
