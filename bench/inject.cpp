// SPDX-License-Identifier: GPL-2.0-or-later
//
// Puts N host routes, waits until all are there, takes them back, waits until all are gone; prints the seconds of both.
//   berth_bench_inject berth SOCKET INTERFACE N    through the daemon's own client: acknowledged installed, then gone
//   berth_bench_inject rtnetlink INTERFACE N       straight into the kernel, in batches: the limit (no RIB holds them)
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fpm_bridge/client/zebra_client.h"

namespace {

using namespace berth;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kFirst = 0x0a800001;  // 10.128.0.1; bench/inject.py counts in the same way

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::array<std::uint8_t, 4> address(std::uint32_t i) {
  const std::uint32_t a = kFirst + i;
  return {static_cast<std::uint8_t>(a >> 24), static_cast<std::uint8_t>(a >> 16), static_cast<std::uint8_t>(a >> 8),
          static_cast<std::uint8_t>(a)};
}

RibKey key(std::uint32_t i) {
  return {RibKind::Route, Prefix::of(*IpAddress::from_bytes(address(i)), 32)};
}

class Injection : public RouteSinkListener {
 public:
  Injection(boost::asio::io_context& io, const std::string& socket, std::string interface, std::uint32_t n)
      : io_(io), zebra_(io, {"socket", socket, 1}, *this), interface_(std::move(interface)), n_(n) {}
  int run() {
    zebra_.start();
    io_.run();
    return failed_ ? 1 : 0;
  }

 private:
  void sink_connected(const RouteSinkInfo&) override {
    begin_ = Clock::now();
    for (std::uint32_t i = 0; i < n_; ++i) zebra_.ask(key(i).prefix);  // as berthd does before it announces
  }
  void sink_troubled(const std::optional<Error>&) override {}
  void sink_lost(const Error& why) override {
    if (!done_) fail(why.message);
  }
  void sink_synced(std::uint32_t) override {}
  void sink_answered(const RibAnswer& answer) override {
    if (answer.state == RibState::Rejected) return fail(answer.reason);
    if (!deleting_ && answer.state == RibState::Installed && ++count_ == n_) {
      add_seconds_ = since(begin_);
      deleting_ = true;
      count_ = 0;
      begin_ = Clock::now();
      for (std::uint32_t i = 0; i < n_; ++i) zebra_.remove(key(i));
    } else if (deleting_ && answer.state == RibState::Gone && ++count_ == n_) {
      std::printf("{\"add\": %.6f, \"delete\": %.6f}\n", add_seconds_, since(begin_));
      done_ = true;
      zebra_.stop();
      io_.stop();
    }
  }
  void sink_found(const RibFound& found) override {
    zebra_.put({{RibKind::Route, found.prefix}, 100, interface_, {}, 0, 0});
  }
  void fail(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    failed_ = true;
    io_.stop();
  }

  boost::asio::io_context& io_;
  ZebraClient zebra_;
  std::string interface_;
  std::uint32_t n_, count_ = 0;
  bool deleting_ = false, done_ = false, failed_ = false;
  double add_seconds_ = 0;
  Clock::time_point begin_;
};

// Batches of requests, of which the last asks for an acknowledgement; an error comes unasked.
class Rtnetlink {
 public:
  Rtnetlink() : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {}
  ~Rtnetlink() { close(socket_); }

  bool all(std::uint16_t type, std::uint32_t interface, std::uint32_t n) {
    std::vector<char> batch;
    for (std::uint32_t i = 0; i < n; ++i) {
      const bool last = i + 1 == n || (i + 1) % kBatch == 0;
      append(batch, type, interface, i, last);
      if (!last) continue;
      if (send(socket_, batch.data(), batch.size(), 0) < 0) return false;
      batch.clear();
      if (!acknowledged(i)) return false;
    }
    return true;
  }

 private:
  static constexpr std::uint32_t kBatch = 500;
  struct Request {
    nlmsghdr header;
    rtmsg route;
    rtattr destination_header;
    std::array<std::uint8_t, 4> destination;
    rtattr interface_header;
    std::uint32_t interface;
  };

  static void append(std::vector<char>& batch, std::uint16_t type, std::uint32_t interface, std::uint32_t i,
                     bool last) {
    Request request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = type;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    if (type == RTM_NEWROUTE) request.header.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
    if (last) request.header.nlmsg_flags |= NLM_F_ACK;
    request.header.nlmsg_seq = i;
    request.route.rtm_family = AF_INET;
    request.route.rtm_dst_len = 32;
    request.route.rtm_table = RT_TABLE_MAIN;
    request.route.rtm_protocol = RTPROT_STATIC + 80;
    request.route.rtm_scope = RT_SCOPE_LINK;
    request.route.rtm_type = RTN_UNICAST;
    request.destination_header = {RTA_LENGTH(4), RTA_DST};
    request.destination = address(i);
    request.interface_header = {RTA_LENGTH(4), RTA_OIF};
    request.interface = interface;
    const char* bytes = reinterpret_cast<const char*>(&request);
    batch.insert(batch.end(), bytes, bytes + sizeof request);
  }

  bool acknowledged(std::uint32_t sequence) {
    std::array<char, 65536> buffer;
    for (;;) {
      const ssize_t size = recv(socket_, buffer.data(), buffer.size(), 0);
      if (size < 0) return false;
      int left = static_cast<int>(size);
      for (auto* each = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(each, left);
           each = NLMSG_NEXT(each, left)) {
        if (each->nlmsg_type != NLMSG_ERROR) continue;
        nlmsgerr answer;
        std::memcpy(&answer, NLMSG_DATA(each), sizeof answer);
        if (answer.error != 0) {
          std::fprintf(stderr, "route %u: %s\n", each->nlmsg_seq, std::strerror(-answer.error));
          return false;
        }
        if (each->nlmsg_seq == sequence) return true;
      }
    }
  }

  int socket_;
};

int rtnetlink(const std::string& name, std::uint32_t n) {
  Rtnetlink kernel;
  const std::uint32_t interface = if_nametoindex(name.c_str());
  const auto begin = Clock::now();
  if (!kernel.all(RTM_NEWROUTE, interface, n)) return 1;
  const double add = since(begin);
  const auto middle = Clock::now();
  if (!kernel.all(RTM_DELROUTE, interface, n)) return 1;
  std::printf("{\"add\": %.6f, \"delete\": %.6f}\n", add, since(middle));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const auto number = [&](std::size_t at) {
    return static_cast<std::uint32_t>(std::strtoul(args[at].c_str(), nullptr, 10));
  };
  if (args.size() == 4 && args[0] == "berth" && number(3) > 0) {
    boost::asio::io_context io;
    return Injection(io, args[1], args[2], number(3)).run();
  }
  if (args.size() == 3 && args[0] == "rtnetlink" && number(2) > 0) return rtnetlink(args[1], number(2));
  std::fprintf(stderr, "berth_bench_inject berth SOCKET INTERFACE N | rtnetlink INTERFACE N\n");
  return 2;
}
