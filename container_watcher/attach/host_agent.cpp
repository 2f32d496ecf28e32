// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_agent.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace berth {
namespace {

constexpr auto kCoalesce = 20ms;  // a container's start is a burst of changes
constexpr int kRestFactor = 4;    // of the time that a look took: under a storm of changes we take a fifth of a core
constexpr auto kSafetyLook = 60s;
constexpr auto kBlindLook = 5s;     // where the kernel does not notify us
constexpr auto kDockerAtWork = 1s;  // how long a state that Docker passes through may look bad
constexpr auto kDockerRecheck = 200ms;

}  // namespace

// Shared with the thread: it may outlive a stopped agent by one look.
struct HostAgent::Worker {
  std::mutex mutex;
  std::condition_variable wake;
  std::optional<std::pair<HostWish, std::uint64_t>> wish;  // under the mutex
  bool stop = false;                                       // under the mutex
  std::thread thread;

  template <class Deliver>
  void run(Deliver deliver) {
    HostFirewall firewall;
    HostState state;
    bool seen = false;
    while (true) {
      std::pair<HostWish, std::uint64_t> next;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stop || wish; });
        if (stop) return;
        next = std::move(*wish);
        wish.reset();
      }
      const auto begin = Clock::now();
      if (auto read = read_host_state()) {  // else the last one: nothing is withdrawn for it
        state = std::move(*read);
        seen = true;
      }
      HostAgent::Result result;
      result.seen = seen;
      if (seen) result.findings = firewall.look(next.first, state);
      result.state = state;
      result.wish = next.second;
      result.took = Clock::now() - begin;
      deliver(std::move(result));
    }
  }
};

HostAgent::HostAgent(asio::io_context& io, Listener listener)
    : io_(io), listener_(std::move(listener)), route_(io), netfilter_(io), soon_(io), slow_(io) {}

HostAgent::~HostAgent() {
  stop();
}

void HostAgent::start() {
  if (!stopped_) return;
  stopped_ = false;
  open(&route_, NETLINK_ROUTE, {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR});
  open(&netfilter_, NETLINK_NETFILTER, {NFNLGRP_NFTABLES});
  worker_ = std::make_shared<Worker>();
  // The handler holds the worker weakly: after stop() there is nobody to tell.
  auto deliver = [this, &io = io_, weak = std::weak_ptr(worker_)](Result result) {
    asio::post(io, [this, weak, result = std::move(result)]() mutable {
      if (const auto worker = weak.lock(); worker && worker == worker_) found(std::move(result));
    });
  };
  worker_->thread = std::thread([worker = worker_.get(), deliver] { worker->run(deliver); });
  look_soon(0ms);
}

void HostAgent::stop() {
  if (stopped_) return;
  stopped_ = true;
  boost::system::error_code ignored;
  route_.close(ignored);
  netfilter_.close(ignored);
  soon_.cancel();
  slow_.cancel();
  {
    const std::lock_guard lock(worker_->mutex);
    worker_->stop = true;
  }
  worker_->wake.notify_one();
  worker_->thread.join();
  worker_.reset();
  busy_ = soon_armed_ = false;
}

void HostAgent::open(Socket* socket, int protocol, const std::vector<unsigned>& groups) {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  bool ok = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  for (const unsigned group : groups)
    ok = ok && setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
  if (!ok) {
    if (fd >= 0) close(fd);
    blind_ = true;
    return;
  }
  socket->assign(fd);
  wait(socket);
}

void HostAgent::wait(Socket* socket) {
  socket->async_wait(Socket::wait_read, [this, socket](boost::system::error_code error) {
    if (error || stopped_) return;
    std::array<char, 16384> buffer;
    // Drained in slices, so that a storm does not keep the daemon's thread.
    for (int i = 0; i < 64; ++i) {
      const ssize_t size = recv(socket->native_handle(), buffer.data(), buffer.size(), 0);
      if (size >= 0) {
        ++counters_.notifications;
        continue;
      }
      if (errno == ENOBUFS) ++counters_.overruns;  // some were lost: the look is a full one in any case
      if (errno != ENOBUFS && errno != EINTR) break;
    }
    look_soon(std::max<Clock::duration>(kCoalesce, last_took_ * kRestFactor));
    wait(socket);
  });
}

void HostAgent::look_soon(Clock::duration delay) {
  const auto at = Clock::now() + delay;
  if (stopped_ || (soon_armed_ && soon_at_ <= at)) return;
  soon_armed_ = true;
  soon_at_ = at;
  soon_.expires_at(at);
  soon_.async_wait([this](boost::system::error_code error) {
    if (error || stopped_) return;
    soon_armed_ = false;
    ask();
  });
}

void HostAgent::ask() {
  if (busy_) {
    again_ = true;
    return;
  }
  busy_ = true;
  ++counters_.looks;
  {
    const std::lock_guard lock(worker_->mutex);
    worker_->wish.emplace(wish_, wish_number_);
  }
  worker_->wake.notify_one();
  slow_.expires_after(blind_ ? Clock::duration(kBlindLook) : Clock::duration(kSafetyLook));
  slow_.async_wait([this](boost::system::error_code error) {
    if (!error) look_soon(0ms);
  });
}

// Docker writes its rules one by one while a container or dockerd itself starts; a network that was good is not
// withdrawn for a state that Docker leaves again at once. What another hand wrote counts at once, and NAT always.
bool HostAgent::hold_back(const std::string& network, const NetworkHealth& health, const RulesVerdict& verdict) {
  const auto before = last_.health.find(network);
  const bool was_good = before != last_.health.end() && before->second.advertisable();
  if (health.advertisable() || !was_good || !health.attached || health.nat == Nat::On || !verdict.passing_state) {
    bad_since_.erase(network);
    return false;
  }
  const auto [since, fresh] = bad_since_.try_emplace(network, Clock::now());
  if (Clock::now() - since->second >= kDockerAtWork) {
    bad_since_.erase(since);
    return false;
  }
  if (fresh) ++counters_.held_back;
  look_soon(kDockerRecheck);
  return true;
}

void HostAgent::found(Result result) {
  busy_ = false;
  last_took_ = result.took;
  if (!result.seen) return look_soon(kDockerAtWork);  // no bridge seen is not: no bridge there
  if (result.findings.changed_rules) ++counters_.rule_changes;
  HostReport report;
  report.addresses = std::move(result.state.addresses);
  for (const auto& [name, finding] : result.findings.sites) {
    const auto site = wish_.sites.find(name);
    if (site == wish_.sites.end() || result.wish < wished_at_[name]) continue;
    const auto own = problems_.find(name);
    NetworkHealth health{finding.attached, site->second.interface, finding.verdict.nat,
                         own == problems_.end() ? std::vector<Problem>() : own->second};
    health.problems.insert(health.problems.end(), finding.verdict.problems.begin(), finding.verdict.problems.end());
    if (!finding.attached)
      health.problems.push_back({"bridge-missing", "there is no interface " + site->second.interface,
                                 "docker network rm, and berthd makes it anew", true});
    report.health[name] = hold_back(name, health, finding.verdict) ? last_.health[name] : std::move(health);
  }
  const bool news =
      report.addresses != last_.addresses || report.health != last_.health || result.wish != reported_wish_;
  reported_wish_ = result.wish;
  last_ = std::move(report);
  if (std::exchange(again_, false) || result.wish != wish_number_) look_soon(kCoalesce);
  if (news) listener_(last_);
}

void HostAgent::configured(const std::set<std::string>& networks) {
  wish_.keep.insert(networks.begin(), networks.end());
  ++wish_number_;
  look_soon(0ms);
}

void HostAgent::sweep() {
  if (std::exchange(wish_.sweep, true)) return;
  ++wish_number_;
  look_soon(0ms);
}

void HostAgent::want(const NetworkSite& site, std::vector<Problem> problems) {
  ++wish_number_;
  const auto before = wish_.sites.find(site.name);
  if (before == wish_.sites.end() || !(before->second == site)) wished_at_[site.name] = wish_number_;
  wish_.sites[site.name] = site;
  problems_[site.name] = std::move(problems);
  look_soon(0ms);
}

void HostAgent::unwant(const std::string& network) {
  if (wish_.sites.erase(network) == 0) return;
  problems_.erase(network);
  wished_at_.erase(network);
  last_.health.erase(network);
  bad_since_.erase(network);
  ++wish_number_;
}

void HostAgent::forget(const std::string& network) {
  unwant(network);
  wish_.keep.erase(network);
  ++wish_number_;
  look_soon(0ms);
}

}  // namespace berth
