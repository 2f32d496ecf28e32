// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/sweep.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "daemon/tenants.h"
#include "fpm_bridge/vty/frr_shell.h"

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kPatience = 10s;
constexpr auto kLastWords = 200ms;

// Says that nothing is wanted.
struct Broom : RouteSinkListener {
  explicit Broom(asio::io_context& the_io) : io(the_io) {}
  void sink_connected(const RouteSinkInfo&) override {
    trouble = {ErrorKind::Transient, "FRR has not let go of all routes in time", "berthd --sweep again"};
    sink->end_of_sync();
  }
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

std::string ways() {
  std::string out;
  for (const RouteSinkKind& each : route_sink_kinds()) out += (out.empty() ? "" : " ") + each.name;
  return out;
}

asio::awaitable<void> ask_way(std::string vty_socket, std::string& way) {
  const auto answer = co_await ask_frr(std::move(vty_socket), "show version json", kPatience);
  boost::system::error_code wrong;
  const json::value version = answer ? json::parse(*answer, wrong) : json::value();
  const json::value* told = version.is_object() ? version.as_object().if_contains("way") : nullptr;
  if (told && told->is_string()) way = std::string(told->as_string());
}

// By which way a berthd that runs there reaches zebra; empty where it does not say. nullopt: none runs.
std::optional<std::string> way_of_running(asio::io_context& io, const std::string& vty_socket) {
  asio::local::stream_protocol::socket shell(io);
  boost::system::error_code away;
  shell.connect(asio::local::stream_protocol::endpoint(vty_socket), away);
  if (away == boost::system::errc::no_such_file_or_directory || away == boost::system::errc::connection_refused)
    return std::nullopt;
  std::string way;
  asio::co_spawn(io, ask_way(vty_socket, way), asio::detached);
  io.run();
  io.restart();
  return way;
}

}  // namespace

Result<std::uint32_t> sweep(const Config& config, const std::string& way, const std::string& vty_socket) {
  ZebraConfig zebra = config.settled_zebra();
  if (!way.empty() && way != zebra.way) {
    zebra.way = way;
    const RouteSinkKind* other = find_route_sink_kind(way);
    if (!other) return permanent("there is no way '" + way + "' into zebra", "it is one of: " + ways());
    zebra.socket = other->address;
  }
  asio::io_context io(1);
  const auto running = way_of_running(io, vty_socket.empty() ? config.vty.socket : vty_socket);
  if (running && (running->empty() || *running == zebra.way))
    return permanent("a berthd runs, and the routes are its own",
                     "berthctl -c withdraw, or systemctl stop berthd before berthd --sweep");
  Broom broom(io);
  broom.sink = find_route_sink_kind(zebra.way)->make(io, zebra, broom);
  broom.sink->start();
  io.run_for(kPatience);
  broom.sink->stop();
  io.restart();
  io.run_for(kLastWords);
  if (broom.swept) return *broom.swept;
  return Error{ErrorKind::Transient, broom.trouble.message, broom.trouble.remedy};
}

}  // namespace berth
