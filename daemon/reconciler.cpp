// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/reconciler.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/log.h"

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kTick = 5s;         // how often what zebra or the host refused is tried again
constexpr auto kRetry = 1s;        // the unit of the back-off of attachments that failed
constexpr auto kAskAgain = 100ms;  // the unit of the back-off of addresses that another host has
constexpr auto kLook = 20ms;       // at what zebra has taken back
constexpr int kLooks = 250;        // 5 s
constexpr std::size_t kActionsAtATime = 1000;

Config settled(Config config) {
  for (auto& [name, network] : config.networks) network = config.settled(network);
  return config;
}

HostSettings host_settings(const Config& config) {
  return {config.fabric, std::chrono::seconds(config.firewall_patience)};
}

// Docker looks for a network's parent when it starts, and where there is none forgets the network until it starts anew.
Problem made_too_late(const std::string& network) {
  return {"made-too-late",
          "the links that " + network +
              " stands on were made after Docker had started: where containers do not start on it (network id … not "
              "found), "
              "Docker has to start anew; at boot berthd comes before it (its unit file has that)",
          "systemctl restart docker", false};
}

}  // namespace

Reconciler::Reconciler(Timers& timers, const Config& config, LinkExists link_exists)
    : timers_(timers),
      said_(config),
      config_(settled(config)),
      link_exists_(std::move(link_exists)),
      tick_(timers.make()),
      attachments_failed_(timers.make()),
      withdrawal_(timers.make()),
      elsewhere_(timers.make()),
      answer_log_(timers) {
  brain_.on_refusal(
      [](const std::string& subject, const std::string& why) { spdlog::warn("{}: refused: {}", subject, why); });
}

void Reconciler::begin(const Parts& parts) {
  parts_.emplace(parts);
  brain_.set_subnet_routes([find = parts.driver](std::string_view name) {
    const Driver* driver = find(name);
    return driver ? driver->subnet_route() : SubnetRoute::None;
  });
  brain_.set_config(config_);
  parts_->host.configured(config_.networks, host_settings(config_));
  parts_->host.start();
  parts_->plugger.start();
  tell_plugger();
  tell_evpn();
  plugging_.begin(
      parts_->plugger, parts_->runtimes, [this](ContainerFact fact) { container_changed(std::move(fact)); },
      [this] { work(); });
  parts_->sink.start();
  for (const auto& [name, runtime] : parts_->runtimes) runtime->start();
  on_tick();
}

void Reconciler::stop() {
  tick_->cancel();
  attachments_failed_->cancel();
  withdrawal_->cancel();
  elsewhere_->cancel();
  if (parts_) {
    for (const auto& [name, runtime] : parts_->runtimes) runtime->stop();
    plugging_.stop();
    if (parts_->evpn) parts_->evpn->stop();
    parts_->plugger.stop();
    parts_->host.stop();
    parts_->sink.stop();
  }
  parts_.reset();
  answer_log_.stop();
}

void Reconciler::reconfigure(const Config& said) {
  said_ = said;
  Config config = said;
  config.runtimes = config_.runtimes;
  config = settled(std::move(config));
  for (const auto& [name, old] : config_.networks) {
    const auto now = config.networks.find(name);
    const bool gone = now == config.networks.end();
    // Another network of the runtime's: what was found on the host of the old one says nothing of it. Other subnets: the old
    // site is no longer wanted, and what was found counts until there is another.
    const bool renamed = !gone && (now->second.runtime_network() != old.runtime_network() ||
                                   config.runtime_of(now->second) != config_.runtime_of(old));
    const bool another_site =
        renamed || (!gone && (now->second.subnets != old.subnets || now->second.driver != old.driver ||
                              now->second.options != old.options));
    if (gone) problem_log_.forget("network " + name);
    if (gone || now->second != old) grounds_.erase(name);
    if (another_site && parts_) {
      parts_->host.unwant(name);
      known_[name].wanted = false;
    }
    if (renamed) known_[name].found.reset();
    // The host will not say what it finds of the old one; what waits for that is configured anew, or taken away.
    if ((gone || another_site) && std::exchange(known_[name].host_asked, false)) brain_.configure_failed({name});
  }
  config_ = std::move(config);
  std::erase_if(known_, [&](const auto& each) { return !config_.networks.contains(each.first); });
  if (parts_) {
    parts_->host.configured(config_.networks, host_settings(config_));
    tell_plugger();
    tell_evpn();
  }
  brain_.set_config(config_);
  for (const auto& [name, network] : config_.networks) brain_.look_again({name});
  work();
}

void Reconciler::tell_plugger() {
  std::set<std::string> runtimes, networks;
  for (const auto& [name, runtime] : parts_->runtimes) runtimes.insert(name);
  for (const auto& [name, network] : config_.networks)
    if (network.plugged) networks.insert(name);
  parts_->plugger.configured(std::move(runtimes), std::move(networks));
}

void Reconciler::tell_evpn() {
  if (!parts_->evpn) return;
  Evpn::Segments segments;
  const auto& overlays = parts_->host.overlays();
  for (const auto& [name, network] : config_.networks) {
    const Driver* driver = parts_->driver(network.driver);
    const auto vni = driver ? driver->vni(network) : std::nullopt;
    if (!vni) continue;
    const auto at = overlays.find(name);
    segments[*vni] = at == overlays.end() ? std::nullopt : at->second.vtep;
  }
  parts_->evpn->want(std::move(segments));
}

void Reconciler::evpn_found(const Evpn::Problems& problems) {
  if (!parts_) return;
  evpn_ = problems;
  for (const auto& [name, network] : config_.networks)
    if (parts_->driver(network.driver)->vni(network)) tell_health(name);
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
  const bool waits = brain_.withdrawn() && brain_.zebra_up() && !(parts_->sink.idle() && !brain_.has_actions());
  if (!waits || ++looks_at_withdrawal_ > kLooks) return std::exchange(finished_, {})();
  withdrawal_->at(timers_.now() + kLook, [this] { look_at_withdrawal(); });
}

const Reconciler::RuntimeState& Reconciler::runtime(const std::string& name) const {
  static const RuntimeState kAway;
  const auto at = runtimes_.find(name);
  return at == runtimes_.end() ? kAway : at->second;
}

void Reconciler::runtime_connected(const std::string& name, const std::string& version) {
  notice("{} {} is here", name, version);
  RuntimeState& state = runtimes_[name];
  state.connected = true;
  state.version = version;
  if (std::exchange(state.was_away, false))
    for (const auto& [network, ground] : grounds_)
      if (const auto at = config_.networks.find(network);
          at != config_.networks.end() && config_.runtime_of(at->second) == name)
        known_[network].made_before = ground.made;
  tell_host_of_runtimes();
}

void Reconciler::runtime_lost(const std::string& name, const std::string& why) {
  spdlog::warn("{} is away, all that is known of it stays: {}", name, why);
  runtimes_[name].connected = false;
  runtimes_[name].was_away = true;
  tell_host_of_runtimes();
  brain_.runtime_lost(name);
}

// One that was here and is away may come back and write its rules anew, whichever it is.
void Reconciler::tell_host_of_runtimes() {
  parts_->host.runtime_here(
      std::all_of(runtimes_.begin(), runtimes_.end(), [](const auto& each) { return each.second.connected; }));
}

void Reconciler::snapshot(const std::string& name, RuntimeSnapshot all) {
  unknown_[name] = std::move(all.unknown);
  standing_[name].clear();
  for (const NetworkFact& each : all.networks) note_standing(each);
  tell_standing();
  plugging_.listed(name, all.containers);
  for (ContainerFact& each : all.containers) each = plugging_.whole(std::move(each));
  brain_.set_containers(name, all.containers);
  parts_->host.containers(name, all.containers);
  look_again(name);  // at each full list: what was removed or made while nobody looked
  tell_health_of(name);
  work();
  malloc_trim(0);  // of the answers' many small parts
}

void Reconciler::container_changed(ContainerFact fact) {
  fact = plugging_.whole(std::move(fact));
  brain_.upsert_container(fact);
  parts_->host.container_changed(fact);
  work();
}

void Reconciler::container_gone(const ContainerKey& key) {
  plugging_.forget(key);
  brain_.remove_container(key);
  parts_->host.container_gone(key);
  work();
}

// Where berthd makes a runtime's networks itself, nobody else stands on their links.
void Reconciler::note_standing(const NetworkFact& fact) {
  if (std::ranges::any_of(config_.runtimes,
                          [&](const RuntimeConfig& each) { return each.name == fact.runtime && !each.networks; }))
    return;
  std::set<std::string>& links = standing_[fact.runtime][fact.id];
  links.clear();
  if (!fact.interface.empty()) links.insert(fact.interface);
  if (const auto parent = fact.options.find("parent"); parent != fact.options.end()) links.insert(parent->second);
}

void Reconciler::tell_standing() {
  std::set<std::string> all;
  for (const auto& [runtime, networks] : standing_)
    for (const auto& [id, links] : networks) all.insert(links.begin(), links.end());
  // One that fails to tell of a network, or is not asked at all, may have one on any link.
  const bool unknown = std::ranges::any_of(unknown_, [](const auto& each) { return !each.second.empty(); });
  const bool asked = std::ranges::any_of(config_.runtimes, [](const RuntimeConfig& each) { return each.networks; });
  parts_->host.standing(asked && !unknown ? std::optional(std::move(all)) : std::nullopt);
}

void Reconciler::network_changed(NetworkFact fact) {
  note_standing(fact);
  tell_standing();
  for (const auto& [name, network] : config_.networks)
    if (config_.name_in_runtime(network) == NetworkName{fact.runtime, fact.name}) brain_.look_again({name});
  work();
}

void Reconciler::network_gone(const std::string& runtime, const std::string& id) {
  standing_[runtime].erase(id);
  tell_standing();
  for (const auto& [name, network] : config_.networks) {
    if (config_.runtime_of(network) != runtime) continue;
    const Known& each = known_[name];
    if (brain_.configuring({name}) || each.key.id == id || each.has("namesake") || !each.blocked_by.empty())
      brain_.look_again({name});
  }
  work();
}

void Reconciler::networks_unknown(const std::string& runtime, std::vector<UnknownNetwork> all) {
  unknown_[runtime] = std::move(all);
  tell_standing();
  tell_health_of(runtime);
  work();
}

void Reconciler::tell_health_of(const std::string& runtime) {
  for (const auto& [name, network] : config_.networks)
    if (config_.runtime_of(network) == runtime) tell_health(name);
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

void Reconciler::sink_troubled(const std::optional<Error>& why) {
  if (why)
    spdlog::warn("zebra is told of no change for now: {}{}{}", why->message, why->remedy.empty() ? "" : "; ",
                 why->remedy);
  else
    notice("zebra is told of changes again");
  sink_.trouble = why;
}

void Reconciler::sink_synced(std::uint32_t swept) {
  notice("in sync with zebra, {} old routes swept", swept);
  brain_.zebra_synced();
  work();
  malloc_trim(0);
}

void Reconciler::sink_answered(const RibAnswer& answer) {
  answer_log_.tell(answer);
  brain_.answer(answer);
  if (answer.key.kind == RibKind::ConnectedTag) {
    if (answer.state != RibState::Inactive)
      unconnected_.erase(answer.key);
    else if (unconnected_.insert(answer.key).second)
      repeat_connected(answer.key);
  }
  if (auto& [state, when] = since_[answer.key]; state != answer.state || when == WallTime{})
    state = answer.state, when = timers_.wall();
  work();
}

void Reconciler::sink_found(const RibFound& found) {
  brain_.found(found);
  work();
}

void Reconciler::ask_again() {
  elsewhere_armed_ = false;
  brain_.ask_again();
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
  for (auto actions = brain_.take_actions(kActionsAtATime); !actions.empty();
       actions = brain_.take_actions(kActionsAtATime)) {
    for (const Action& action : actions) {
      if (const auto* announce = std::get_if<Announce>(&action))
        parts_->sink.put(announce->object);
      else if (const auto* withdraw = std::get_if<Withdraw>(&action))
        parts_->sink.remove(withdraw->key);
      else if (const auto* question = std::get_if<Ask>(&action))
        parts_->sink.ask(question->address);
      else if (const auto* wanted = std::get_if<Configure>(&action); wanted && wanted->key.of_endpoint())
        plugging_.configure(wanted->key, wanted->spec, config_.networks.at(wanted->key.network),
                            known_[wanted->key.network].key);
      else if (wanted)
        configure(wanted->key.network);
      else if (const auto* gone = std::get_if<Unconfigure>(&action); gone && gone->key.of_endpoint())
        plugging_.unconfigure(gone->key);
      else if (const auto* unwanted = std::get_if<Unconfigure>(&action)) {
        const std::string network = unwanted->key.network;
        parts_->host.forget(network);
        notice(
            "network {} is no longer ours to advertise; a network that its runtime has stays until it is removed there",
            network);
        brain_.unconfigured(unwanted->key);
      } else
        parts_->sink.end_of_sync(std::get<EndOfSync>(action).keep);
    }
  }
  if (!swept_ && brain_.in_sync()) {  // not while routes of an earlier berthd are kept
    swept_ = true;
    parts_->host.sweep();
  }
  if (!attachments_failed_armed_ && brain_.attachments_wait()) {
    attachments_failed_armed_ = true;
    attachments_failed_->at(timers_.now() + kRetry, [this] { retry_attachments(); });
  }
  if (!elsewhere_armed_ && brain_.asks_wait()) {
    elsewhere_armed_ = true;
    elsewhere_->at(timers_.now() + kAskAgain, [this] { ask_again(); });
  }
}

void Reconciler::retry_attachments() {
  attachments_failed_armed_ = false;
  brain_.retry_attachments();
  work();
}

bool Reconciler::Known::has(const std::string& problem) const {
  return found && std::any_of(found->problems.begin(), found->problems.end(),
                              [&](const Problem& each) { return each.code == problem; });
}

// False: the runtime is not to be asked for it now, and the brain has its answer.
bool Reconciler::has_ground(const NetworkConfig& network) {
  const auto ground = grounds_.find(network.name);
  if (ground != grounds_.end() && ground->second.ready) return true;
  if (ground == grounds_.end() || ground->second.problems.empty())
    brain_.configure_failed({network.name});  // the host is at it, and says when it is done
  else if (const Known& at = known_[network.name]; at.wanted && at.found)
    tell_health(network.name);  // the runtime has it; what the host finds of it says what is wrong
  else
    note_configured(network, EnsuredNetwork{{}, false, ground->second.problems});
  return false;
}

// What a runtime is asked while it is away waits for its next list.
void Reconciler::configure(const std::string& name) {
  const NetworkConfig& network = config_.networks.at(name);
  const std::string runtime = config_.runtime_of(network);
  const auto at = parts_->runtimes.find(runtime);
  if (at == parts_->runtimes.end()) {
    note_configured(network,
                    permanent("berthd was started without the runtime " + runtime, "systemctl restart berthd"));
    return;
  }
  if (!this->runtime(runtime).connected) {
    brain_.configure_failed({name});
    return;
  }
  const Driver& driver = *parts_->driver(network.driver);
  if (driver.groundwork(network, {}) && !has_ground(network)) return;
  const std::uint64_t question = known_[name].question = ++questions_;
  RuntimeNetwork wanted = driver.runtime_network(network);
  if (const auto ground = grounds_.find(name); ground != grounds_.end() && ground->second.mtu != 0)
    wanted.mtu = ground->second.mtu, wanted.mtu_at_most = network.mtu == 0;
  at->second->ensure(wanted, [this, asked = network, question](const Result<EnsuredNetwork>& result) {
    configured(asked, question, result);
  });
}

void Reconciler::configured(const NetworkConfig& asked, std::uint64_t question, const Result<EnsuredNetwork>& result) {
  if (!parts_) return;
  // The host may have answered the brain before the runtime did; then there may be two questions, whose answers overtake.
  const auto known = known_.find(asked.name);
  if (known != known_.end() && known->second.question > question) return;
  const auto now = config_.networks.find(asked.name);
  if (now != config_.networks.end() && now->second == asked)
    note_configured(asked, result);
  else
    brain_.configure_failed({asked.name});  // it was asked for something else, or for nothing, meanwhile
  work();
}

void Reconciler::note_configured(const NetworkConfig& network, const Result<EnsuredNetwork>& result) {
  const std::string& name = network.name;
  Known& at = known_[name];
  std::optional<NetworkSite> site;
  if (result && !result->fact.id.empty()) site = parts_->driver(network.driver)->site(network, result->fact);
  if (result && result->created) notice("network {} made, on {}", name, site->interface);
  at.blocked_by = result ? result->blocked_by : "";
  if (site && !site->interface.empty()) {
    at.trouble.reset();
    at.key = {result->fact.runtime, result->fact.id};
    at.wanted = at.host_asked = true;
    std::vector<Problem> problems = result->problems;
    if (const auto ground = grounds_.find(name); ground != grounds_.end()) {
      if (result->created) at.made_before = ground->second.made;
      if (!network.plugged && ground->second.made > at.made_before)
        problems.push_back(made_too_late(network.runtime_network()));
    }
    parts_->host.want(*site, std::move(problems));  // which reports
    return;
  }
  at.host_asked = false;
  brain_.configure_failed({name});
  const std::string kind = kind_of(config_.runtime_of(network));
  if (!result && result.error().kind == ErrorKind::Transient) {   // what was known of it stays
    if (!runtime(config_.runtime_of(network)).connected) return;  // its next list asks again
    at.trouble = Problem{kind, result.error().message, result.error().remedy};
    if (at.key.id.empty()) at.found.reset();  // it was not there; now it may be
  } else {
    at.trouble.reset();
    at.key = {};
    at.found = NetworkHealth{};
    if (result)
      at.found->problems = result->problems;
    else
      at.found->problems = {{kind, result.error().message, result.error().remedy, true}};
    parts_->host.unwant(name);
    at.wanted = false;
  }
  tell_health(name);
}

std::string Reconciler::kind_of(const std::string& runtime) const {
  for (const RuntimeConfig& each : config_.runtimes)
    if (each.name == runtime) return each.kind;
  return runtime;
}

void Reconciler::look_again(const std::string& runtime) {
  for (const auto& [name, network] : config_.networks)
    if (config_.runtime_of(network) == runtime) brain_.look_again({name});
}

void Reconciler::host_looked(const HostReport& report) {
  brain_.set_host_addresses(report.addresses);
  const auto grounds = std::exchange(grounds_, report.grounds);
  for (const auto& [name, ground] : grounds_)
    if (const auto before = grounds.find(name); before == grounds.end() || before->second != ground)
      if (config_.networks.contains(name)) brain_.look_again({name});
  for (const auto& [name, health] : report.health) {
    if (!config_.networks.contains(name)) continue;
    Known& at = known_[name];
    at.found = health;
    at.host_asked = false;
    tell_health(name);
  }
  tell_evpn();
  brain_.set_endpoint_problems(report.endpoints);
  tell_endpoints(report);
  for (const auto& [key, problem] : report.endpoints)
    if (problem.code == "port-gone") plugging_.lost(key);
  plugging_.look(link_exists_);
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
  const Known& at = known_[name];
  if (!at.found && !at.trouble) return;  // not looked at yet
  NetworkHealth health = at.found.value_or(NetworkHealth{});
  health.unknown = !at.found;
  if (at.trouble) {
    health.problems.push_back(*at.trouble);
    health.problems.back().blocks = !at.found;
  }
  const NetworkConfig& network = config_.networks.at(name);
  const std::string runtime = config_.runtime_of(network);
  for (const UnknownNetwork& each : unknown_[runtime]) {
    if (at.key.id.empty() ? each.name != network.runtime_network() : each.id != at.key.id) continue;
    health.unknown = true;
    health.problems.push_back({kind_of(runtime), each.why, each.remedy, false});
  }
  if (const auto vni = parts_ ? parts_->driver(network.driver)->vni(network) : std::nullopt)
    if (const auto found = evpn_.find(*vni); found != evpn_.end())
      health.problems.insert(health.problems.end(), found->second.begin(), found->second.end());
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
  for (const auto& [name, each] : known_)
    if (!each.blocked_by.empty() && !link_exists_(each.blocked_by)) brain_.look_again({name});
  brain_.retry();
  plugging_.look(link_exists_);  // a link of one container's own is no news of a network's
  for (const RibKey& mark : unconnected_) repeat_connected(mark);
  work();
  note_states();
  tick_->at(timers_.now() + kTick, [this] { on_tick(); });
}

}  // namespace berth
