// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_watcher.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <chrono>

#include "container_watcher/docker/docker_facts.h"

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace berth {
namespace {
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kFullLook = 60s, kFirstBackoff = 100ms, kLastBackoff = 5s;
}  // namespace

DockerWatcher::DockerWatcher(asio::io_context& io, RuntimeConfig config, RuntimeSink& sink)
    : io_(io), config_(std::move(config)), sink_(sink), client_(config_.address), wake_(io) {}

void DockerWatcher::start() {
  asio::co_spawn(io_, run(), asio::detached);
}

void DockerWatcher::stop() {
  stopping_ = true;
  wake_.cancel();
}

asio::awaitable<void> DockerWatcher::run() {
  std::chrono::milliseconds backoff = kFirstBackoff;
  std::string told;
  while (!stopping_) {
    auto version = co_await client_.negotiate();
    bool was_in_sync = false;
    std::string why;
    if (!version) {
      why = version.error().message;
    } else {
      sink_.runtime_connected(config_.name, *version);
      open_ = ended_ = false;
      const auto alive = std::make_shared<bool>(true);
      asio::co_spawn(io_, drain(alive), asio::detached);
      dirty_ = true;
      while (!stopping_ && !ended_) {
        if (open_ && std::exchange(dirty_, false)) {
          auto all = co_await look();
          if (!all) {
            why = all.error().message;
            break;
          }
          sink_.snapshot(config_.name, std::move(*all));
          was_in_sync = true;
          if (dirty_) continue;
        }
        wake_.expires_after(kFullLook);
        const auto [cancelled] = co_await wake_.async_wait(kTuple);
        if (!cancelled) dirty_ = true;
      }
      *alive = false;
      if (why.empty()) why = why_;
    }
    if (stopping_) co_return;
    if (was_in_sync || why != told) sink_.runtime_lost(config_.name, why);
    told = why;
    backoff = was_in_sync ? kFirstBackoff : std::min<std::chrono::milliseconds>(backoff * 2, kLastBackoff);
    wake_.expires_after(backoff);
    co_await wake_.async_wait(kTuple);
  }
}

asio::awaitable<void> DockerWatcher::drain(std::shared_ptr<bool> alive) {
  const auto since =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()) - 2s;
  const auto look_again = [this, alive] {
    if (!*alive) return;
    dirty_ = true;
    wake_.cancel();
  };
  const Error error = co_await client_.stream(
      "/events?since=" + std::to_string(since.count()),
      [this, alive, look_again] {
        if (*alive) open_ = true;
        look_again();
      },
      [look_again](const json::value& event) {
        if (concerns_us(event)) look_again();
      });
  if (!*alive) co_return;
  why_ = error.message;
  ended_ = true;
  wake_.cancel();
}

asio::awaitable<Result<RuntimeSnapshot>> DockerWatcher::look() {
  auto networks = co_await client_.request("GET", "/networks");
  if (!networks) co_return networks.error();
  auto containers = co_await client_.request("GET", "/containers/json?all=1");
  if (!containers) co_return containers.error();
  SnapshotBuilder builder(config_.name);
  builder.containers(*containers);
  for (const std::string& id : builder.networks(*networks)) {
    auto network = co_await client_.request("GET", "/networks/" + id);
    if (network)
      builder.endpoints(*network);
    else if (network.error().kind != ErrorKind::Permanent)  // a 404: it went meanwhile
      co_return network.error();
  }
  co_return builder.take();
}

}  // namespace berth
