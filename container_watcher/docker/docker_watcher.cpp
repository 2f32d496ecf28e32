// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_watcher.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace berth {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kFullList = 60s, kFirstBackoff = 100ms, kLastBackoff = 5s;
constexpr std::size_t kMostPending = 4096, kAtATime = 50, kLatencies = 512;
constexpr int kMostFailures = 5;  // in a row, then the connection is made anew

}  // namespace

struct DockerWatcher::Session {
  bool open = false, ended = false, wanted = true;
  std::string why;
};

DockerWatcher::DockerWatcher(asio::io_context& io, RuntimeConfig config, RuntimeSink& sink)
    : io_(io), config_(std::move(config)), sink_(sink), client_(config_.address), view_(config_.name), wake_(io) {}

void DockerWatcher::start() {
  asio::co_spawn(io_, run(), asio::detached);
}

void DockerWatcher::stop() {
  stopping_ = true;
  wake_.cancel();
  client_.cancel();
}

asio::awaitable<void> DockerWatcher::pause(std::chrono::milliseconds time) {
  if (stopping_) co_return;
  wake_.expires_after(time);
  co_await wake_.async_wait(kTuple);
}

asio::awaitable<void> DockerWatcher::run() {
  std::chrono::milliseconds backoff = kFirstBackoff;
  bool told = false;  // that it is away
  while (!stopping_) {
    bool in_sync = false;
    std::string why;
    auto version = co_await client_.negotiate();
    if (version)
      why = co_await watch(*version, in_sync);
    else
      why = version.error().message;
    if (stopping_) co_return;
    if (in_sync) {
      backoff = kFirstBackoff;
      told = false;
      ++counters_.losses;
    }
    if (!std::exchange(told, true)) sink_.runtime_lost(config_.name, why);
    co_await pause(backoff);
    backoff = std::min<std::chrono::milliseconds>(backoff * 2, kLastBackoff);
  }
}

asio::awaitable<std::string> DockerWatcher::watch(std::string version, bool& in_sync) {
  const auto session = std::make_shared<Session>();
  asio::co_spawn(io_, drain(session), asio::detached);
  pending_networks_.clear();
  pending_containers_.clear();
  all_ = true;
  int failures = 0;
  auto next_list = Clock::now();
  while (!stopping_ && !session->ended) {
    if (Clock::now() >= next_list) all_ = true;
    if (!session->open || !(all_ || !pending_networks_.empty() || !pending_containers_.empty())) {
      co_await pause(std::max(1ms, std::chrono::ceil<std::chrono::milliseconds>(
                                       session->open ? next_list - Clock::now() : Clock::duration(kFullList))));
      continue;
    }
    Status looked;
    if (all_) {
      looked = co_await look_at_all();
      if (looked && !stopping_) {
        if (!std::exchange(in_sync, true)) sink_.runtime_connected(config_.name, version);
        sink_.snapshot(config_.name, view_.snapshot());
        next_list = Clock::now() + kFullList;
      }
    } else {
      looked = co_await look_at_pending();
    }
    if (looked) {
      failures = 0;
      continue;
    }
    ++counters_.failures;
    if (session->ended) break;
    if (++failures >= kMostFailures) {
      session->why = looked.error().message;
      break;
    }
    co_await pause(kFirstBackoff * (1 << failures));
  }
  session->wanted = false;
  if (!session->ended) client_.cancel();
  co_return session->why;
}

asio::awaitable<void> DockerWatcher::drain(std::shared_ptr<Session> session) {
  // The header comes before the subscription is made, hence the look back.
  const auto since =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()) - 2s;
  // Named, and outside of the co_await: GCC 12 destroys what a lambda captures twice when it is a temporary of one
  // (GCC PR 100611).
  std::function<void()> opened = [this, session] {
    session->open = true;
    if (session->wanted) wake_.cancel();
  };
  std::function<void(const boost::json::value&)> event = [this, session](const boost::json::value& each) {
    if (session->wanted) note(each);
  };
  auto stream = client_.stream("/events?since=" + std::to_string(since.count()), std::move(opened), std::move(event));
  const Error error = co_await std::move(stream);
  session->ended = true;
  if (!session->wanted) co_return;
  session->why = error.message;
  wake_.cancel();
}

void DockerWatcher::note(const boost::json::value& event) {
  const EventSubject subject = subject_of(event);
  if (subject.all) all_ = true;
  bool fresh = subject.all;
  if (is_docker_id(subject.network))
    fresh = pending_networks_.emplace(subject.network, subject.time_nano).second || fresh;
  else if (is_docker_id(subject.container))
    fresh = pending_containers_.insert(subject.container).second || fresh;
  else if (!subject.all)
    return;
  ++counters_.events;
  if (!fresh) ++counters_.coalesced;
  if (pending_networks_.size() + pending_containers_.size() > kMostPending) {
    ++counters_.overflows;
    pending_networks_.clear();
    pending_containers_.clear();
    all_ = true;
  }
  wake_.cancel();
}

asio::awaitable<Status> list_docker(DockerClient& client, DockerView& view, std::uint64_t& requests) {
  requests += 2;
  auto networks = co_await client.request("GET", "/networks");
  if (!networks) co_return networks.error();
  auto containers = co_await client.request("GET", "/containers/json?all=1");
  if (!containers) co_return containers.error();
  view.containers(*containers);
  for (const std::string& id : view.networks(*networks)) {
    if (!is_docker_id(id)) continue;
    ++requests;
    auto network = co_await client.request("GET", "/networks/" + id);
    if (network)
      view.network(*network);
    else if (network.error().kind != ErrorKind::Stale)  // a 404: it went meanwhile
      co_return network.error();
  }
  co_return Status();
}

asio::awaitable<Status> DockerWatcher::look_at_all() {
  all_ = false;
  ++counters_.full_lists;
  DockerView fresh(config_.name);
  Status listed = co_await list_docker(client_, fresh, counters_.requests);
  // Begun after the list of containers was made: their endpoints are there already.
  while (listed) {
    const std::vector<std::string> unknown = fresh.unknown();
    if (unknown.empty()) break;
    const std::vector<std::string> some(unknown.begin(), unknown.begin() + std::min(unknown.size(), kAtATime));
    std::swap(view_, fresh);
    listed = co_await look_at_containers(some);
    std::swap(view_, fresh);
  }
  if (listed) {
    counters_.cut += fresh.cut();
    view_ = std::move(fresh);
  } else {
    all_ = true;
  }
  co_return listed;
}

asio::awaitable<Status> DockerWatcher::look_at_containers(std::vector<std::string> ids) {
  std::string filter;
  for (const std::string& id : ids) filter += (filter.empty() ? "%22" : ",%22") + id + "%22";
  ++counters_.requests;
  auto list = co_await client_.request("GET", "/containers/json?all=1&filters=%7B%22id%22%3A%5B" + filter + "%5D%7D");
  if (!list) co_return list.error();
  for (const std::string& id : ids) view_.container_absent(id);
  view_.containers(*list);
  co_return Status();
}

asio::awaitable<Status> DockerWatcher::look_at_network(std::string id) {
  ++counters_.requests;
  auto network = co_await client_.request("GET", "/networks/" + id);
  if (network) {
    view_.network(*network);
  } else if (network.error().kind == ErrorKind::Stale) {
    view_.network_absent(id);
  } else {
    co_return network.error();
  }
  std::vector<std::string> unknown = view_.unknown();
  unknown.resize(std::min(unknown.size(), kAtATime));
  if (unknown.empty()) co_return Status();
  for (const std::string& each : unknown) pending_containers_.erase(each);  // the same look
  Status looked = co_await look_at_containers(unknown);
  if (!looked) pending_containers_.insert(unknown.begin(), unknown.end());
  co_return looked;
}

// One by one, each told at once: the first must not wait for the last.
asio::awaitable<Status> DockerWatcher::look_at_pending() {
  while (!pending_networks_.empty() && !all_) {
    const auto [id, time] = *pending_networks_.begin();
    pending_networks_.erase(pending_networks_.begin());
    const Status looked = co_await look_at_network(id);
    if (stopping_) co_return Status();
    if (!looked) {
      pending_networks_.emplace(id, time);
      co_return looked;
    }
    tell(time);
  }
  std::vector<std::string> some;
  while (!pending_containers_.empty() && some.size() < kAtATime)
    some.push_back(std::move(pending_containers_.extract(pending_containers_.begin()).value()));
  if (some.empty()) co_return Status();
  const Status looked = co_await look_at_containers(some);
  if (stopping_) co_return Status();
  if (!looked) {
    pending_containers_.insert(some.begin(), some.end());
    co_return looked;
  }
  tell(0);
  co_return Status();
}

void DockerWatcher::tell(std::int64_t time_nano) {
  DockerChanges changes = view_.take();
  const bool any = !changes.containers.empty();
  for (NetworkFact& each : changes.networks) sink_.network_changed(std::move(each));
  for (const ContainerKey& each : changes.containers_gone) sink_.container_gone(each);
  for (ContainerFact& each : changes.containers) sink_.container_changed(std::move(each));
  for (const std::string& each : changes.networks_gone) sink_.network_gone(config_.name, each);
  if (!any || time_nano == 0) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(now) - std::chrono::nanoseconds(time_nano);
  if (latencies_.size() < kLatencies)
    latencies_.push_back(took);
  else
    latencies_[next_latency_++ % kLatencies] = took;
}

}  // namespace berth
