// SPDX-License-Identifier: GPL-2.0-or-later
// The vty server on a real unix socket, with clients that behave and clients that do not.
#include "daemon/vty/vty_server.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/shell_fixture.h"

namespace berth {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class VtyServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/berth-vty-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    options_ = {folder_ + "/vty", 4, 256, ""};
    server_ = std::make_unique<VtyServer>(io_, options_, host_);
    ASSERT_TRUE(server_->start());
  }
  void TearDown() override {
    for (const int client : clients_) close(client);
    server_->stop();
    io_.run_for(100ms);
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  int client() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, options_.path.c_str());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << std::strerror(errno);
    clients_.push_back(fd);
    return fd;
  }
  void say(int fd, const std::string& bytes) {
    ASSERT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // Runs the server until the client has that many answers, the server closes, or the time is over.
  std::string hear(int fd, std::size_t answers, std::chrono::milliseconds patience = 5s) {
    std::string out;
    char bytes[4096];
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      io_.run_for(2ms);
      const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
      if (n > 0) out.append(bytes, static_cast<std::size_t>(n));
      if (n == 0 || (n < 0 && errno != EAGAIN)) return out + "<closed>";
      std::size_t ends = 0;
      for (std::size_t at = 0; (at = out.find(std::string(3, '\0'), at)) != std::string::npos && at + 3 < out.size();
           at += 4)
        ++ends;
      if (answers > 0 && ends >= answers) return out;
    }
    return out;
  }
  static std::string command(const std::string& text) { return text + '\0'; }
  static std::string end(char status) { return std::string(3, '\0') + status; }

  boost::asio::io_context io_;
  FakeHost host_;
  std::string folder_;
  VtyOptions options_;
  std::unique_ptr<VtyServer> server_;
  std::vector<int> clients_;
};

TEST_F(VtyServerTest, AnswersInFrrsFrames) {
  const int fd = client();
  say(fd, command("show version"));
  EXPECT_EQ(hear(fd, 1), "berthd 0.1.0 (host1)\nFRR 8.4.4, zebra_fpm_bridge 0.1.0\n" + end(0));
  say(fd, command("enable"));
  EXPECT_EQ(hear(fd, 1), end(0));
  say(fd, command("show nothing"));
  const std::string wrong = hear(fd, 1);
  EXPECT_THAT(wrong, HasSubstr("% Unknown command"));
  EXPECT_EQ(wrong.substr(wrong.size() - 4), end(2));
}

TEST_F(VtyServerTest, TakesCommandsInPiecesAndTogether) {
  const int fd = client();
  say(fd, "show ver");
  EXPECT_EQ(hear(fd, 1, 30ms), "");
  say(fd, command("sion"));
  EXPECT_THAT(hear(fd, 1), HasSubstr("berthd 0.1.0"));
  say(fd, command("configure terminal") + command("hostname two") + "do sh");
  EXPECT_EQ(hear(fd, 2), end(0) + end(0));
  EXPECT_EQ(host_.shown.config.hostname, "two");
  say(fd, command("ow version") + command(""));
  const std::string last = hear(fd, 2);
  EXPECT_THAT(last, HasSubstr("berthd 0.1.0"));
}

TEST_F(VtyServerTest, GarbageIsAnErrorAndTheConnectionLives) {
  const int fd = client();
  say(fd, command("\xff\xfe\x80\x01 garbage") + command("show version"));
  const std::string out = hear(fd, 2);
  EXPECT_THAT(out, HasSubstr("% Unknown command"));
  EXPECT_THAT(out, HasSubstr("berthd 0.1.0"));
}

TEST_F(VtyServerTest, ATooLongLineIsAnErrorAndTheEnd) {
  for (const std::string& bytes : {std::string(257, 'x'), command(std::string(300, 'x')), std::string(10000, 'x')}) {
    const int fd = client();
    say(fd, bytes);
    // Bytes that nobody read may turn the end into a reset that eats the answer.
    const std::string out = hear(fd, 0);
    EXPECT_TRUE(out.ends_with("<closed>")) << out;
    if (bytes.size() < 4096) {
      EXPECT_EQ(out, "% The line is too long\n" + end(1) + "<closed>");
    }
  }
  EXPECT_EQ(server_->counters().at("vtyLineTooLong"), 3u);
  const int fd = client();
  say(fd, command("enable" + std::string(250, ' ')));
  EXPECT_EQ(hear(fd, 1), end(0)) << "256 bytes are not too long";
}

TEST_F(VtyServerTest, TooManyClientsAreTurnedAwayAndALeavingOneMakesRoom) {
  std::vector<int> inside;
  for (int n = 0; n < 4; ++n) {
    inside.push_back(client());
    say(inside.back(), command("enable"));
    ASSERT_EQ(hear(inside.back(), 1), end(0));
  }
  EXPECT_EQ(hear(client(), 1), "<closed>");
  EXPECT_EQ(server_->counters().at("vtyRefusedClients"), 1u);
  say(inside[0], command("exit"));
  EXPECT_EQ(hear(inside[0], 2), end(0) + "<closed>");
  const int fd = client();
  say(fd, command("enable"));
  EXPECT_EQ(hear(fd, 1), end(0));
  say(inside[1], command("enable"));
  EXPECT_EQ(hear(inside[1], 1), end(0)) << "the others live on";
}

TEST_F(VtyServerTest, EachClientHasItsOwnMode) {
  const int one = client(), two = client();
  say(one, command("configure terminal") + command("berthctl prompt"));
  EXPECT_EQ(hear(one, 2), end(0) + "host1(config)# " + end(0));
  say(two, command("berthctl prompt"));
  EXPECT_EQ(hear(two, 1), "host1# " + end(0));
}

TEST_F(VtyServerTest, AClientThatLeavesInTheMiddleHarmsNobody) {
  const int rude = client();
  say(rude, command("conf t") + command("network red") + command("subnet 10.30.0.0/24"));
  ASSERT_EQ(hear(rude, 3), end(0) + end(0) + end(0));
  shutdown(rude, SHUT_RDWR);
  const int fd = client();
  say(fd, command("show running-config"));
  EXPECT_THAT(hear(fd, 1), ::testing::Not(HasSubstr("red")));
  EXPECT_EQ(host_.applied, 0);
}

TEST_F(VtyServerTest, TheSocketIsForRootAndTheGroupOnly) {
  struct stat status{};
  ASSERT_EQ(stat(options_.path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u) << "no group: root alone";
}

TEST_F(VtyServerTest, AnotherBerthdsSocketIsNotTaken) {
  VtyServer second(io_, options_, host_);
  const Status status = second.start();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::Permanent) << "berthd ends";
  EXPECT_THAT(status.error().message, HasSubstr("another berthd listens there"));
  EXPECT_FALSE(second.listening());
  second.stop();
  const int fd = client();
  say(fd, command("enable"));
  EXPECT_EQ(hear(fd, 1), end(0)) << "the first one still answers";
}

TEST_F(VtyServerTest, ASocketThatAKilledOneLeftIsTaken) {
  const std::string path = folder_ + "/left";
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(fd);
  VtyServer second(io_, {path, 4, 256, ""}, host_);
  EXPECT_TRUE(second.start());
  second.stop();
  io_.run_for(10ms);  // its accept loop ends before it does
}

TEST_F(VtyServerTest, AFileInItsPlaceStays) {
  const std::string path = folder_ + "/precious.conf";
  std::ofstream(path) << "precious";
  {
    VtyServer second(io_, {path, 4, 256, ""}, host_);
    const Status status = second.start();
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, HasSubstr(path));
  }
  std::string kept;
  std::ifstream(path) >> kept;
  EXPECT_EQ(kept, "precious");
}

TEST_F(VtyServerTest, ItsModeDoesNotDependOnTheUmask) {
  for (const mode_t mask : {0u, 022u, 0177u}) {
    const mode_t before = umask(mask);
    const std::string path = folder_ + "/masked";
    VtyServer second(io_, {path, 4, 256, ""}, host_);
    const bool started = second.start().ok();
    umask(before);
    ASSERT_TRUE(started);
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u) << mask;
    second.stop();
    io_.run_for(10ms);
  }
}

TEST_F(VtyServerTest, ItsGroupMaySpeak) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give it to a group";
  const std::string path = folder_ + "/grouped";
  VtyServer second(io_, {path, 4, 256, "nogroup"}, host_);
  ASSERT_TRUE(second.start());
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0660u);
  EXPECT_EQ(status.st_gid, getgrnam("nogroup")->gr_gid);
  second.stop();
  io_.run_for(10ms);
}

// The folder is a stranger's, who puts a link into the socket's place again and again, and a second name of another's socket.
TEST_F(VtyServerTest, WhatIsPutIntoItsPlaceIsNotGivenAway) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give it to a group";
  const std::string secret = folder_ + "/secret", other = folder_ + "/other", path = folder_ + "/raced";
  std::ofstream(secret) << "secret";
  ASSERT_EQ(chmod(secret.c_str(), 0600), 0);
  VtyServer theirs(io_, {other, 4, 256, ""}, host_);
  ASSERT_TRUE(theirs.start());
  std::atomic<bool> done = false;
  std::thread stranger([&] {
    for (unsigned n = 0; !done; ++n) {
      unlink(path.c_str());
      if (n % 2)
        static_cast<void>(symlink(secret.c_str(), path.c_str()));
      else
        static_cast<void>(link(other.c_str(), path.c_str()));
      struct stat bound{};  // waits for the next that is bound
      unlink(path.c_str());
      for (int look = 0; !done && look < 1000 && lstat(path.c_str(), &bound) != 0; ++look) std::this_thread::yield();
    }
  });
  struct stat status{};
  const auto given_away = [&](const std::string& file) {
    return stat(file.c_str(), &status) == 0 && (status.st_gid != 0 || (status.st_mode & 0777) != 0600);
  };
  for (const auto end = std::chrono::steady_clock::now() + 1s;
       std::chrono::steady_clock::now() < end && !given_away(secret) && !given_away(other);) {
    VtyServer second(io_, {path, 4, 256, "nogroup"}, host_);
    static_cast<void>(second.start());
    second.stop();
    io_.poll();
    io_.restart();
  }
  done = true;
  stranger.join();
  EXPECT_FALSE(given_away(secret));
  EXPECT_FALSE(given_away(other));
  theirs.stop();
  io_.run_for(10ms);
}

TEST_F(VtyServerTest, StoppingTakesOnlyItsOwnSocketAway) {
  ASSERT_EQ(rename(options_.path.c_str(), (folder_ + "/moved").c_str()), 0);
  std::ofstream(options_.path) << "somebody's";
  server_->stop();
  EXPECT_TRUE(std::filesystem::exists(options_.path));
}

// A berthd that is stopped takes nobody from its queue; a connection that waits would wait with it.
TEST_F(VtyServerTest, AFullQueueIsAnotherBerthdToo) {
  const std::string path = folder_ + "/full";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  const int deaf = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(deaf, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(deaf, 0), 0);
  clients_.push_back(deaf);
  for (int full = 0; full == 0;) {
    clients_.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    full = connect(clients_.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  ASSERT_EQ(errno, EAGAIN);
  VtyServer second(io_, {path, 4, 256, ""}, host_);
  const Status status = second.start();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::Permanent);
}

TEST_F(VtyServerTest, AFolderThatIsNotThereYetIsWaitedFor) {
  const std::string folder = folder_ + "/later";
  VtyServer second(io_, {folder + "/vty", 4, 256, ""}, host_);
  const Status status = second.start();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::Transient) << "berthd tries again";
  ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
  EXPECT_TRUE(second.start());
  EXPECT_TRUE(second.listening());
  second.stop();
  io_.run_for(10ms);
  rmdir(folder.c_str());
}

}  // namespace
}  // namespace berth
