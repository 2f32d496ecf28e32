// SPDX-License-Identifier: GPL-2.0-or-later
// berthctl as one sits before it: the real program on a terminal, against a server in this process.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>

#include "daemon/vty/vty_server.h"
#include "tests/unit/shell_fixture.h"

namespace berth {
namespace {

using namespace std::chrono_literals;

class BerthctlTerminal : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/berth-pty-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    server_ = std::make_unique<VtyServer>(io_, VtyOptions{folder_ + "/vty", 4, 4096, ""}, host_);
    ASSERT_TRUE(server_->start());
    sit_down();
  }
  void TearDown() override {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    if (terminal_ >= 0) close(terminal_);
    if (server_) {
      server_->stop();
      io_.run_for(50ms);
      server_.reset();
    }
    std::filesystem::remove_all(folder_);
  }

  void sit_down() {
    const std::string socket = folder_ + "/vty";
    const winsize size{50, 200, 0, 0};
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      setenv("HOME", folder_.c_str(), 1);
      setenv("TERM", "dumb", 1);  // no colours and no cursor: what is shown is what is written
      setenv("INPUTRC", "/dev/null", 1);
      execl(BERTHCTL, "berthctl", "--vty_socket", socket.c_str(), nullptr);
      _exit(127);
    }
    fcntl(terminal_, F_SETFL, fcntl(terminal_, F_GETFL) | O_NONBLOCK);
    ASSERT_TRUE(sees("? lists the commands")) << shown_;
    ASSERT_TRUE(sees("host1# ")) << shown_;
  }
  void type(const std::string& keys) {
    ASSERT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  bool until(const std::function<bool()>& done) {
    for (const auto end = std::chrono::steady_clock::now() + 20s; !done();) {
      if (std::chrono::steady_clock::now() > end) return false;
      io_.restart();
      io_.run_for(2ms);
      char bytes[4096];
      for (ssize_t n; (n = read(terminal_, bytes, sizeof bytes)) > 0;)
        shown_.append(bytes, static_cast<std::size_t>(n));
      std::erase(shown_, '\a');
    }
    return true;
  }
  // What comes on the screen after what was seen before.
  bool sees(const std::string& text) {
    std::size_t at = std::string::npos;
    if (!until([&] { return (at = shown_.find(text, seen_)) != std::string::npos; })) return false;
    seen_ = at + text.size();
    return true;
  }
  // The exit status; -1: it did not leave.
  int leaves() {
    int status = 0;
    if (!until([&] { return waitpid(child_, &status, WNOHANG) == child_; })) return -1;
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  boost::asio::io_context io_;
  FakeHost host_;
  std::string folder_, shown_;
  std::size_t seen_ = 0;
  std::unique_ptr<VtyServer> server_;
  int terminal_ = -1;
  pid_t child_ = -1;
};

TEST_F(BerthctlTerminal, AQuestionMarkListsWhatMayCome) {
  type("?");
  ASSERT_TRUE(sees("explain")) << shown_;
  ASSERT_TRUE(sees("Why something is or is not advertised")) << shown_;
  ASSERT_TRUE(sees("What berthd knows")) << shown_;
  ASSERT_TRUE(sees("host1# ")) << "and the line again: " << shown_;
  type("show ?");
  ASSERT_TRUE(sees("What is advertised, and what zebra says of it")) << shown_;
  ASSERT_TRUE(sees("host1# show ")) << shown_;
  type("nothing ?");
  ASSERT_TRUE(sees("% There is no such command")) << shown_;
}

TEST_F(BerthctlTerminal, TabCompletes) {
  type("sh\t");
  ASSERT_TRUE(sees("show ")) << shown_;
  type("stat\t");
  ASSERT_TRUE(sees("status ")) << shown_;
  type("\r");
  ASSERT_TRUE(sees("8.4.4")) << shown_;
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("show c\t");
  ASSERT_TRUE(sees("show co")) << "what they have in common: " << shown_;
  type("\t\t");
  ASSERT_TRUE(sees("containers")) << shown_;
  ASSERT_TRUE(sees("counters")) << shown_;
  ASSERT_TRUE(sees("host1# show co")) << shown_;
  type("n\t\r");
  ASSERT_TRUE(sees("lonely")) << "the name of a container: " << shown_;
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("explain lon\t");
  ASSERT_TRUE(sees("lonely ")) << shown_;
}

TEST_F(BerthctlTerminal, ArrowUpBringsTheLastCommandBack) {
  type("show version\r");
  ASSERT_TRUE(sees("0.1.0")) << shown_;
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("\x1b[A");
  ASSERT_TRUE(sees("show version")) << shown_;
  type("\r");
  ASSERT_TRUE(sees("0.1.0")) << shown_;
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("exit\r");
  EXPECT_EQ(leaves(), 0) << shown_;
  // and the next time that one sits down
  close(terminal_);
  sit_down();
  type("\x1b[A\x1b[A");
  ASSERT_TRUE(sees("show version")) << shown_;
}

TEST_F(BerthctlTerminal, WrongInputShowsTheCaret) {
  type("show nothing\r");
  ASSERT_TRUE(sees("% Unknown command")) << shown_;
  ASSERT_TRUE(sees("show nothing\r\n       ^ expected attachments")) << shown_;
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("\x04");
  EXPECT_EQ(leaves(), 0) << "what went wrong was seen: " << shown_;
}

TEST_F(BerthctlTerminal, CtrlDFinishesWhatWasBegunAndLeaves) {
  type("configure terminal\r");
  ASSERT_TRUE(sees("host1(config)# ")) << shown_;
  type("network blue\r");
  ASSERT_TRUE(sees("host1(config-network)# ")) << shown_;
  type("tag 200\r");
  ASSERT_TRUE(sees("host1(config-network)# ")) << shown_;
  EXPECT_EQ(host_.applied, 0);
  type("\x04");
  EXPECT_EQ(leaves(), 0) << shown_;
  EXPECT_EQ(host_.applied, 1);
  EXPECT_EQ(host_.shown.config.networks.at("blue").tag, 200U);
}

TEST_F(BerthctlTerminal, ABerthdThatLeavesIsTold) {
  server_->stop();
  io_.run_for(50ms);
  type("show version\r");
  ASSERT_TRUE(sees("% berthd has closed the connection")) << shown_;
  EXPECT_EQ(leaves(), 0) << shown_;
}

}  // namespace
}  // namespace berth
