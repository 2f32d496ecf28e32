// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/app.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "container_watcher/docker/docker_networks.h"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kTick = 5s;  // how often networks are looked at again and failures tried again
constexpr std::size_t kStepsAtATime = 1000;

std::set<IpAddress> host_addresses() {
  std::set<IpAddress> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return out;
  for (const ifaddrs* each = list; each; each = each->ifa_next) {
    if (!each->ifa_addr) continue;
    const std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    if (each->ifa_addr->sa_family == AF_INET) {
      bytes = reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr);
      size = 4;
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      bytes = reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr);
      size = 16;
    }
    if (bytes) out.insert(*IpAddress::from_bytes({bytes, size}));
  }
  freeifaddrs(list);
  return out;
}

std::string docker_address(const Config& config) {
  return config.runtimes.empty() ? "unix:/run/docker.sock" : config.runtimes.front().address;
}

}  // namespace

App::App(asio::io_context& io, const Config& config, const AppOptions& options)
    : io_(io),
      config_(config),
      zebra_(io, {config.zebra.socket, config.zebra.grace_seconds}, *this),
      docker_(docker_address(config)),
      tick_(io),
      options_(options),
      vty_(io, {options.vty_socket.empty() ? config.vty.socket : options.vty_socket, config.vty.max_clients}, *this) {
  brain_.on_refusal(
      [](const std::string& subject, const std::string& why) { spdlog::warn("{}: refused: {}", subject, why); });
  if (!config.runtimes.empty()) watcher_ = std::make_unique<DockerWatcher>(io, config.runtimes.front(), *this);
}

void App::start() {
  brain_.set_host_addresses(host_addresses());
  brain_.set_config(config_);
  zebra_.start();
  if (watcher_) watcher_->start();
  on_tick();
  const Status listening = vty_.start();
  if (!listening) spdlog::error("no shell: {}; {}", listening.error().message, listening.error().remedy);
}

void App::stop() {
  vty_.stop();
  tick_.cancel();
  if (watcher_) watcher_->stop();
  zebra_.stop();
}

void App::reconfigure(const Config& config) {
  if (config.runtimes != config_.runtimes || !(config.zebra == config_.zebra))
    spdlog::warn("changes of runtime and zebra lines take effect at the next start of berthd");
  if (!(config.log == config_.log) && options_.set_log) options_.set_log(config.log);
  config_ = config;
  vty_.set_max_clients(config_.vty.max_clients);
  std::erase_if(health_, [&](const auto& each) { return !config_.networks.contains(each.first); });
  brain_.set_config(config_);
  work();
}

void App::tell() const {
  for (const RouteView& route : brain_.routes())
    spdlog::info("{}{} tag {} network {} {} {} {}", route.subnet ? "subnet " : "", route.key.prefix.to_string(),
                 route.tag, route.network, route.container, to_string(route.state), route.reason);
  for (const auto& [name, n] : brain_.counters()) spdlog::info("counter {} {}", name, n);
}

void App::runtime_connected(const std::string& runtime, const std::string& version) {
  spdlog::info("{} {} is here", runtime, version);
  docker_up_ = true;
  docker_version_ = version;
  for (const auto& [name, network] : config_.networks) asio::co_spawn(io_, attach(name), asio::detached);
}

void App::runtime_lost(const std::string& runtime, const std::string& why) {
  spdlog::warn("{} is away, all that is known of it stays: {}", runtime, why);
  docker_up_ = false;
  synced_.erase(runtime);
  brain_.runtime_lost(runtime);
}

void App::snapshot(const std::string& runtime, RuntimeSnapshot all) {
  brain_.set_containers(runtime, all.containers);
  synced_.insert(runtime);
  work();
}

void App::container_changed(ContainerFact fact) {
  brain_.upsert_container(fact);
  work();
}

void App::container_gone(const ContainerKey& key) {
  brain_.remove_container(key);
  work();
}

void App::network_changed(NetworkFact fact) {
  for (const auto& [name, network] : config_.networks)
    if (network.runtime_network() == fact.name) asio::co_spawn(io_, attach(name), asio::detached);
}

void App::network_gone(const std::string&, const std::string&) {
  on_tick();
}

void App::zebra_connected(const ZebraInfo& info) {
  spdlog::info("zebra is here: FRR {}, {}, routes of type {}", info.frr_version, info.module_version, info.route_type);
  zebra_up_ = true;
  zebra_info_ = info;
  brain_.zebra_connected();
  work();
}

void App::zebra_lost(const std::string& why) {
  spdlog::warn("zebra is away, its routes stay: {}", why);
  zebra_up_ = false;
  brain_.zebra_lost();
  note_states();
}

void App::zebra_synced(std::uint32_t swept) {
  spdlog::info("in sync with zebra, {} old routes swept", swept);
  brain_.zebra_synced();
  work();
}

void App::rib_answer(const RibAnswer& answer) {
  if (answer.state == RibState::Rejected || answer.state == RibState::NotBest || answer.state == RibState::Inactive)
    spdlog::warn("{} is {}: {}", answer.key.prefix.to_string(), to_string(answer.state), answer.reason);
  else
    spdlog::info("{} is {}", answer.key.prefix.to_string(), to_string(answer.state));
  brain_.answer(answer);
  if (auto& [state, when] = since_[answer.key]; state != answer.state || when == WallTime{})
    state = answer.state, when = std::chrono::system_clock::now();
  work();
}

void App::work() {
  for (auto steps = brain_.take_steps(kStepsAtATime); !steps.empty(); steps = brain_.take_steps(kStepsAtATime)) {
    for (const Step& step : steps) {
      if (const auto* announce = std::get_if<Announce>(&step))
        zebra_.put(announce->object);
      else if (const auto* withdraw = std::get_if<Withdraw>(&step))
        zebra_.remove(withdraw->key);
      else if (const auto* wanted = std::get_if<Attach>(&step))
        asio::co_spawn(io_, attach(wanted->network), asio::detached);
      else if (const auto* unwanted = std::get_if<Detach>(&step))
        spdlog::info("network {} is no longer ours to advertise; Docker keeps it until docker network rm",
                     unwanted->network);
      else
        zebra_.end_of_sync();
    }
  }
}

asio::awaitable<void> App::attach(std::string name) {
  const auto entry = config_.networks.find(name);
  if (entry == config_.networks.end() || !docker_up_) co_return;
  const NetworkConfig network = entry->second;
  static_cast<void>(co_await docker_.negotiate());
  auto ensured = co_await ensure_docker_network(docker_, network);
  if (!ensured && ensured.error().kind == ErrorKind::Transient) {
    spdlog::warn("network {}: {}; it is tried again", name, ensured.error().message);
    co_return;  // what was known of it stays
  }
  NetworkHealth health;
  if (ensured)
    health = firewall_.ensure(network, ensured->fact, ensured->problems);
  else
    health.problems.push_back({"docker", ensured.error().message, ensured.error().remedy, true});
  if (ensured && ensured->created) spdlog::info("network {} made, bridge {}", name, ensured->fact.interface);
  std::string problem;
  for (const Problem& each : health.problems) problem += each.text + " (" + each.remedy + ") ";
  if (told_problem_[name] != problem)
    spdlog::warn("network {}: {}", name, problem.empty() ? "all problems are gone" : problem);
  told_problem_[name] = problem;
  brain_.set_host_addresses(host_addresses());
  health_[name] = health;
  brain_.set_network_health(name, health);
  work();
}

void App::on_tick() {
  for (const auto& [name, network] : config_.networks) asio::co_spawn(io_, attach(name), asio::detached);
  brain_.retry();
  work();
  note_states();
  tick_.expires_after(kTick);
  tick_.async_wait([this](boost::system::error_code error) {
    if (!error) on_tick();
  });
}

}  // namespace berth
