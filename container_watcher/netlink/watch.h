// SPDX-License-Identifier: GPL-2.0-or-later
//
// Hears that the kernel changed something in this network namespace. What it says is never read: a notification means "look
// again", so that one that was lost (ENOBUFS) means the same. Everything on the io_context's thread; while the kernel is
// silent nothing runs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <set>

namespace berth {

enum class HostChange { Links, Addresses, Forwarding, Routes, Neighbours, Rules };

class Watch {
 public:
  struct Counts {
    std::uint64_t notifications = 0, overruns = 0;  // messages; times that some were lost
  };
  using Listener = std::function<void(const Counts&)>;  // look again; once for all that was there to read
  // `buffer`: bytes that wait in the kernel for us; 0: as the kernel has it.
  Watch(boost::asio::io_context& io, std::set<HostChange> changes, Listener listener, int buffer = 0);
  // False: the kernel does not let us listen to all of it, and somebody has to look by the clock.
  bool start();
  void stop();

 private:
  using Socket = boost::asio::posix::stream_descriptor;
  bool open(Socket* socket, int protocol, const std::vector<unsigned>& groups);
  void wait(Socket* socket);

  const std::set<HostChange> changes_;
  const Listener listener_;
  const int buffer_;
  Socket route_, netfilter_;
  Counts counts_;
};

}  // namespace berth
