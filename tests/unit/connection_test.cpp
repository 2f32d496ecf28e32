// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthctl's end of the socket, and berthctl -c, before a berthd that is slow and one that says nothing.
#include "daemon/berthctl/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <filesystem>
#include <thread>

namespace berth {
namespace {

using boost::asio::local::stream_protocol;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class ConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/berth-connection-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    acceptor_.open(stream_protocol());
    acceptor_.bind(stream_protocol::endpoint(folder_ + "/berthd.vty"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // What berthctl says on both its outputs, and its exit status.
  std::pair<std::string, int> berthctl(const std::string& arguments) {
    FILE* out = popen((std::string(BERTHCTL) + " --vty_socket " + folder_ + " " + arguments + " 2>&1").c_str(), "r");
    std::string text;
    std::array<char, 4096> bytes;
    for (std::size_t n; (n = fread(bytes.data(), 1, bytes.size(), out)) > 0;) text.append(bytes.data(), n);
    return {text, WEXITSTATUS(pclose(out))};
  }

  std::string folder_;
  boost::asio::io_context io_;
  stream_protocol::acceptor acceptor_{io_};
};

// An answer of many pieces, each of which comes in time, takes far longer than the patience.
TEST_F(ConnectionTest, ALongAnswerIsWaitedForWhileItComes) {
  acceptor_.listen();
  std::thread berthd([this] {
    stream_protocol::socket client = acceptor_.accept();
    std::array<char, 64> line;
    client.read_some(boost::asio::buffer(line));
    boost::asio::steady_timer pause(io_);
    for (int piece = 0; piece < 15; ++piece) {
      boost::asio::write(client, boost::asio::buffer("piece\n", 6));
      pause.expires_after(100ms);
      pause.wait();
    }
    boost::asio::write(client, boost::asio::buffer("\0\0\0\0", 4));
  });
  Connection connection(folder_, 1s);
  const auto answer = connection.ask("show routes");
  berthd.join();
  ASSERT_TRUE(answer) << connection.why();
  EXPECT_EQ(answer->text.size(), 15u * 6);
  EXPECT_EQ(answer->status, 0);
}

TEST_F(ConnectionTest, SilenceIsToldWhereverItBegins) {
  acceptor_.listen();
  {
    Connection connection(folder_, 100ms);
    ASSERT_TRUE(connection.connected());
    EXPECT_FALSE(connection.ask("show version")) << "nothing comes";
    EXPECT_TRUE(connection.silent());
    EXPECT_THAT(connection.why(), HasSubstr("berthd does not answer"));
    EXPECT_FALSE(connection.connected()) << "a late answer would be taken for the next one's";
    EXPECT_TRUE(connection.connect());
    EXPECT_FALSE(connection.silent());
    EXPECT_FALSE(connection.ask(std::string(10'000'000, 'x'))) << "nothing is taken";
    EXPECT_TRUE(connection.silent());
  }
  std::thread berthd([this] {
    acceptor_.accept();  // the two above
    acceptor_.accept();
    stream_protocol::socket client = acceptor_.accept();
    boost::asio::write(client, boost::asio::buffer("half an ans", 11));
    std::array<char, 64> line;
    boost::system::error_code error;
    while (!error) client.read_some(boost::asio::buffer(line), error);
  });
  {
    Connection connection(folder_, 100ms);
    EXPECT_FALSE(connection.ask("show version")) << "half an answer";
    EXPECT_TRUE(connection.silent());
  }
  berthd.join();
}

TEST_F(ConnectionTest, AFullQueueIsSilenceToo) {
  acceptor_.listen(0);
  std::vector<std::unique_ptr<Connection>> waiting;
  for (int n = 0; n < 10 && (waiting.empty() || waiting.back()->connected()); ++n)
    waiting.push_back(std::make_unique<Connection>(folder_, 100ms));
  EXPECT_FALSE(waiting.back()->connected());
  EXPECT_TRUE(waiting.back()->silent());
  EXPECT_THAT(waiting.back()->why(), HasSubstr("berthd does not answer"));
  std::thread berthd([this] { acceptor_.accept(); });
  berthd.join();
  EXPECT_TRUE(waiting.back()->connect()) << "one was taken from it";
}

TEST_F(ConnectionTest, WhoGivesUpIsNotKept) {
  acceptor_.listen();
  Connection connection(folder_, 60s);
  sigset_t none;
  sigemptyset(&none);
  signal(SIGALRM, [](int) {});
  connection.wait_with(&none, [] { return true; });
  ualarm(50'000, 50'000);
  EXPECT_FALSE(connection.ask("show version"));
  ualarm(0, 0);
  EXPECT_FALSE(connection.silent());
  EXPECT_THAT(connection.why(), HasSubstr("not waited for"));
}

TEST_F(ConnectionTest, ACommandFailsWhenBerthdIsSilent) {
  acceptor_.listen();
  const auto begin = std::chrono::steady_clock::now();
  const auto [text, status] = berthctl("-c 'show status' -c 'show routes'");
  EXPECT_EQ(status, 1);
  EXPECT_THAT(text, HasSubstr("berthctl: berthd does not answer"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("closed"))) << "once, and not for the second command";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 9s) << "a few seconds";
}

}  // namespace
}  // namespace berth
