// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/containerd/containerd_worker.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "container_watcher/netlink/netns.h"

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr std::chrono::milliseconds kFullList = 60s, kFirstBackoff = 100ms, kLastBackoff = 5s, kLastAgain = 60s;
constexpr std::chrono::milliseconds kFirstBarrier = 5ms, kLastBarrier = 500ms, kBarrierPatience = 10s;
// A link that is made in a running task's namespace gives no event here.
constexpr std::chrono::milliseconds kEmptyAgain[] = {100ms, 1s};
constexpr std::size_t kMostPending = 4096, kMostUntaken = 32;
constexpr int kMostFailures = 5;
// A fortieth of a core for looks. A look at one container takes some milliseconds; those of a hundred are saved up.
constexpr int kShare = 40, kListsShare = 4;
constexpr std::chrono::milliseconds kSaved = 100ms, kLongestRest = 250ms;

constexpr const char* kSilentRemedy = "journalctl -u containerd; berthd tries it again";
constexpr const char* kPidRemedy = "pid: host for the container that berthd runs in";
constexpr const char* kEnterRemedy =
    "berthd needs CAP_SYS_ADMIN and CAP_SYS_PTRACE: the unit file or compose.yaml that comes with it";

std::string random_text() {
  std::random_device device;
  return std::to_string(device()) + "-" + std::to_string(device());
}

}  // namespace

ContainerdWorker::ContainerdWorker(std::string address, ReadNetns read, Deliver deliver)
    : address_(std::move(address)),
      read_(std::move(read)),
      deliver_(std::move(deliver)),
      looks_(kShare, kSaved),
      lists_(kListsShare, 0ms) {}

void ContainerdWorker::start() {
  thread_ = std::thread([this] { run(); });
}

void ContainerdWorker::stop() {
  {
    const Lock lock(mutex_);
    stop_ = true;
    if (client_) client_->cancel();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ContainerdWorker::taken() {
  const Lock lock(mutex_);
  --untaken_;
  wake_.notify_all();
}

void ContainerdWorker::ask_netns(std::uint64_t number, ContainerdKey key) {
  const Lock lock(mutex_);
  questions_.emplace_back(number, std::move(key));
  wake_.notify_all();
}

ContainerdCounters ContainerdWorker::counters() const {
  const Lock lock(mutex_);
  return counters_;
}

void ContainerdWorker::tell(ContainerdNews news) {
  Lock lock(mutex_);
  wake_.wait(lock, [&] { return stop_ || untaken_ < kMostUntaken; });
  if (stop_) return;
  ++untaken_;
  lock.unlock();
  deliver_(std::move(news));
}

ContainerdWorker::Questions ContainerdWorker::take_questions() {
  const Lock lock(mutex_);
  return std::exchange(questions_, {});
}

bool ContainerdWorker::over() const {
  return stop_ || ended_;
}

// False: it is stopped.
bool ContainerdWorker::wait(Clock::duration time) {
  Lock lock(mutex_);
  wake_.wait_for(lock, time, [&] { return stop_ || !questions_.empty(); });
  return !stop_;
}

void ContainerdWorker::run() {
  Backoff<std::chrono::milliseconds> backoff(kFirstBackoff, kLastBackoff);
  while (true) {
    auto client = std::make_shared<ContainerdClient>(address_);
    {
      const Lock lock(mutex_);
      if (stop_) return;
      client_ = client;
      ended_ = all_ = false;
      pending_.clear();
    }
    const std::string why = session(*client);
    {
      const Lock lock(mutex_);
      if (stop_) return;
      client_.reset();
      counters_.cut += client->cut();
      if (in_sync_) ++counters_.losses;
    }
    if (std::exchange(in_sync_, false)) {
      backoff.reset();
      told_lost_ = false;
    }
    if (!std::exchange(told_lost_, true)) tell(ContainerdLost{why});
    const auto until = Clock::now() + backoff.next();
    while (Clock::now() < until) {
      if (!wait(until - Clock::now())) return;
      for (const auto& [number, key] : take_questions())
        tell(NetnsAnswer{number, transient("containerd is away: " + why)});
    }
  }
}

std::string ContainerdWorker::session(ContainerdClient& client) {
  const auto version = client.version();
  if (!version) return version.error().message;
  blind_ = same_processes(address_) ? "" : "berthd sees no process of containerd's: it has a PID namespace of its own";
  std::thread reader([&] {
    const Error error = client.events([this](const ContainerdEvent& event) { note(event); });
    const Lock lock(mutex_);
    ended_ = true;
    why_ = error.message;
    wake_.notify_all();
  });
  std::string why;
  if (pass_barrier(client, &why)) why = work(client, *version);
  client.cancel();
  reader.join();
  const Lock lock(mutex_);
  return why.empty() ? why_ : why;
}

// The subscription is there once an event of ours came by it. One that was published before is lost.
bool ContainerdWorker::pass_barrier(ContainerdClient& client, std::string* why) {
  const std::string id = random_text();
  Backoff<std::chrono::milliseconds> again(kFirstBarrier, kLastBarrier);
  for (const auto until = Clock::now() + kBarrierPatience; Clock::now() < until;) {
    if (const Status published = client.publish_barrier(id); !published) {
      *why = published.error().message;
      return false;
    }
    Lock lock(mutex_);
    wake_.wait_for(lock, again.next(), [&] { return over() || barrier_ == id; });
    if (over()) return false;
    if (barrier_ == id) return true;
  }
  *why = "containerd sends no events";
  return false;
}

void ContainerdWorker::note(const ContainerdEvent& event) {
  const Lock lock(mutex_);
  if (!event.barrier.empty()) barrier_ = event.barrier;
  if (event.container) {
    ++counters_.events;
    pending_.insert(*event.container);
    if (pending_.size() > kMostPending) {
      ++counters_.overflows;
      pending_.clear();
      all_ = true;
    }
  }
  wake_.notify_all();
}

std::string ContainerdWorker::work(ContainerdClient& client, const std::string& version) {
  Backoff<std::chrono::milliseconds> list_again(kFirstBackoff, kLastBackoff);
  auto next_list = Clock::now();
  failures_ = 0;
  while (true) {
    {
      Lock lock(mutex_);
      const auto ready = [&] { return over() || !questions_.empty() || all_ || !pending_.empty(); };
      wake_.wait_until(lock, std::min(next_list, next_due()), ready);
      // What comes meanwhile is looked at together.
      const auto rest = std::min<Clock::time_point>(looks_.due(), Clock::now() + kLongestRest);
      if (in_sync_) wake_.wait_until(lock, rest, [&] { return over() || !questions_.empty(); });
      if (over()) return "";
      if (std::exchange(all_, false)) next_list = std::max(Clock::now(), lists_.due());
    }
    auto before = WorkShare::computed();
    answer_netns_questions(client);
    take_due(Clock::now());
    look_at_pending(client);
    looks_.used(WorkShare::computed() - before, Clock::now());
    if (Clock::now() >= next_list) {
      before = WorkShare::computed();
      const Status listed = list(client, version);
      lists_.used(WorkShare::computed() - before, Clock::now());
      if (listed) list_again.reset();
      if (!listed) ++failures_;
      next_list = Clock::now() + (listed ? kFullList : list_again.next());
    }
    if (failures_ >= kMostFailures) return "containerd does not answer";
  }
}

void ContainerdWorker::take_due(Clock::time_point now) {
  const Lock lock(mutex_);
  for (const auto& [key, each] : again_)
    if (each.due <= now) pending_.insert(key);
  for (const auto& [key, each] : empty_)
    if (each.due <= now) pending_.insert(key);
}

ContainerdWorker::Clock::time_point ContainerdWorker::next_due() const {
  auto out = Clock::time_point::max();
  for (const auto& [key, each] : again_) out = std::min(out, each.due);
  for (const auto& [key, each] : empty_) out = std::min(out, each.due);
  return out;
}

void ContainerdWorker::fail(const ContainerdKey& key) {
  {
    const Lock lock(mutex_);
    ++counters_.failures;
  }
  empty_.erase(key);
  Again& it = again_.try_emplace(key, Again{{kFirstBackoff, kLastAgain}, {}}).first->second;
  it.due = Clock::now() + it.backoff.next();
}

void ContainerdWorker::look_at_pending(ContainerdClient& client) {
  std::set<ContainerdKey> pending;
  {
    const Lock lock(mutex_);
    pending = std::exchange(pending_, {});
  }
  for (const ContainerdKey& key : pending) {
    {
      const Lock lock(mutex_);
      if (over()) return;
    }
    answer_netns_questions(client);
    if (!look(client, key)) fail(key);
    if (failures_ >= kMostFailures) return;
  }
}

bool ContainerdWorker::look(ContainerdClient& client, const ContainerdKey& key) {
  looked_.insert(key);
  const auto row = client.container(key);
  failures_ = row || row.error().kind == ErrorKind::Stale ? 0 : failures_ + 1;
  if (row) return look_into(client, key, *row, true);
  if (failures_ > 0) return false;
  again_.erase(key);
  empty_.erase(key);
  tell(ContainerAnswer{key.text(), std::nullopt, {}, std::nullopt, {}, {}});
  return true;
}

// The process, and then once more whose it is: from then on what the descriptor holds is the task's.
Result<ContainerdWorker::Held> ContainerdWorker::hold(ContainerdClient& client, const ContainerdKey& key) {
  auto task = client.task(key);
  if (!task) return task.error();
  if (!task->lives() || task->pid <= 0 || !blind_.empty()) return Held{*task, {}};
  auto process = open_process(task->pid);
  if (!process && process.error().kind != ErrorKind::Stale) return process.error();
  const auto still = client.task(key);
  if (!still) return still.error();
  if (!process || still->pid != task->pid || !still->lives())
    return Held{{TaskState::Unknown, 0}, {}};  // it just ended
  return Held{*still, Netns{{}, *std::move(process)}};
}

bool ContainerdWorker::look_into(ContainerdClient& client, const ContainerdKey& key, const ContainerdRow& row,
                                 bool soon_again) {
  ContainerAnswer answer{key.text(), row, {}, std::nullopt, {}, {}};
  bool known = true;
  if (auto held = hold(client, key); held) {
    answer.task = held->task;
    known = held->task.state != TaskState::Unknown;
    if (held->task.lives() && held->netns.own()) {
      answer.why = blind_;
      answer.remedy = kPidRemedy;
    } else if (held->task.lives()) {
      auto netns = read_(held->netns);
      known = netns.ok() || netns.error().kind == ErrorKind::Permanent;
      if (netns) {
        answer.netns = *std::move(netns);
      } else if (netns.error().kind != ErrorKind::Stale) {
        answer.why = netns.error().message;
        answer.remedy = kEnterRemedy;
      }
    }
  } else if (held.error().kind != ErrorKind::Stale) {
    answer.task.state = TaskState::Unknown;
    answer.why = held.error().message;
    answer.remedy = kSilentRemedy;
    known = false;
  }
  const auto now = Clock::now();
  if (!answer.netns || answer.netns->of_host || !answer.netns->links.empty()) {
    empty_.erase(key);
  } else if (const auto found = empty_.find(key); found != empty_.end()) {
    if (found->second.due <= now && ++found->second.looks == std::ssize(kEmptyAgain))
      empty_.erase(found);
    else if (found->second.due <= now)
      found->second.due = now + kEmptyAgain[found->second.looks];
  } else if (soon_again) {
    empty_.emplace(key, Empty{0, now + kEmptyAgain[0]});
  }
  tell(std::move(answer));
  if (known) again_.erase(key);
  return known;
}

// What an event asks for meanwhile comes first, and is newer than the list's.
Status ContainerdWorker::list(ContainerdClient& client, const std::string& version) {
  looked_.clear();
  const auto spaces = client.namespaces();
  if (!spaces) return spaces.error();
  ContainerdListed out{version, {}};
  std::vector<std::pair<ContainerdKey, ContainerdRow>> rows;
  for (const std::string& space : *spaces) {
    auto some = client.containers(space);
    if (!some) return some.error();
    for (auto& each : *some) rows.push_back(std::move(each));
  }
  failures_ = 0;
  for (const auto& [key, row] : rows) {
    look_at_pending(client);
    {
      const Lock lock(mutex_);
      if (over()) return transient("the session is over");
    }
    out.ids.insert(key.text());
    // One that has failed is asked for at its own time: many of them would hold up all.
    if (again_.contains(key) || looked_.contains(key) || look_into(client, key, row, false)) continue;
    fail(key);  // it is this container's own, where containerd answers else
    if (const auto alive = client.version(); !alive) return alive.error();
  }
  for (const ContainerdKey& each : looked_) out.ids.insert(each.text());
  std::erase_if(again_, [&](const auto& each) { return !out.ids.contains(each.first.text()); });
  std::erase_if(empty_, [&](const auto& each) { return !out.ids.contains(each.first.text()); });
  {
    const Lock lock(mutex_);
    ++counters_.full_lists;
  }
  in_sync_ = true;
  tell(std::move(out));
  return {};
}

void ContainerdWorker::answer_netns_questions(ContainerdClient& client) {
  for (const auto& [number, key] : take_questions()) {
    auto held = hold(client, key);
    Result<Netns> answer = stale("container " + key.text() + " does not run");
    if (!held && held.error().kind != ErrorKind::Stale)
      answer = held.error();
    else if (held && held->task.lives() && !held->netns.own())
      answer = std::move(held->netns);
    else if (held && held->task.lives())
      answer = permanent(blind_, kPidRemedy);
    tell(NetnsAnswer{number, std::move(answer)});
  }
}

}  // namespace berth
