// SPDX-License-Identifier: GPL-2.0-or-later
//
// The door of berthctl: a unix socket that speaks FRR's vty protocol. A client writes `command` and a zero byte; the
// answer is the text, three zero bytes and a status byte (VtyStatus).
//
// Thread: the io_context's. Owner: the daemon. Bounded: clients, the length of a line, one answer at a time for each client;
// a client that does not read its answer for 30 s is dropped. Only root, berthd's own user and the group frrvty may speak.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "core/result.h"
#include "daemon/vty/shell.h"

namespace berth {

struct VtyOptions {
  std::string path = "/run/frr/berthd.vty";
  std::size_t max_clients = 32;
  std::size_t max_line = 4096;  // bytes, as in FRR
  std::string group = "frrvty";
};

class VtyServer {
 public:
  VtyServer(boost::asio::io_context& io, VtyOptions options, ShellHost& host);
  ~VtyServer();
  // Permanent: another berthd listens at that path, or it is too long for a socket. Transient: all else, such as a folder
  // that is not there (FRR makes /run/frr); call again later.
  Status start();
  bool listening() const { return listening_; }
  void stop();  // takes the socket away, unless it is another's by now
  void set_max_clients(std::size_t n) { options_.max_clients = n; }
  const std::map<std::string, std::uint64_t>& counters() const { return counters_; }

 private:
  using Socket = boost::asio::local::stream_protocol::socket;
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(std::shared_ptr<Socket> socket);
  boost::asio::awaitable<bool> send(std::shared_ptr<Socket> socket, Reply reply);
  bool may_speak(Socket& socket) const;
  bool open_to_group();  // false: what is at the path is not what bind made

  boost::asio::io_context& io_;
  VtyOptions options_;
  Shell shell_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::set<std::shared_ptr<Socket>> clients_;
  std::map<std::string, std::uint64_t> counters_;
  bool listening_ = false;
  std::pair<dev_t, ino_t> made_;  // the socket's file
};

}  // namespace berth
