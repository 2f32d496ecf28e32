// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/sweep.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "daemon/tenants.h"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kPatience = 10s;
constexpr auto kLastWords = 200ms;

// Says that nothing is wanted.
struct Broom : RouteSinkListener {
  explicit Broom(asio::io_context& the_io) : io(the_io) {}
  void sink_connected(const RouteSinkInfo&) override { sink->end_of_sync(); }
  void sink_lost(const Error& why) override { trouble = why; }
  void sink_troubled(const std::optional<Error>& why) override {
    if (why) trouble = *why;
  }
  void sink_synced(std::uint32_t n) override {
    swept = n;
    io.stop();
  }
  void sink_answered(const RibAnswer&) override {}
  void sink_found(const RibFound&) override {}

  asio::io_context& io;
  std::unique_ptr<RouteSink> sink;
  std::optional<std::uint32_t> swept;
  Error trouble = transient("FRR does not answer");
};

}  // namespace

Result<std::uint32_t> sweep(const Config& config, const std::string& vty_socket) {
  asio::io_context io(1);
  asio::local::stream_protocol::socket shell(io);
  boost::system::error_code away;
  shell.connect(asio::local::stream_protocol::endpoint(vty_socket.empty() ? config.vty.socket : vty_socket), away);
  if (away != boost::system::errc::no_such_file_or_directory && away != boost::system::errc::connection_refused)
    return permanent("a berthd runs, and the routes are its own",
                     "berthctl -c withdraw, or systemctl stop berthd before berthd --sweep");
  Broom broom(io);
  broom.sink = find_route_sink_kind(config.zebra.way)->make(io, config.settled_zebra(), broom);
  broom.sink->start();
  io.run_for(kPatience);
  broom.sink->stop();
  io.restart();
  io.run_for(kLastWords);
  if (broom.swept) return *broom.swept;
  return broom.trouble;
}

}  // namespace berth
