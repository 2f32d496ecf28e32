// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/watch.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "container_watcher/netlink/fd.h"

namespace berth {
namespace {

constexpr int kSlice = 64;  // messages at a time, so that a storm does not keep the daemon's thread

std::vector<unsigned> groups_of(const std::set<HostChange>& changes) {
  std::vector<unsigned> out;
  for (const HostChange each : changes) switch (each) {
      case HostChange::Links: out.push_back(RTNLGRP_LINK); break;
      case HostChange::Addresses: out.insert(out.end(), {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR}); break;
      case HostChange::Forwarding: out.insert(out.end(), {RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF}); break;
      case HostChange::Routes: out.insert(out.end(), {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE}); break;
      case HostChange::Neighbours: out.push_back(RTNLGRP_NEIGH); break;
      case HostChange::Rules: break;
    }
  return out;
}

}  // namespace

Watch::Watch(boost::asio::io_context& io, std::set<HostChange> changes, Listener listener, int buffer)
    : changes_(std::move(changes)), listener_(std::move(listener)), buffer_(buffer), route_(io), netfilter_(io) {}

bool Watch::start() {
  const std::vector<unsigned> groups = groups_of(changes_);
  const bool route = groups.empty() || open(&route_, NETLINK_ROUTE, groups);
  const bool rules = !changes_.contains(HostChange::Rules) || open(&netfilter_, NETLINK_NETFILTER, {NFNLGRP_NFTABLES});
  return route && rules;
}

void Watch::stop() {
  boost::system::error_code ignored;
  route_.close(ignored);
  netfilter_.close(ignored);
}

bool Watch::open(Socket* socket, int protocol, const std::vector<unsigned>& groups) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  bool ok = fd && bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  for (const unsigned group : groups)
    ok = ok && setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
  if (buffer_ > 0) ok = ok && setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer_, sizeof buffer_) == 0;
  if (!ok) return false;
  socket->assign(fd.release());
  wait(socket);
  return true;
}

void Watch::wait(Socket* socket) {
  socket->async_wait(Socket::wait_read, [this, socket](boost::system::error_code error) {
    if (error || !socket->is_open()) return;
    std::array<char, 16384> buffer;
    for (int i = 0; i < kSlice; ++i) {
      const ssize_t size = recv(socket->native_handle(), buffer.data(), buffer.size(), 0);
      if (size >= 0) {
        ++counts_.notifications;
        continue;
      }
      if (errno == ENOBUFS) ++counts_.overruns;
      if (errno != ENOBUFS && errno != EINTR) break;
    }
    wait(socket);
    listener_(counts_);
  });
}

}  // namespace berth
