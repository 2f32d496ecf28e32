// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the daemon makes of a new configuration. It is not started: nothing outside is reached.
#include "daemon/app.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

#include "daemon/config/config_file.h"

namespace berth {
namespace {

Config config_of(const std::string& more) {
  const auto config = parse_config(
      "zebra socket /nowhere/a.sock\nvty socket /nowhere/a.vty\nruntime docker unix:/nowhere/a\n" + more, "f");
  EXPECT_TRUE(config) << config.error().message;
  return *config;
}

class AppConfig : public testing::Test {
 protected:
  void SetUp() override {
    auto logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_st>(log));
    logger->set_pattern("%l %v");
    before = spdlog::default_logger();
    spdlog::set_default_logger(logger);
  }
  void TearDown() override { spdlog::set_default_logger(before); }
  std::string told() {
    std::string text = log.str();
    log.str("");
    return text;
  }

  std::ostringstream log;
  std::shared_ptr<spdlog::logger> before;
  boost::asio::io_context io;
  App app{io, config_of(""), {}};
  ShellHost& shell = app;
};

TEST_F(AppConfig, WhatWaitsForAStartIsToldEachTimeAndNotShownAsInUse) {
  Config other = config_of("");
  other.zebra.socket = "/nowhere/b.sock";
  for (int time = 1; time <= 2; ++time) {
    app.reconfigure(other);
    EXPECT_EQ(told(), "warning changed since berthd started, and in force from its next start on: zebra socket\n")
        << time;
    EXPECT_EQ(shell.view().zebra.socket, "/nowhere/a.sock") << "the one in use";
    EXPECT_EQ(shell.config().zebra.socket, "/nowhere/b.sock") << "the one that is configured";
  }
  app.reconfigure(config_of(""));
  EXPECT_EQ(told(), "") << "as it was at the start";
}

TEST_F(AppConfig, EachOfThemIsNamed) {
  Config other = config_of("");
  other.zebra.grace_seconds = 7;
  other.zebra.hold_seconds = 7;
  other.vty.socket = "/nowhere/b.vty";
  other.runtimes[0].address = "unix:/nowhere/b";
  app.reconfigure(other);
  EXPECT_EQ(
      told(),
      "warning changed since berthd started, and in force from its next start on: runtime, zebra grace-time, zebra "
      "hold-time, vty socket\n");
}

TEST_F(AppConfig, TheRestIsTakenAtOnce) {
  app.reconfigure(config_of("hostname h9\nlimit routes 7\nvty clients 3\nnetwork blue\n subnet 10.10.1.0/24\n"));
  EXPECT_EQ(told(), "");
  EXPECT_EQ(shell.hostname(), "h9");
  EXPECT_TRUE(shell.view().config.networks.contains("blue"));
}

TEST_F(AppConfig, ZebrasAnswersAreNotALineEach) {
  RouteSinkListener& zebra = app;
  for (int n = 0; n < 200; ++n)
    zebra.sink_answered(
        {{RibKind::Route, *Prefix::parse("10.10.1." + std::to_string(n) + "/32")}, RibState::Installed, ""});
  EXPECT_EQ(told(), "") << "at level informational";
  app.stop();
  EXPECT_EQ(told(), "info zebra's answers: 200 installed\n");
}

}  // namespace
}  // namespace berth
