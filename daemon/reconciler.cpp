// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/reconciler.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/log.h"

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kTick = 5s;    // how often what zebra or the host refused is tried again
constexpr auto kLook = 20ms;  // at what zebra has taken back
constexpr int kLooks = 250;   // 5 s
constexpr std::size_t kStepsAtATime = 1000;

}  // namespace

Reconciler::Reconciler(Timers& timers, const Config& config, LinkExists link_exists)
    : timers_(timers),
      config_(config),
      link_exists_(std::move(link_exists)),
      tick_(timers.make()),
      ensure_failed_(timers.make()),
      withdrawal_(timers.make()),
      answer_log_(timers) {
  brain_.on_refusal(
      [](const std::string& subject, const std::string& why) { spdlog::warn("{}: refused: {}", subject, why); });
}

void Reconciler::begin(const Parts& parts) {
  parts_.emplace(parts);
  brain_.set_config(config_);
  parts_->host.configured(config_.networks, config_.fabric);
  parts_->host.start();
  parts_->sink.start();
  if (parts_->runtime) parts_->runtime->start();
  on_tick();
}

void Reconciler::stop() {
  tick_->cancel();
  ensure_failed_->cancel();
  withdrawal_->cancel();
  if (parts_) {
    if (parts_->runtime) parts_->runtime->stop();
    parts_->host.stop();
    parts_->sink.stop();
  }
  parts_.reset();
  answer_log_.stop();
}

void Reconciler::reconfigure(const Config& config) {
  // Another network of the runtime's, or other subnets: what was found on the host of the old one says nothing of it.
  for (const auto& [name, old] : config_.networks)
    if (const auto now = config.networks.find(name);
        parts_ && now != config.networks.end() &&
        (now->second.runtime_network() != old.runtime_network() || now->second.subnets != old.subnets))
      parts_->host.unwant(name);
  for (const auto& [name, network] : config_.networks)
    if (!config.networks.contains(name)) problem_log_.forget("network " + name);
  config_ = config;
  for (auto& [name, each] : ensuring_) {
    if (config_.networks.contains(name)) continue;
    const bool under_way = each.under_way;
    each = Ensuring();
    each.under_way = under_way;
  }
  if (parts_) parts_->host.configured(config_.networks, config_.fabric);
  brain_.set_config(config_);
  attach_all();
  work();
}

void Reconciler::withdraw(bool on) {
  if (on != brain_.withdrawn())
    notice("{}", on ? "all is withdrawn by the operator" : "what was withdrawn is advertised again");
  brain_.withdraw_all(on);
  work();
}

void Reconciler::finish(std::function<void()> then) {
  finished_ = std::move(then);
  looks_at_withdrawal_ = 0;
  look_at_withdrawal();
}

void Reconciler::look_at_withdrawal() {
  work();
  const bool waits = brain_.withdrawn() && brain_.zebra_up() && !(parts_->sink.idle() && !brain_.has_steps());
  if (!waits || ++looks_at_withdrawal_ > kLooks) return std::exchange(finished_, {})();
  withdrawal_->at(timers_.now() + kLook, [this] { look_at_withdrawal(); });
}

void Reconciler::runtime_connected(const std::string& runtime, const std::string& version) {
  notice("{} {} is here", runtime, version);
  runtime_.connected = true;
  parts_->host.runtime_here(true);
  runtime_.version = version;
}

void Reconciler::runtime_lost(const std::string& runtime, const std::string& why) {
  spdlog::warn("{} is away, all that is known of it stays: {}", runtime, why);
  runtime_.connected = false;
  parts_->host.runtime_here(false);
  brain_.runtime_lost(runtime);
}

void Reconciler::snapshot(const std::string& runtime, RuntimeSnapshot all) {
  networks_unknown(runtime, std::move(all.unknown));
  brain_.set_containers(runtime, all.containers);
  parts_->host.containers(runtime, all.containers);
  attach_all();  // at each full list: what was removed or made while nobody looked
  work();
  malloc_trim(0);  // of the answers' many small parts
}

void Reconciler::container_changed(ContainerFact fact) {
  brain_.upsert_container(fact);
  parts_->host.container_changed(fact);
  work();
}

void Reconciler::container_gone(const ContainerKey& key) {
  brain_.remove_container(key);
  parts_->host.container_gone(key);
  work();
}

void Reconciler::network_changed(NetworkFact fact) {
  for (const auto& [name, network] : config_.networks)
    if (network.runtime_network() == fact.name) attach(name);
}

void Reconciler::network_gone(const std::string&, const std::string& id) {
  for (const auto& [name, network] : config_.networks) {
    const Ensuring& each = ensuring_[name];
    if (each.under_way || each.key.id == id || each.has("namesake") || !each.blocked_by.empty()) attach(name);
  }
}

void Reconciler::networks_unknown(const std::string&, std::vector<UnknownNetwork> all) {
  unknown_ = std::move(all);
  for (const auto& [name, network] : config_.networks) tell_health(name);
  work();
}

void Reconciler::sink_connected(const RouteSinkInfo& info) {
  notice("zebra is here: FRR {}, {}, routes of type {}", info.frr_version, info.software, info.route_type);
  sink_.info = info;
  sink_.trouble.reset();
  brain_.zebra_connected();
  work();
}

void Reconciler::sink_lost(const Error& why) {
  spdlog::warn("zebra is away, its routes stay: {}{}{}", why.message, why.remedy.empty() ? "" : "; ", why.remedy);
  sink_.trouble = why;
  unconnected_.clear();
  brain_.zebra_lost();
  note_states();
}

void Reconciler::sink_synced(std::uint32_t swept) {
  notice("in sync with zebra, {} old routes swept", swept);
  brain_.zebra_synced();
  if (brain_.in_sync()) parts_->host.sweep();  // not while routes of an earlier berthd are kept
  work();
  malloc_trim(0);
}

void Reconciler::sink_answered(const RibAnswer& answer) {
  answer_log_.tell(answer);
  brain_.answer(answer);
  if (answer.key.kind == RibKind::Mark) {
    if (answer.state != RibState::Inactive)
      unconnected_.erase(answer.key);
    else if (unconnected_.insert(answer.key).second)
      repeat_connected(answer.key);
  }
  if (auto& [state, when] = since_[answer.key]; state != answer.state || when == WallTime{})
    state = answer.state, when = timers_.wall();
  work();
}

// zebra has no connected route where the bridge has its address: a zebra that starts while Docker makes the bridge may have
// missed it for good (FRR 8.4.4). The kernel announces an address that is said again, unchanged, to all who listen.
void Reconciler::repeat_connected(const RibKey& mark) {
  if (!parts_) return;
  for (const auto& [name, network] : config_.networks) {
    const auto health = brain_.health().find(name);
    if (health == brain_.health().end() || !health->second.attached) continue;
    for (const SubnetConfig& subnet : network.subnets)
      if (subnet.subnet == mark.prefix) parts_->host.repeat_addresses(health->second.interface);
  }
}

void Reconciler::work() {
  if (!parts_) return;
  for (auto steps = brain_.take_steps(kStepsAtATime); !steps.empty(); steps = brain_.take_steps(kStepsAtATime)) {
    for (const Step& step : steps) {
      if (const auto* announce = std::get_if<Announce>(&step))
        parts_->sink.put(announce->object);
      else if (const auto* withdraw = std::get_if<Withdraw>(&step))
        parts_->sink.remove(withdraw->key);
      else if (const auto* wanted = std::get_if<Attach>(&step))
        attach(wanted->network);
      else if (const auto* unwanted = std::get_if<Detach>(&step)) {
        parts_->host.forget(unwanted->network);
        notice("network {} is no longer ours to advertise; Docker keeps it until docker network rm", unwanted->network);
      } else
        parts_->sink.end_of_sync(std::get<EndOfSync>(step).keep);
    }
  }
}

bool Reconciler::Ensuring::has(const std::string& problem) const {
  return found && std::any_of(found->problems.begin(), found->problems.end(),
                              [&](const Problem& each) { return each.code == problem; });
}

void Reconciler::attach(const std::string& network) {
  if (!parts_ || !runtime_.connected) return;  // its next list asks again
  Ensuring& at = ensuring_[network];
  at.again = at.under_way;
  if (!std::exchange(at.under_way, true)) ensure(network);
}

void Reconciler::ensure(const std::string& network) {
  ensuring_[network].again = false;
  const auto entry = config_.networks.find(network);
  if (entry == config_.networks.end()) {
    ensuring_.erase(network);
    return;
  }
  parts_->runtime->ensure(entry->second,
                          [this, network](const Result<EnsuredNetwork>& result) { ensured(network, result); });
}

void Reconciler::ensured(const std::string& network, const Result<EnsuredNetwork>& result) {
  if (!parts_) return;
  // Asked anew meanwhile, this answer may be of the old configuration.
  if (config_.networks.contains(network) && !ensuring_[network].again) note_ensured(network, result);
  if (!config_.networks.contains(network) || ensuring_[network].again) return ensure(network);
  ensuring_[network].under_way = false;
}

void Reconciler::attach_all() {
  for (const auto& [name, network] : config_.networks) attach(name);
}

void Reconciler::note_ensured(const std::string& name, const Result<EnsuredNetwork>& result) {
  Ensuring& at = ensuring_[name];
  if (result && result->created) notice("network {} made, bridge {}", name, result->fact.interface);
  if (result && !result->fact.interface.empty()) {
    at.backoff.reset();
    at.due.reset();
    at.trouble.reset();
    at.key = {result->fact.runtime, result->fact.id};
    parts_->host.want(site_of(config_.networks.at(name), result->fact), result->problems);
  } else if (!result && result.error().kind == ErrorKind::Transient) {  // what was known of it stays
    if (!runtime_.connected) return;                                    // its next list asks again
    at.trouble = Problem{"docker", result.error().message, "journalctl -u docker; berthd tries it again"};
    if (at.key.id.empty()) at.found.reset();  // it was not there; now it may be
  } else {
    at.trouble.reset();
    at.key = {};
    at.found = NetworkHealth{};
    if (result)
      at.found->problems = result->problems;
    else
      at.found->problems = {{"docker", result.error().message, result.error().remedy, true}};
    parts_->host.unwant(name);
  }
  at.blocked_by = result ? result->blocked_by : "";
  if (!result || result->fact.interface.empty()) at.due = timers_.now() + at.backoff.next();
  ensure_failed_again();
  tell_health(name);
  work();
}

// Waits for the earliest of those that failed.
void Reconciler::ensure_failed_again() {
  std::optional<Timer::Time> next;
  for (auto& [name, each] : ensuring_) {
    if (each.due && *each.due <= timers_.now()) {
      each.due.reset();
      attach(name);
    } else if (each.due && (!next || *each.due < *next)) {
      next = each.due;
    }
  }
  if (!next) return;
  ensure_failed_->at(*next, [this] { ensure_failed_again(); });
}

void Reconciler::host_looked(const HostReport& report) {
  brain_.set_host_addresses(report.addresses);
  for (const auto& [name, health] : report.health) {
    if (!config_.networks.contains(name)) continue;
    ensuring_[name].found = health;
    tell_health(name);
  }
  brain_.set_endpoint_problems(report.endpoints);
  tell_endpoints(report);
  work();
}

// What passes while a container stops is held back, and not told.
void Reconciler::tell_endpoints(const HostReport& report) {
  for (const EndpointKey& key : report.lasting) {
    const Problem& problem = report.endpoints.at(key);
    if (std::string& told = told_endpoints_[key]; told != problem.text) {
      spdlog::warn("{} ({})", problem.text, problem.remedy);
      told = problem.text;
    }
  }
  std::erase_if(told_endpoints_, [&](const auto& each) {
    const bool over = !report.endpoints.contains(each.first);
    if (over) notice("over: {}", each.second);
    return over;
  });
}

// What the host has, and what the runtime fails to say: that takes nothing away from what is known.
void Reconciler::tell_health(const std::string& name) {
  const Ensuring& at = ensuring_[name];
  if (!at.found && !at.trouble) return;  // not looked at yet
  NetworkHealth health = at.found.value_or(NetworkHealth{});
  health.unknown = !at.found;
  if (at.trouble) {
    health.problems.push_back(*at.trouble);
    health.problems.back().blocks = !at.found;
  }
  for (const UnknownNetwork& each : unknown_) {
    if (at.key.id.empty() ? each.name != config_.networks.at(name).runtime_network() : each.id != at.key.id) continue;
    health.unknown = true;
    health.problems.push_back({"docker", "Docker does not tell who is on it: " + each.why,
                               "journalctl -u docker; berthd tries it again", false});
  }
  problem_log_.tell("network " + name, health.problems);
  brain_.set_network_health(name, health);
}

const std::map<RibKey, std::pair<RibState, Reconciler::WallTime>>& Reconciler::since() {
  note_states();
  return since_;
}

// States that no answer brings (a route that waits, a zebra that left) are seen here, at each tick.
void Reconciler::note_states() {
  const WallTime now = timers_.wall();
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

void Reconciler::on_tick() {
  for (const auto& [name, each] : ensuring_)
    if (!each.blocked_by.empty() && !link_exists_(each.blocked_by)) attach(name);
  brain_.retry();
  for (const RibKey& mark : unconnected_) repeat_connected(mark);
  work();
  note_states();
  tick_->at(timers_.now() + kTick, [this] { on_tick(); });
}

}  // namespace berth
