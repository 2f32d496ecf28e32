// SPDX-License-Identifier: GPL-2.0-or-later
// berthctl as one sits before it: the real program on a terminal, against a server in this process.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
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
      if (deaf_)
        poll(nullptr, 0, 2);
      else
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
  // The exit status, or 128 and the signal; -1: it did not leave.
  int leaves() {
    int status = 0;
    if (!until([&] { return waitpid(child_, &status, WNOHANG) == child_; })) return -1;
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  // Whether the terminal is as a shell wants it: lines, and an echo of what is typed.
  bool is_cooked() const {
    termios now{};
    return tcgetattr(terminal_, &now) == 0 && (now.c_lflag & (ICANON | ECHO)) == (ICANON | ECHO);
  }

  boost::asio::io_context io_;
  FakeHost host_;
  std::string folder_, shown_;
  std::size_t seen_ = 0;
  std::unique_ptr<VtyServer> server_;
  bool deaf_ = false;  // the server takes connections and says nothing, as one that is stopped
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

TEST_F(BerthctlTerminal, CtrlCClearsTheLineAndStays) {
  type("show nothing");
  ASSERT_TRUE(sees("show nothing")) << shown_;
  type("\x03");  // takes with it what was typed and not read yet, as in every terminal
  ASSERT_TRUE(sees("^C")) << shown_;
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("show version\r");
  ASSERT_TRUE(sees("0.1.0")) << shown_;
  ASSERT_TRUE(sees("host1# ")) << "nothing of the line before: " << shown_;
  for (int again = 0; again < 3; ++again) {
    type("\x03");
    ASSERT_TRUE(sees("^C") && sees("host1# ")) << shown_;
  }
  type("\x12ver");  // a search in the history ends with it too
  ASSERT_TRUE(sees("reverse-i-search")) << shown_;
  type("\x03");
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("configure terminal\r");
  ASSERT_TRUE(sees("host1(config)# ")) << shown_;
  type("hostname wrong");
  ASSERT_TRUE(sees("hostname wrong")) << shown_;
  type("\x03");
  ASSERT_TRUE(sees("host1(config)# ")) << "the mode stays: " << shown_;
  type("hostname right\r");
  ASSERT_TRUE(sees("right(config)# ")) << shown_;
  type("\x04");
  EXPECT_EQ(leaves(), 0) << shown_;
  EXPECT_TRUE(is_cooked());
}

TEST_F(BerthctlTerminal, CtrlCEndsALongOutput) {
  type("terminal length 3\r");
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("list\r");
  ASSERT_TRUE(sees("--More--")) << shown_;
  type("\r");
  ASSERT_TRUE(sees("--More--")) << shown_;
  type("\x03");
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("list\r");
  ASSERT_TRUE(sees("--More--")) << shown_;
  type("q\r");
  ASSERT_TRUE(sees("host1# ")) << shown_;
}

TEST_F(BerthctlTerminal, ABerthdThatDoesNotAnswerIsTold) {
  deaf_ = true;
  type("show version\r");
  ASSERT_TRUE(sees("% berthd does not answer")) << shown_;
  EXPECT_EQ(leaves(), 1) << shown_;
}

TEST_F(BerthctlTerminal, CtrlCGivesUpWaiting) {
  deaf_ = true;
  type("show version\r");
  ASSERT_TRUE(sees("show version\r\n")) << shown_;
  type("\x03");
  ASSERT_TRUE(sees("% berthd was not waited for")) << shown_;
  deaf_ = false;
  ASSERT_TRUE(sees("% connected again")) << shown_;
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("sh");
  ASSERT_TRUE(sees("sh")) << shown_;
  deaf_ = true;
  type("\t");
  type("\x03");
  deaf_ = false;
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("show version\r");
  ASSERT_TRUE(sees("0.1.0")) << shown_;
}

TEST_F(BerthctlTerminal, WhoEndsItFindsTheTerminalAsItWas) {
  type("show ver");
  ASSERT_TRUE(sees("show ver")) << shown_;
  EXPECT_FALSE(is_cooked());
  kill(child_, SIGTERM);
  EXPECT_EQ(leaves(), 128 + SIGTERM) << shown_;
  EXPECT_TRUE(is_cooked());
}

// Root who sits there with somebody else's HOME (sudo -E) would write into what lies there.
TEST_F(BerthctlTerminal, SomebodyElsesHomeGetsNoHistory) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can have somebody else's home";
  type("\x04");
  EXPECT_EQ(leaves(), 0);
  const std::string victim = folder_ + "/victim", history = folder_ + "/.berthctl_history";
  EXPECT_TRUE(std::filesystem::exists(history)) << "in its own it does";
  std::filesystem::remove(history);
  std::ofstream(victim) << "precious";
  std::filesystem::create_symlink(victim, history);
  ASSERT_EQ(chown(folder_.c_str(), 65534, 65534), 0);
  close(terminal_);
  sit_down();
  type("show version\r");
  ASSERT_TRUE(sees("0.1.0")) << shown_;
  ASSERT_TRUE(sees("host1# ")) << shown_;
  type("\x04");
  EXPECT_EQ(leaves(), 0);
  std::string kept;
  std::ifstream(victim) >> kept;
  EXPECT_EQ(kept, "precious");
}

TEST_F(BerthctlTerminal, AHistoryThatIsAPipeIsNotWaitedFor) {
  type("\x04");
  EXPECT_EQ(leaves(), 0);
  const std::string history = folder_ + "/.berthctl_history";
  std::filesystem::remove(history);
  ASSERT_EQ(mkfifo(history.c_str(), 0600), 0);
  close(terminal_);
  sit_down();
}

}  // namespace
}  // namespace berth
