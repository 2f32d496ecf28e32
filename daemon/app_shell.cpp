// SPDX-License-Identifier: GPL-2.0-or-later
// What the shell asks of the daemon.
#include <net/if.h>
#include <unistd.h>

#include <fstream>

#include "daemon/app.h"
#include "daemon/config/file_access.h"
#include "daemon/log.h"

namespace berth {
namespace {

constexpr auto kLook = std::chrono::milliseconds(20);  // at what zebra has taken back
constexpr int kLooks = 250;                            // 5 s

LinkStatus link_of(const std::string& interface) {
  LinkStatus out;
  if (interface.empty() || interface.find('/') != std::string::npos) return out;
  const std::string folder = "/sys/class/net/" + interface;
  std::ifstream(folder + "/mtu") >> out.mtu;
  std::string state;
  std::ifstream(folder + "/operstate") >> state;
  out.up = state == "up" || state == "unknown";
  return out;
}

}  // namespace

std::string App::hostname() const {
  if (!config_.hostname.empty()) return config_.hostname;
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && *name ? name : "berthd";
}

View App::view() {
  note_states();
  View view;
  view.now = std::chrono::system_clock::now();
  view.started_at = started_at_;
  view.version = BERTH_VERSION;
  view.hostname = hostname();
  view.in_sync = brain_.in_sync();
  view.unknown_networks = brain_.unknown_networks();
  view.withdrawn = withdrawn_;
  for (const RuntimeConfig& each : started_.runtimes)
    view.runtimes.push_back(
        {each.name, each.kind, docker_version_, docker_up_, docker_up_ && synced_.contains(each.name)});
  view.zebra = {zebra_up_, zebra_up_ && brain_.in_sync(), started_.zebra.socket, zebra_info_.frr_version,
                zebra_info_.software};
  if (zebra_trouble_) {
    view.zebra.reason = zebra_trouble_->message;
    view.zebra.remedy = zebra_trouble_->remedy;
  }
  view.counters = brain_.counters();
  for (const auto& [name, value] : zebra_.counters()) view.counters[name] += value;
  for (const auto& [name, value] : vty_.counters()) view.counters[name] += value;
  if (watcher_) {
    const DockerWatcherCounters& docker = watcher_->counters();
    view.counters["dockerEvents"] = docker.events;
    view.counters["dockerFullLists"] = docker.full_lists;
    view.counters["dockerOverflows"] = docker.overflows;
    view.counters["dockerFailures"] = docker.failures;
    view.counters["dockerLosses"] = docker.losses;
    view.counters["dockerLabelsCut"] = docker.cut;
    view.counters["dockerRests"] = docker.rests;
  }
  view.counters["hostLooks"] = host_.counters().looks;
  view.counters["hostOverruns"] = host_.counters().overruns;
  view.counters["hostHeldBack"] = host_.counters().held_back;
  view.counters["hostRuleChanges"] = host_.counters().rule_changes;
  if (options_.log_dropped) view.counters["logDropped"] = options_.log_dropped();
  view.config = config_;
  view.health = health_;
  view.routes = brain_.routes();
  for (const RouteView& route : view.routes) {
    const auto entry = since_.find(route.key);
    if (entry != since_.end() && entry->second.first == route.state) view.since[route.key] = entry->second.second;
  }
  view.containers = brain_.containers();
  for (const auto& [name, health] : health_) view.links[health.interface] = link_of(health.interface);
  return view;
}

// States that no answer brings (a route that waits, a zebra that left) are seen here, at each tick.
void App::note_states() {
  const WallTime now = std::chrono::system_clock::now();
  auto next = since_.begin();  // both are sorted by key
  brain_.each_state([&](const RibKey& key, RibState state) {
    while (next != since_.end() && next->first < key) next = since_.erase(next);
    if (next == since_.end() || next->first != key)
      since_.emplace_hint(next, key, std::pair{state, now});
    else if (auto& [known, when] = (next++)->second; known != state)
      known = state, when = now;
  });
  since_.erase(next, since_.end());
}

void App::withdraw(bool on) {
  if (on != withdrawn_)
    notice("{}", on ? "all is withdrawn by the operator" : "what was withdrawn is advertised again");
  withdrawn_ = on;
  brain_.withdraw_all(on);
  work();
}

void App::finish(std::function<void()> then) {
  struct Looking {
    boost::asio::steady_timer timer;
    int looks = 0;
    std::function<void()> again;
  };
  auto looking = std::make_shared<Looking>(Looking{boost::asio::steady_timer(io_), 0, {}});
  looking->again = [this, weak = std::weak_ptr(looking), then = std::move(then)] {
    const auto self = weak.lock();
    work();
    if (!withdrawn_ || !zebra_up_ || (zebra_.idle() && !brain_.has_steps()) || ++self->looks > kLooks) return then();
    self->timer.expires_after(kLook);
    self->timer.async_wait([self](boost::system::error_code) { self->again(); });
  };
  looking->again();
}

Status App::save(const std::string& text) {
  Status saved = save_file(options_.config_file, text);
  if (saved) notice("the configuration is saved in {}", options_.config_file);
  return saved;
}

}  // namespace berth
