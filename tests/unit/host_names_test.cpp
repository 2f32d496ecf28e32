// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_names.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace berth {
namespace {

using namespace std::chrono_literals;

const IpAddress kOne = *IpAddress::parse("192.0.2.1");

template <class Is>
bool soon(const Is& is) {
  for (int tries = 0; tries < 2000 && !is(); ++tries) std::this_thread::sleep_for(5ms);
  return is();
}

TEST(HostNames, AreKnownALittleLaterAndAskedForOnce) {
  std::atomic<int> asked = 0;
  HostNames names([&](const IpAddress& address) {
    ++asked;
    return address == kOne ? "host1" : "";
  });
  EXPECT_EQ(names.of(kOne), "");
  EXPECT_TRUE(soon([&] { return names.of(kOne) == "host1"; }));
  EXPECT_EQ(names.told(kOne), "host1 (VTEP 192.0.2.1)");
  EXPECT_EQ(asked, 1);
  const IpAddress other = *IpAddress::parse("2001:db8::1");
  EXPECT_EQ(names.of(other), "");
  EXPECT_TRUE(soon([&] { return asked == 2; }));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(names.told(other), "the host with the VTEP 2001:db8::1");
  EXPECT_EQ(asked, 2) << "that there is none is an answer";
}

TEST(HostNames, ASlowDnsHoldsNobody) {
  std::promise<void> answer;
  const auto came = std::make_shared<std::shared_future<void>>(answer.get_future());
  const auto asked = std::make_shared<std::atomic<bool>>(false), done = std::make_shared<std::atomic<bool>>(false);
  const auto begin = std::chrono::steady_clock::now();
  {
    HostNames names([came, asked, done](const IpAddress&) {
      *asked = true;
      came->wait();
      *done = true;
      return std::string("late");
    });
    EXPECT_EQ(names.of(kOne), "");
    EXPECT_TRUE(soon([&] { return asked->load(); }));
    EXPECT_EQ(names.of(kOne), "");
  }
  EXPECT_FALSE(*done);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  answer.set_value();
  EXPECT_TRUE(soon([&] { return done->load(); })) << "its thread ends by itself";
}

TEST(HostNames, OfThisHost) {
  EXPECT_NE(name_of_host(*IpAddress::parse("127.0.0.1")), "") << "of /etc/hosts";
  EXPECT_EQ(name_of_host(*IpAddress::parse("192.0.2.213")), "");
}

}  // namespace
}  // namespace berth
