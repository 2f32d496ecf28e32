// SPDX-License-Identifier: GPL-2.0-or-later
//
// A shell of one of FRR's daemons, by its socket, as vtysh has one: a command with a zero byte behind it; the answer ends in three of
// them and a status (lib/vty.c, lib/command.h). The connection stays: what a shell has entered (`configure terminal`) it stays in, and
// its end tells that the daemon has ended.
//
// On the executor of who asks; one question at a time. Transient: it does not answer in that time, or not as a daemon of FRR's does.
// Permanent: berthd may not ask.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "fpm_bridge/vty/watched_stream.h"

namespace berth {

struct FrrAnswer {
  std::string text;
  int status = 0;
  // Else it is not of this daemon's language, or refused. A command that did nothing is taken too: `show ip route` of none.
  bool taken() const { return status == 0 || status == 1; }
};

class FrrShell {
 public:
  // `socket`: "/run/frr/bgpd.vty".
  FrrShell(const boost::asio::any_io_executor& executor, std::string socket);
  boost::asio::awaitable<Status> connect(std::chrono::milliseconds deadline);
  // As one who may change the configuration.
  boost::asio::awaitable<Status> connect_enabled(std::chrono::milliseconds deadline);
  // These lines, within `configure terminal`. Permanent: one of them is refused; the others are taken.
  boost::asio::awaitable<Status> configure(std::vector<std::string> lines, std::chrono::milliseconds deadline);
  boost::asio::awaitable<Result<FrrAnswer>> ask(std::string command, std::chrono::milliseconds deadline);
  // All of them at once; an answer for each.
  boost::asio::awaitable<Result<std::vector<FrrAnswer>>> ask_all(std::vector<std::string> commands,
                                                                 std::chrono::milliseconds deadline);
  // Tells once when the other end says something that nobody asked for, its end above all. Until the next question.
  void watch(std::function<void()> ended);
  void close();
  bool connected() const { return connected_; }
  const std::string& socket() const { return socket_; }

 private:
  boost::asio::awaitable<Result<FrrAnswer>> answer(WatchedStream::Stream& stream);
  Error silent(const boost::system::error_code& error);

  const std::string socket_;
  WatchedStream stream_;
  std::string heard_;
  bool connected_ = false;
};

// One question by a connection of its own. Permanent, too: the daemon has no such command.
boost::asio::awaitable<Result<std::string>> ask_frr(std::string socket, std::string command,
                                                    std::chrono::milliseconds deadline);

}  // namespace berth
