// SPDX-License-Identifier: GPL-2.0-or-later
//
// The real berthd as a process, in a network namespace of its own, with a Docker and a zebra that are not there: what it does
// while nobody reads its log, and at its signals.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "daemon/berthctl/connection.h"

namespace berth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class BerthdProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/berth-process-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    configure("");
  }
  void TearDown() override {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    for (const int end : pipe_)
      if (end >= 0) close(end);
    std::filesystem::remove_all(folder_);
  }

  void configure(const std::string& more) {
    std::ofstream(folder_ + "/berthd.conf") << "zebra socket " << folder_ << "/zebra.sock\nvty socket " << folder_
                                            << "/vty\nruntime docker unix:" << folder_ << "/docker.sock\n"
                                            << more;
  }
  void start(std::initializer_list<const char*> more = {}) {
    ASSERT_EQ(pipe2(pipe_, O_CLOEXEC), 0);
    ASSERT_EQ(fcntl(pipe_[1], F_SETPIPE_SZ, 4096), 4096);
    fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
    const std::string file = folder_ + "/berthd.conf";
    std::vector<const char*> words{"berthd", "-f", file.c_str()};
    words.insert(words.end(), more);
    words.push_back(nullptr);
    child_ = fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      static_cast<void>(unshare(CLONE_NEWNET));  // nothing of this host's is looked at or changed
      if (!syslog_.empty() && !take_dev()) _exit(126);
      dup2(pipe_[1], STDERR_FILENO);
      execv(BERTHD, const_cast<char* const*>(words.data()));
      _exit(127);
    }
  }
  // A /dev of its own, in which /dev/log is this test's socket.
  bool take_dev() const {
    return unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("tmpfs", "/dev", "tmpfs", 0, nullptr) == 0 && symlink(syslog_.c_str(), "/dev/log") == 0;
  }
  // Nobody reads the log any more, and there is not a byte of room in it.
  void fill_the_log() {
    const int flags = fcntl(pipe_[1], F_GETFL);
    const std::string bytes(4096, 'x');
    ssize_t n = 0;
    fcntl(pipe_[1], F_SETFL, flags | O_NONBLOCK);
    while ((n = write(pipe_[1], bytes.data(), bytes.size())) > 0 || (n < 0 && errno == EINTR)) continue;
    while (write(pipe_[1], "x", 1) == 1) continue;
    fcntl(pipe_[1], F_SETFL, flags);
  }
  static bool until(const std::function<bool()>& done, std::chrono::seconds patience = 20s) {
    for (const auto end = std::chrono::steady_clock::now() + patience; !done();) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }
  const std::string& log() {
    char bytes[4096];
    for (ssize_t n; (n = read(pipe_[0], bytes, sizeof bytes)) > 0;) log_.append(bytes, static_cast<std::size_t>(n));
    return log_;
  }
  bool logs(const std::string& text) {
    return until([&] { return log().find(text) != std::string::npos; });
  }
  // What it says, or "" where it does not answer.
  std::string ask(const std::string& command) {
    if (!shell_ || !shell_->connected()) shell_ = std::make_unique<Connection>(folder_ + "/vty", 1s);
    const auto answer = shell_->ask(command);
    return answer ? answer->text : "";
  }
  bool answers() {
    return until([&] { return ask("show version").find("berthd") != std::string::npos; });
  }
  // The exit status, or 128 and the signal; -1: it still runs.
  int ends(std::chrono::seconds patience = 20s) {
    int status = 0;
    if (!until([&] { return waitpid(child_, &status, WNOHANG) == child_; }, patience)) return -1;
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string folder_, log_, syslog_;
  int pipe_[2] = {-1, -1};
  pid_t child_ = -1;
  std::unique_ptr<Connection> shell_;
};

TEST_F(BerthdProcess, ALogThatNobodyReadsHoldsUpNeitherTheShellNorTheEnd) {
  // To anybody else libnftables complains on stderr, from the thread that looks at the firewall: it waits for that log, too.
  if (geteuid() != 0) GTEST_SKIP() << "only root can look at the firewall";
  start();
  ASSERT_TRUE(answers());
  fill_the_log();
  for (int n = 0; n < 200; ++n) {
    configure("hostname h" + std::to_string(n) + "\n");
    ASSERT_EQ(kill(child_, SIGHUP), 0);
    ASSERT_TRUE(until([&] {
      return ask("show running-config").find("hostname h" + std::to_string(n) + "\n") != std::string::npos;
    })) << n;
  }
  EXPECT_THAT(ask("show counters"), HasSubstr("logDropped"));
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(kill(child_, SIGTERM), 0);
  EXPECT_EQ(ends(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/vty")) << "it ended in order";
}

TEST_F(BerthdProcess, WhatIsReadLateIsWhole) {
  start();
  ASSERT_TRUE(answers());
  fill_the_log();
  for (int n = 0; n < 30; ++n) {
    configure("hostname h" + std::to_string(n) + "\n");
    kill(child_, SIGHUP);
    ASSERT_TRUE(until(
        [&] { return ask("show running-config").find("hostname h" + std::to_string(n) + "\n") != std::string::npos; }));
  }
  for (int n = 1; n < 30; ++n)
    ASSERT_TRUE(logs("-hostname h" + std::to_string(n - 1) + "; +hostname h" + std::to_string(n) + "\n")) << n;
}

TEST_F(BerthdProcess, ALogWhoseReaderIsGoneIsNoReasonToEnd) {
  start();
  ASSERT_TRUE(answers());
  close(pipe_[0]);
  close(pipe_[1]);
  pipe_[0] = pipe_[1] = -1;
  configure("hostname other\n");
  kill(child_, SIGHUP);
  EXPECT_TRUE(until([&] { return ask("show running-config").find("hostname other") != std::string::npos; }));
  kill(child_, SIGTERM);
  EXPECT_EQ(ends(), 0);
}

TEST_F(BerthdProcess, WhatKeepsItFromBeginningIsSaidBeforeItEnds) {
  configure("hostname\n");
  start();
  EXPECT_EQ(ends(), 1);
  EXPECT_THAT(log(), HasSubstr("berthd.conf:4: expected"));
}

TEST_F(BerthdProcess, ASecondOneSaysWhyItEnds) {
  start();
  ASSERT_TRUE(answers());
  const pid_t first = child_;
  for (int& end : pipe_) close(end);
  start();
  EXPECT_EQ(ends(), 1);
  EXPECT_THAT(log(), HasSubstr("another berthd listens there"));
  child_ = first;
}

TEST_F(BerthdProcess, AReloadSaysWhatItChanged) {
  configure("network red\n subnet 10.20.0.0/24\n");
  start();
  ASSERT_TRUE(answers());
  kill(child_, SIGHUP);
  ASSERT_TRUE(logs("the configuration was read: nothing changed"));
  configure("limit routes 7\nnetwork blue\n subnet 10.10.0.0/24\n");
  kill(child_, SIGHUP);
  EXPECT_TRUE(logs("the configuration was read: network red removed; network blue added; +limit routes 7")) << log();
}

// What an owner of the folder may put into the file's place: a pipe is waited for by who opens it, a link leads elsewhere.
TEST_F(BerthdProcess, AReloadOfWhatIsNoFileChangesNothing) {
  start();
  ASSERT_TRUE(answers());
  std::filesystem::remove(folder_ + "/berthd.conf");
  ASSERT_EQ(mkfifo((folder_ + "/berthd.conf").c_str(), 0600), 0);
  kill(child_, SIGHUP);
  EXPECT_TRUE(logs("is a pipe, not a regular file")) << log();
  EXPECT_TRUE(answers());
  if (geteuid() != 0) return;
  std::ofstream(folder_ + "/secret") << "the secret\n";
  std::filesystem::remove(folder_ + "/berthd.conf");
  std::filesystem::create_symlink("secret", folder_ + "/berthd.conf");
  ASSERT_EQ(lchown((folder_ + "/berthd.conf").c_str(), 65534, 65534), 0);
  ASSERT_EQ(chown(folder_.c_str(), 65534, 65534), 0);
  kill(child_, SIGHUP);
  EXPECT_TRUE(logs("is not followed")) << log();
  EXPECT_THAT(log(), Not(HasSubstr("the secret")));
  EXPECT_THAT(ask("write"), HasSubstr("% Not saved"));
}

TEST_F(BerthdProcess, LevelsOfTheLogDiffer) {
  configure("log stderr notifications\n");
  start();
  ASSERT_TRUE(answers());
  kill(child_, SIGHUP);
  EXPECT_TRUE(logs("[notice] the configuration was read: nothing changed")) << log();
  configure("log stderr warnings\n");
  kill(child_, SIGHUP);
  ASSERT_TRUE(until([&] { return ask("show running-config").find("log stderr warnings") != std::string::npos; }));
  kill(child_, SIGHUP);
  kill(child_, SIGTERM);
  EXPECT_EQ(ends(), 0);
  EXPECT_EQ(log().find("berthd stops"), std::string::npos) << log();
}

TEST_F(BerthdProcess, AStoppedOneIsToldByTheShellAndGoesOnLater) {
  start();
  ASSERT_TRUE(answers());
  kill(child_, SIGSTOP);
  Connection shell(folder_ + "/vty", 200ms);
  EXPECT_TRUE(shell.connected());
  EXPECT_FALSE(shell.ask("show version"));
  EXPECT_TRUE(shell.silent()) << shell.why();
  kill(child_, SIGCONT);
  EXPECT_TRUE(answers());
  EXPECT_THAT(ask("withdraw"), HasSubstr("zebra is away"));
}

TEST_F(BerthdProcess, SyslogHearsTheFiveLevelsAndHoldsNobodyUp) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has a /dev of its own";
  syslog_ = folder_ + "/log";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, syslog_.c_str());
  const int journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(journal, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  configure("log syslog\n");
  start();
  ASSERT_TRUE(answers());
  ASSERT_EQ(kill(child_, SIGHUP), 0);
  std::string heard;
  EXPECT_TRUE(until([&] {
    char line[4096];
    for (ssize_t n; (n = recv(journal, line, sizeof line, 0)) > 0;)
      heard.append(line, static_cast<std::size_t>(n)) += '\n';
    return heard.find("nothing changed") != std::string::npos;
  }));
  EXPECT_THAT(heard,
              ::testing::ContainsRegex("<29>[^\n]*berthd\\[[0-9]+\\]: the configuration was read: nothing changed"))
      << "daemon.notice";
  for (int n = 0; n < 100; ++n) {  // from here on nobody reads it, and its queue is full after some lines
    configure("log syslog\nhostname h" + std::to_string(n) + "\n");
    ASSERT_EQ(kill(child_, SIGHUP), 0);
    ASSERT_TRUE(until(
        [&] { return ask("show running-config").find("hostname h" + std::to_string(n) + "\n") != std::string::npos; }));
  }
  configure("log stderr\n");
  kill(child_, SIGHUP);
  ASSERT_TRUE(until([&] { return ask("show running-config").find("log stderr") != std::string::npos; }));
  kill(child_, SIGHUP);
  EXPECT_TRUE(logs("[notice] the configuration was read: nothing changed")) << "the other target goes on: " << log();
  kill(child_, SIGTERM);
  EXPECT_EQ(ends(), 0);
  close(journal);
}

}  // namespace
}  // namespace berth
