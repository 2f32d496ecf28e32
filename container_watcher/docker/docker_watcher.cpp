// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_watcher.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "container_watcher/docker/docker_facts.h"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace berth {
namespace {

constexpr std::chrono::milliseconds kFullList = 60s, kFirstBackoff = 100ms, kFirstLookBackoff = 200ms,
                                    kLastBackoff = 5s;
constexpr std::chrono::milliseconds kLastUnknownBackoff = 60s;
constexpr int kListDeadlines = 3;  // the time for what networks say in a list; who is left then is asked for afterwards
constexpr std::size_t kMostPending = 4096, kAtATime = 50, kLatencies = 512;
// What looks may take of a core: most of it is Docker's list of all that are on a network, which it makes anew for each
// container that comes or goes.
constexpr int kLooksShare = 40, kListsShare = 4;
constexpr std::chrono::milliseconds kLooksSaved = 50ms, kLongestRest = 250ms;
constexpr int kMostFailures = 5;  // in a row, then the connection is made anew

}  // namespace

struct DockerWatcher::Session {
  bool open = false, ended = false, wanted = true;
  std::string why;
};

DockerWatcher::DockerWatcher(asio::io_context& io, RuntimeConfig config, RuntimeSink& sink,
                             std::chrono::milliseconds deadline)
    : io_(io),
      config_(std::move(config)),
      sink_(sink),
      client_(config_.address),
      view_(config_.name),
      wake_(io),
      wake_unknown_(io),
      deadline_(deadline),
      looks_(kLooksShare, kLooksSaved),
      lists_(kListsShare, 0ms) {}

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
  co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
}

// Events come meanwhile, and are looked at together afterwards.
asio::awaitable<void> DockerWatcher::rest(const WorkShare& share) {
  const auto time = std::min<Clock::duration>(share.due() - Clock::now(), kLongestRest);
  if (time <= 0ms) co_return;
  ++counters_.rests;
  resting_ = true;
  co_await pause(std::chrono::ceil<std::chrono::milliseconds>(time));
  resting_ = false;
}

asio::awaitable<void> DockerWatcher::run() {
  Backoff<std::chrono::milliseconds> backoff(kFirstBackoff, kLastBackoff);
  bool told = false;  // that it is away
  while (!stopping_) {
    in_sync_ = false;
    std::string why;
    auto version = co_await client_.negotiate();
    if (version)
      why = co_await watch(*version);
    else
      why = version.error().message;
    if (stopping_) co_return;
    if (std::exchange(in_sync_, false)) {
      backoff.reset();
      told = false;
      ++counters_.losses;
    }
    if (!std::exchange(told, true)) sink_.runtime_lost(config_.name, why);
    co_await pause(backoff.next());
  }
}

asio::awaitable<std::string> DockerWatcher::watch(std::string version) {
  const auto session = std::make_shared<Session>();
  asio::co_spawn(io_, drain(session), asio::detached);
  unknown_.clear();  // all is asked for anew
  asio::co_spawn(io_, ask_unknown(session), asio::detached);
  pending_networks_.clear();
  pending_containers_.clear();
  all_ = true;
  int failures = 0;
  Backoff<std::chrono::milliseconds> again(kFirstLookBackoff, kLastBackoff);
  auto next_list = Clock::now();
  while (!stopping_ && !session->ended) {
    if (in_sync_ && !unknown_told_) sink_.networks_unknown(config_.name, unknown());
    if (Clock::now() >= next_list) all_ = true;
    if (!session->open || !(all_ || !pending_networks_.empty() || !pending_containers_.empty())) {
      co_await pause(std::max(1ms, std::chrono::ceil<std::chrono::milliseconds>(
                                       session->open ? next_list - Clock::now() : Clock::duration(kFullList))));
      continue;
    }
    if (in_sync_) co_await rest(all_ ? lists_ : looks_);
    if (stopping_ || session->ended) break;
    Status looked;
    const auto before = WorkShare::computed();
    if (all_) {
      looked = co_await look_at_all();
      lists_.used(WorkShare::computed() - before, Clock::now());
      if (looked && !stopping_) {
        if (!std::exchange(in_sync_, true)) sink_.runtime_connected(config_.name, version);
        RuntimeSnapshot all = view_.snapshot();
        all.unknown = unknown();
        sink_.snapshot(config_.name, std::move(all));
        next_list = Clock::now() + kFullList;
      }
    } else {
      looked = co_await look_at_pending();
      looks_.used(WorkShare::computed() - before, Clock::now());
    }
    if (looked) {
      failures = 0;
      again.reset();
      continue;
    }
    ++counters_.failures;
    if (session->ended) break;
    if (++failures >= kMostFailures) {
      session->why = looked.error().message;
      break;
    }
    co_await pause(again.next());
  }
  session->wanted = false;
  wake_unknown_.cancel();
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
  if (is_docker_id(subject.network) && unknown_.contains(subject.network))
    fresh = false;  // it is looked at when it answers again
  else if (is_docker_id(subject.network))
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
  if (!resting_) wake_.cancel();
}

void DockerWatcher::lose_sight(const UnknownNetwork& network, bool asked) {
  const auto [entry, fresh] =
      unknown_.try_emplace(network.id, Unknown{network, {kFirstBackoff, kLastUnknownBackoff}, Clock::now()});
  Unknown& it = entry->second;
  if (fresh || it.network.why != network.why) unknown_told_ = false;
  it.network.why = network.why;
  if (it.network.name.empty()) it.network.name = network.name;
  if (asked) it.due = Clock::now() + it.backoff.next();
  wake_unknown_.cancel();
}

void DockerWatcher::see_again(const std::string& id) {
  if (unknown_.erase(id) > 0) unknown_told_ = false;
}

std::vector<UnknownNetwork> DockerWatcher::unknown() {
  unknown_told_ = true;
  std::vector<UnknownNetwork> out;
  out.reserve(unknown_.size());
  for (const auto& [id, each] : unknown_)
    out.push_back({each.network.id, each.network.name, "Docker does not tell who is on it: " + each.network.why,
                   "journalctl -u docker; berthd tries it again"});
  return out;
}

std::vector<NetworkFact> DockerWatcher::networks_called(std::string_view name) const {
  return in_sync_ && unknown_.empty() ? view_.networks_called(name) : std::vector<NetworkFact>();
}

// One after the other, beside the looks at what does answer: each may take the whole deadline. One that answers again is
// looked at as after an event.
asio::awaitable<void> DockerWatcher::ask_unknown(std::shared_ptr<Session> session) {
  while (session->wanted && !stopping_) {
    const auto next = std::min_element(unknown_.begin(), unknown_.end(),
                                       [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
    const auto due = next == unknown_.end() ? Clock::now() + kFullList : next->second.due;
    if (due > Clock::now()) {
      wake_unknown_.expires_at(due);
      co_await wake_unknown_.async_wait(asio::as_tuple(asio::use_awaitable));
      continue;
    }
    const UnknownNetwork network = next->second.network;
    ++counters_.requests;
    const auto answer = co_await client_.request("GET", "/networks/" + network.id, nullptr, deadline_);
    if (!session->wanted || stopping_) co_return;
    const auto still = unknown_.find(network.id);
    if (still == unknown_.end()) continue;
    if (answer || answer.error().kind == ErrorKind::Stale) {
      still->second.due = Clock::now() + kLastUnknownBackoff;  // the look says more
      pending_networks_.emplace(network.id, 0);
    } else {
      ++counters_.failures;
      lose_sight({network.id, network.name, answer.error().message}, true);
    }
    wake_.cancel();
  }
}

// A failure is the network's own as long as Docker answers else, and no failure of the look.
asio::awaitable<Status> DockerWatcher::ask_network(std::string id, std::string name) {
  ++counters_.requests;
  const auto answer = co_await client_.request("GET", "/networks/" + id, nullptr, deadline_);
  if (stopping_) co_return transient("the watcher stops");
  Error error;
  if (answer && view_.network(id, *answer)) {
    see_again(id);
    co_return Status();
  } else if (answer) {
    error = transient("Docker's answer to /networks/" + id + " is of no such network");
  } else if (answer.error().kind == ErrorKind::Stale) {  // it went meanwhile
    view_.network_absent(id);
    see_again(id);
    co_return Status();
  } else {
    error = answer.error();
  }
  const auto alive = co_await client_.request("GET", "/version", nullptr, deadline_);
  if (!alive || stopping_) co_return error;
  ++counters_.failures;
  lose_sight({id, name, error.message}, true);
  co_return Status();
}

asio::awaitable<Status> DockerWatcher::list() {
  counters_.requests += 2;
  const auto networks = co_await client_.request("GET", "/networks");
  if (!networks) co_return networks.error();
  const auto containers = co_await client_.request("GET", "/containers/json?all=1");
  if (!containers) co_return containers.error();
  const auto all = networks_of(config_.name, *networks);
  if (!all || !view_.all_containers(*containers)) co_return transient("Docker's list is no list");
  const auto late = Clock::now() + kListDeadlines * deadline_;
  std::set<std::string> there;
  for (const NetworkFact& each : *all) {
    if (!is_docker_id(each.id)) continue;
    there.insert(each.id);
    if (!unknown_.contains(each.id) && Clock::now() < late) {
      const Status asked = co_await ask_network(each.id, each.name);
      if (!asked) co_return asked;
    } else if (!unknown_.contains(each.id)) {
      lose_sight({each.id, each.name, "others took too long"}, false);
    }
    if (unknown_.contains(each.id)) view_.network_silent(each.id);
  }
  view_.all_networks(there);
  const auto gone = std::erase_if(unknown_, [&](const auto& each) { return !there.contains(each.first); });
  unknown_told_ = unknown_told_ && gone == 0;
  co_return Status();
}

asio::awaitable<Status> DockerWatcher::look_at_all() {
  all_ = false;
  ++counters_.full_lists;
  Status listed = co_await list();
  // Begun after the list of containers was made: their endpoints are there already.
  while (listed) {
    std::vector<std::string> unknown = view_.unknown();
    if (unknown.empty()) break;
    unknown.resize(std::min(unknown.size(), kAtATime));
    listed = co_await look_at_containers(unknown);
  }
  counters_.cut = view_.cut();
  if (!listed) all_ = true;  // nothing is told of half a list
  co_return listed;
}

asio::awaitable<Status> DockerWatcher::look_at_containers(std::vector<std::string> ids) {
  std::string filter;
  for (const std::string& id : ids) filter += (filter.empty() ? "%22" : ",%22") + id + "%22";
  ++counters_.requests;
  auto list = co_await client_.request("GET", "/containers/json?all=1&filters=%7B%22id%22%3A%5B" + filter + "%5D%7D");
  if (!list) co_return list.error();
  if (!list->is_array()) co_return transient("Docker's list of containers is no list");
  for (const std::string& id : ids) view_.container_absent(id);
  view_.containers(*list);
  co_return Status();
}

asio::awaitable<Status> DockerWatcher::look_at_network(std::string id) {
  const Status asked = co_await ask_network(id, "");
  if (!asked) co_return asked;
  std::vector<std::string> unknown = view_.unknown();
  unknown.resize(std::min(unknown.size(), kAtATime));
  if (unknown.empty()) co_return Status();
  for (const std::string& each : unknown) pending_containers_.erase(each);  // the same look
  Status looked = co_await look_at_containers(unknown);
  if (!looked) pending_containers_.insert(unknown.begin(), unknown.end());
  co_return looked;
}

// One by one, each told at once: the first must not wait for the last. What is asked for meanwhile waits for the next turn:
// a network whose containers come and go all the time would keep all others waiting, and would never rest.
asio::awaitable<Status> DockerWatcher::look_at_pending() {
  auto networks = std::exchange(pending_networks_, {});
  while (!networks.empty() && !all_) {
    const auto [id, time] = *networks.begin();
    const Status looked = co_await look_at_network(id);
    if (stopping_) co_return Status();
    if (!looked) {
      pending_networks_.merge(networks);
      co_return looked;
    }
    networks.erase(networks.begin());
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
