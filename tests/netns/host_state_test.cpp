// SPDX-License-Identifier: GPL-2.0-or-later
//
// In a network namespace of its own, with the real kernel; skipped where that is not allowed.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "container_watcher/netlink/executor.h"
#include "container_watcher/netlink/observer.h"
#include "tests/netns/host_fixture.h"

namespace berth {
namespace {

// How many RTM_NEWADDR wait in the socket.
int announced(int socket) {
  int count = 0;
  std::array<char, 16384> data;
  for (ssize_t n; (n = recv(socket, data.data(), data.size(), MSG_DONTWAIT)) > 0;) {
    auto left = static_cast<unsigned>(n);
    for (auto* each = reinterpret_cast<nlmsghdr*>(data.data()); NLMSG_OK(each, left); each = NLMSG_NEXT(each, left))
      count += each->nlmsg_type == RTM_NEWADDR;
  }
  return count;
}

class HostStateTest : public OwnNamespace {};

TEST_F(HostStateTest, SeesLinksAndSaysAddressesAgainUnchanged) {
  if (!own_) GTEST_SKIP() << "no network namespace of its own";
  ASSERT_EQ(
      std::system(
          "ip link add br0 type bridge && ip link set br0 addrgenmode none && ip addr add 10.1.0.1/24 brd + dev br0 && "
          "ip -6 addr add fd00:1::1/64 dev br0 nodad && ip link set br0 up"),
      0);
  const auto state = KernelObserver().state();
  ASSERT_TRUE(state);
  ASSERT_TRUE(state->find("br0"));
  EXPECT_EQ(state->find("br0")->kind, "bridge");
  EXPECT_FALSE(state->find("br0")->addresses.empty());
  EXPECT_TRUE(state->addresses.contains(*IpAddress::parse("10.1.0.1")));
  EXPECT_TRUE(state->addresses.contains(*IpAddress::parse("fd00:1::1")));

  const int listener = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&groups), sizeof groups), 0);
  // The kernel says on its own, later, what became of an IPv6 address when its link went up.
  pollfd late{listener, POLLIN, 0};
  while (poll(&late, 1, 300) > 0) announced(listener);
  const std::string before = output_of("ip addr show dev br0 scope global");
  ASSERT_NE(before.find("10.1.0.1/24 brd 10.1.0.255"), std::string::npos) << before;
  KernelExecutor executor;
  ASSERT_TRUE(executor.apply(RepeatAddresses{"br0"}));
  EXPECT_EQ(announced(listener), 2);
  EXPECT_EQ(output_of("ip addr show dev br0 scope global"), before);
  EXPECT_EQ(executor.apply(RepeatAddresses{"nowhere0"}).error().kind, ErrorKind::Stale);
  close(listener);
}

}  // namespace
}  // namespace berth
