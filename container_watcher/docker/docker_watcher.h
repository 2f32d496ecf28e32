// SPDX-License-Identifier: GPL-2.0-or-later
//
// Watches one Docker: list and watch without a gap. Thread: the io_context's. Owner: the daemon.
//
// An event means "look again": one coroutine drains the stream into a queue that coalesces by network and container id,
// another looks. The stream is open, with a look two seconds back, before the list is taken. Addresses come from
// /networks/{id}, which answers at the connect event, while /containers/{id}/json would block until the start is
// complete. A list is taken at every connection and every minute, since a container that died while Docker was away
// gives no event, and when the queue overflows. Docker away: runtime_lost() once, then tries with back-off; nothing is
// called gone until the next list.
//
// Looks take a bounded share of a core at any rate of events (WorkShare); no look waits for that longer than 250 ms, and a
// start after a quiet time does not wait at all.
//
// A network of which Docker fails to tell (5xx, silence, nonsense) while it answers else holds nothing up: what was known
// of it is kept, it is told as unknown, and asked for again with a back-off of its own, beside all other looks.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/docker/docker_client.h"
#include "container_watcher/docker/docker_view.h"
#include "container_watcher/runtime.h"
#include "container_watcher/work_share.h"
#include "core/backoff.h"
#include "core/config.h"

namespace berth {

// What it cost, for show and for the tests.
struct DockerWatcherCounters {
  std::uint64_t events = 0;     // that asked for a look
  std::uint64_t coalesced = 0;  // that asked for a look already in the queue
  std::uint64_t overflows = 0;  // full lists because the queue was full
  std::uint64_t requests = 0;   // of looks
  std::uint64_t full_lists = 0;
  std::uint64_t failures = 0;  // looks that had to be repeated
  std::uint64_t losses = 0;    // of the stream
  std::uint64_t cut = 0;       // labels left out for their size
  std::uint64_t rests = 0;     // looks put off, since those before had taken their share of a core
};

class DockerWatcher {
 public:
  // `deadline`: for what Docker says of one network. It answers in a few milliseconds, at any time.
  DockerWatcher(boost::asio::io_context& io, RuntimeConfig config, RuntimeSink& sink,
                std::chrono::milliseconds deadline = std::chrono::seconds(3));
  void start();
  void stop();  // its coroutines end with the next turns of the io_context
  // What Docker has told of networks of that name. Nothing: there is none, or Docker has not told of all yet; ask it.
  std::vector<NetworkFact> networks_called(std::string_view name) const;
  const DockerWatcherCounters& counters() const { return counters_; }
  // The last 512: from Docker's timeNano of a network event to the call of the sink that followed.
  const std::vector<std::chrono::nanoseconds>& latencies() const { return latencies_; }

 private:
  struct Session;
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<std::string> watch(std::string version);  // returns why it ended
  boost::asio::awaitable<void> drain(std::shared_ptr<Session> session);
  boost::asio::awaitable<void> ask_unknown(std::shared_ptr<Session> session);
  boost::asio::awaitable<Status> list();
  boost::asio::awaitable<Status> ask_network(std::string id, std::string name);
  boost::asio::awaitable<Status> look_at_all();
  boost::asio::awaitable<Status> look_at_network(std::string id);
  boost::asio::awaitable<Status> look_at_containers(std::vector<std::string> ids);
  boost::asio::awaitable<Status> look_at_pending();
  void note(const boost::json::value& event);
  void lose_sight(const UnknownNetwork& network, bool asked);
  void see_again(const std::string& id);
  std::vector<UnknownNetwork> unknown();
  void tell(std::int64_t time_nano);
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
  boost::asio::awaitable<void> rest(const WorkShare& share);

  boost::asio::io_context& io_;
  RuntimeConfig config_;
  RuntimeSink& sink_;
  DockerClient client_;
  DockerView view_;
  boost::asio::steady_timer wake_, wake_unknown_;
  std::chrono::milliseconds deadline_;
  WorkShare looks_, lists_;
  bool stopping_ = false, all_ = false, resting_ = false, in_sync_ = false;
  struct Unknown {
    UnknownNetwork network;
    Backoff<std::chrono::milliseconds> backoff;
    std::chrono::steady_clock::time_point due;
  };
  std::map<std::string, Unknown> unknown_;  // by network id
  bool unknown_told_ = true;
  std::map<std::string, std::int64_t> pending_networks_;  // to the time of the first event
  std::set<std::string> pending_containers_;
  DockerWatcherCounters counters_;
  std::vector<std::chrono::nanoseconds> latencies_;
  std::size_t next_latency_ = 0;
};

}  // namespace berth
