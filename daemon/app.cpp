// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/app.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "daemon/config/config_changes.h"
#include "daemon/log.h"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kTick = 5s;  // how often what zebra or the host refused is tried again
const LinkExists kLinkExists = link_exists;
constexpr std::size_t kStepsAtATime = 1000;

std::string docker_address(const Config& config) {
  return config.runtimes.empty() ? "unix:/run/docker.sock" : config.runtimes.front().address;
}

// The lines that differ and are not acted upon while berthd runs.
std::string waits_for_a_start(const Config& started, const Config& now) {
  std::string out;
  const auto line = [&](const char* name, bool differs) {
    if (differs) out.append(out.empty() ? "" : ", ").append(name);
  };
  line("runtime", now.runtimes != started.runtimes);
  line("zebra socket", now.zebra.socket != started.zebra.socket);
  line("zebra grace-time", now.zebra.grace_seconds != started.zebra.grace_seconds);
  line("zebra hold-time", now.zebra.hold_seconds != started.zebra.hold_seconds);
  line("vty socket", now.vty.socket != started.vty.socket);
  return out;
}

}  // namespace

App::App(asio::io_context& io, const Config& config, const AppOptions& options)
    : io_(io),
      started_(config),
      config_(config),
      zebra_(io, {config.zebra.socket, config.zebra.grace_seconds, config.zebra.hold_seconds}, *this),
      docker_(docker_address(config)),
      host_(io, [this](const HostReport& report) { host_looked(report); }),
      tick_(io),
      ensure_failed_(io),
      answer_log_(io),
      options_(options),
      vty_(io, {options.vty_socket.empty() ? config.vty.socket : options.vty_socket, config.vty.max_clients}, *this) {
  brain_.on_refusal(
      [](const std::string& subject, const std::string& why) { spdlog::warn("{}: refused: {}", subject, why); });
  if (!config.runtimes.empty()) watcher_ = std::make_unique<DockerWatcher>(io, config.runtimes.front(), *this);
}

Status App::start() {
  Status shell = open_shell();
  if (!shell && shell.error().kind == ErrorKind::Permanent) return shell;
  brain_.set_config(config_);
  host_.configured(config_.networks, config_.fabric);
  host_.start();
  zebra_.start();
  if (watcher_) watcher_->start();
  on_tick();
  return {};
}

Status App::open_shell() {
  Status listening = vty_.start();
  const std::string why = listening ? "" : listening.error().message + "; " + listening.error().remedy;
  if (!listening && why != told_shell_) spdlog::error("no shell: {}", why);
  told_shell_ = why;
  return listening;
}

void App::stop() {
  stopping_ = true;
  vty_.stop();
  tick_.cancel();
  ensure_failed_.cancel();
  if (watcher_) watcher_->stop();
  host_.stop();
  zebra_.stop();
  docker_.cancel();
  answer_log_.stop();
}

void App::reload(const Config& config) {
  const std::string changes = config_changes(config_, config);
  notice("the configuration was read: {}", changes.empty() ? "nothing changed" : changes);
  reconfigure(config);
}

void App::reconfigure(const Config& config) {
  const std::string late = waits_for_a_start(started_, config);
  if (!late.empty()) spdlog::warn("changed since berthd started, and in force from its next start on: {}", late);
  if (!(config.log == config_.log) && options_.set_log) options_.set_log(config.log);
  // Another network of Docker's, or other subnets: what was found on the host of the old one says nothing of it.
  for (const auto& [name, old] : config_.networks)
    if (const auto now = config.networks.find(name);
        now != config.networks.end() &&
        (now->second.runtime_network() != old.runtime_network() || now->second.subnets != old.subnets))
      host_.unwant(name);
  for (const auto& [name, network] : config_.networks)
    if (!config.networks.contains(name)) problem_log_.forget("network " + name);
  config_ = config;
  vty_.set_max_clients(config_.vty.max_clients);
  std::erase_if(health_, [&](const auto& each) { return !config_.networks.contains(each.first); });
  for (auto& [name, each] : ensuring_) {
    if (config_.networks.contains(name)) continue;
    const bool under_way = each.under_way;
    each = Ensuring();
    each.under_way = under_way;
  }
  host_.configured(config_.networks, config_.fabric);
  brain_.set_config(config_);
  attach_all();
  work();
}

void App::tell() const {
  for (const RouteView& route : brain_.routes())
    spdlog::info("{}{} tag {} network {} {} {} {}", route.subnet ? "subnet " : "", route.key.prefix.to_string(),
                 route.tag, route.network, route.container, to_string(route.state), route.reason);
  for (const auto& [name, n] : brain_.counters()) spdlog::info("counter {} {}", name, n);
}

void App::runtime_connected(const std::string& runtime, const std::string& version) {
  notice("{} {} is here", runtime, version);
  docker_up_ = true;
  host_.runtime_here(true);
  docker_version_ = version;
}

void App::runtime_lost(const std::string& runtime, const std::string& why) {
  spdlog::warn("{} is away, all that is known of it stays: {}", runtime, why);
  docker_up_ = false;
  host_.runtime_here(false);
  synced_.erase(runtime);
  brain_.runtime_lost(runtime);
}

void App::snapshot(const std::string& runtime, RuntimeSnapshot all) {
  networks_unknown(runtime, std::move(all.unknown));
  brain_.set_containers(runtime, all.containers);
  host_.containers(runtime, all.containers);
  synced_.insert(runtime);
  attach_all();  // at each full list: what was removed or made while nobody looked
  work();
}

void App::container_changed(ContainerFact fact) {
  brain_.upsert_container(fact);
  host_.container_changed(fact);
  work();
}

void App::container_gone(const ContainerKey& key) {
  brain_.remove_container(key);
  host_.container_gone(key);
  work();
}

void App::network_changed(NetworkFact fact) {
  for (const auto& [name, network] : config_.networks)
    if (network.runtime_network() == fact.name) attach(name);
}

void App::network_gone(const std::string&, const std::string& id) {
  for (const auto& [name, network] : config_.networks) {
    const Ensuring& each = ensuring_[name];
    if (each.under_way || each.key.id == id || each.has("namesake") || each.has("bridge-exists")) attach(name);
  }
}

void App::networks_unknown(const std::string&, std::vector<UnknownNetwork> all) {
  unknown_ = std::move(all);
  for (const auto& [name, network] : config_.networks) tell_health(name);
  work();
}

void App::zebra_connected(const ZebraInfo& info) {
  notice("zebra is here: FRR {}, {}, routes of type {}", info.frr_version, info.module_version, info.route_type);
  zebra_up_ = true;
  zebra_info_ = info;
  zebra_trouble_.reset();
  brain_.zebra_connected();
  work();
}

void App::zebra_lost(const Error& why) {
  spdlog::warn("zebra is away, its routes stay: {}{}{}", why.message, why.remedy.empty() ? "" : "; ", why.remedy);
  zebra_trouble_ = why;
  zebra_up_ = false;
  unconnected_.clear();
  brain_.zebra_lost();
  note_states();
}

void App::zebra_synced(std::uint32_t swept) {
  notice("in sync with zebra, {} old routes swept", swept);
  brain_.zebra_synced();
  if (brain_.in_sync()) host_.sweep();  // not while routes of an earlier berthd are kept
  work();
}

void App::rib_answer(const RibAnswer& answer) {
  answer_log_.tell(answer);
  brain_.answer(answer);
  if (answer.key.kind == RibKind::Mark) {
    if (answer.state != RibState::Inactive)
      unconnected_.erase(answer.key);
    else if (unconnected_.insert(answer.key).second)
      repeat_connected(answer.key);
  }
  if (auto& [state, when] = since_[answer.key]; state != answer.state || when == WallTime{})
    state = answer.state, when = std::chrono::system_clock::now();
  work();
}

// zebra has no connected route where the bridge has its address: a zebra that starts while Docker makes the bridge may have
// missed it for good (FRR 8.4.4). The kernel announces an address that is said again, unchanged, to all who listen.
void App::repeat_connected(const RibKey& mark) {
  for (const auto& [name, network] : config_.networks) {
    const auto health = health_.find(name);
    if (health == health_.end() || !health->second.attached) continue;
    for (const SubnetConfig& subnet : network.subnets)
      if (subnet.subnet == mark.prefix) host_.repeat_addresses(health->second.interface);
  }
}

void App::work() {
  for (auto steps = brain_.take_steps(kStepsAtATime); !steps.empty(); steps = brain_.take_steps(kStepsAtATime)) {
    for (const Step& step : steps) {
      if (const auto* announce = std::get_if<Announce>(&step))
        zebra_.put(announce->object);
      else if (const auto* withdraw = std::get_if<Withdraw>(&step))
        zebra_.remove(withdraw->key);
      else if (const auto* wanted = std::get_if<Attach>(&step))
        attach(wanted->network);
      else if (const auto* unwanted = std::get_if<Detach>(&step)) {
        host_.forget(unwanted->network);
        notice("network {} is no longer ours to advertise; Docker keeps it until docker network rm", unwanted->network);
      } else
        zebra_.end_of_sync(std::get<EndOfSync>(step).keep);
    }
  }
}

bool App::Ensuring::has(const std::string& problem) const {
  return found && std::any_of(found->problems.begin(), found->problems.end(),
                              [&](const Problem& each) { return each.code == problem; });
}

void App::attach(const std::string& network) {
  if (!docker_up_) return;  // its next list asks again
  Ensuring& at = ensuring_[network];
  at.again = at.under_way;
  if (!std::exchange(at.under_way, true)) asio::co_spawn(io_, ensure(network), asio::detached);
}

void App::attach_all() {
  for (const auto& [name, network] : config_.networks) attach(name);
}

asio::awaitable<void> App::ensure(std::string name) {
  do {
    ensuring_[name].again = false;
    const auto entry = config_.networks.find(name);
    if (entry == config_.networks.end()) break;
    const NetworkConfig network = entry->second;
    const auto version = co_await docker_.negotiate();
    Result<EnsuredNetwork> result = transient(version ? "" : version.error().message);
    if (version) result = co_await ensure_docker_network(docker_, network, kLinkExists);
    if (stopping_) co_return;
    if (!config_.networks.contains(name)) break;
    if (ensuring_[name].again) continue;  // asked anew meanwhile: this answer may be of the old configuration
    ensured(name, result);
  } while (ensuring_[name].again);
  ensuring_[name].under_way = false;
  if (!config_.networks.contains(name)) ensuring_.erase(name);
}

void App::ensured(const std::string& name, const Result<EnsuredNetwork>& result) {
  Ensuring& at = ensuring_[name];
  if (result && result->created) notice("network {} made, bridge {}", name, result->fact.interface);
  if (result && !result->fact.interface.empty()) {
    at.backoff.reset();
    at.due.reset();
    at.trouble.reset();
    at.key = {result->fact.runtime, result->fact.id};
    host_.want(site_of(config_.networks.at(name), result->fact), result->problems);
  } else if (!result && result.error().kind == ErrorKind::Transient) {  // what was known of it stays
    if (!docker_up_) return;                                            // its next list asks again
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
    host_.unwant(name);
  }
  if (!result || result->fact.interface.empty()) at.due = Clock::now() + at.backoff.next();
  ensure_failed_again();
  tell_health(name);
  work();
}

// Waits for the earliest of those that failed.
void App::ensure_failed_again() {
  std::optional<Clock::time_point> next;
  for (auto& [name, each] : ensuring_) {
    if (each.due && *each.due <= Clock::now()) {
      each.due.reset();
      attach(name);
    } else if (each.due && (!next || *each.due < *next)) {
      next = each.due;
    }
  }
  if (!next) return;
  ensure_failed_.expires_at(*next);
  ensure_failed_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopping_) ensure_failed_again();
  });
}

void App::host_looked(const HostReport& report) {
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
void App::tell_endpoints(const HostReport& report) {
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

// What the host agent found, and what Docker fails to say: that takes nothing away from what is known.
void App::tell_health(const std::string& name) {
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
  set_health(name, health);
}

void App::set_health(const std::string& network, const NetworkHealth& health) {
  problem_log_.tell("network " + network, health.problems);
  health_[network] = health;
  brain_.set_network_health(network, health);
}

void App::on_tick() {
  for (const auto& [name, network] : config_.networks)
    if (ensuring_[name].has("bridge-exists") && !kLinkExists(bridge_name(name))) attach(name);
  brain_.retry();
  for (const RibKey& mark : unconnected_) repeat_connected(mark);
  if (!vty_.listening()) static_cast<void>(open_shell());  // until /run/frr is there
  work();
  note_states();
  tick_.expires_after(kTick);
  tick_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopping_) on_tick();
  });
}

}  // namespace berth
