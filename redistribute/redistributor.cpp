// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/redistributor.h"

#include <algorithm>
#include <utility>

#include "redistribute/scope.h"
#include "redistribute/state.h"

namespace berth {
namespace {

constexpr std::size_t kMostKept = 1024;  // prefixes in an EndOfSync: 24 bytes each in a frame of 64 KiB

std::set<std::uint32_t> tags_of(const Config& config) {
  std::set<std::uint32_t> out;
  for (const auto& [name, network] : config.networks) out.insert(network.tag);
  return out;
}

}  // namespace

bool Redistributor::Impl::may_advertise(const SharedText& network, const Prefix& prefix) const {
  const auto entry = health.find(network);
  return !withdrawn && entry != health.end() && entry->second.advertisable(prefix);
}

const Problem* Redistributor::Impl::endpoint_problem(const Wish& wish) const {
  const ContainerFact* fact = wish.owner && !endpoint_problems.empty() ? inventory.find(wish.owner->key) : nullptr;
  if (!fact) return nullptr;
  for (const EndpointFact& endpoint : fact->endpoints) {
    const NetworkConfig* network = networks.of(*fact, endpoint);
    if (!network || network->name != wish.network) continue;
    if (std::find(endpoint.addresses.begin(), endpoint.addresses.end(), wish.key.prefix.address()) ==
        endpoint.addresses.end())
      continue;
    const auto problem = endpoint_problems.find({fact->key, endpoint.id});
    if (problem != endpoint_problems.end() && problem->second.blocks && problem->second.concerns(wish.key.prefix))
      return &problem->second;
  }
  return nullptr;
}

SharedText Redistributor::Impl::name_of(const ContainerKey& key) const {
  const auto entry = evaluated.find(key);
  return entry == evaluated.end() ? SharedText() : entry->second.name;
}

// Evaluates one container, or forgets it, and looks at what that changes.
void Redistributor::Impl::evaluate_container(const ContainerKey& key) {
  const ContainerFact* fact = inventory.find(key);
  const auto before = evaluated.find(key);
  std::set<RibKey> changed;
  if (before != evaluated.end() && (!fact || rank_of(*fact).created != before->second.created))
    claims.set({before->second.created, key}, {}, changed);
  if (fact) {
    counters["evaluations"] += fact->endpoints.size();
    const Evaluation evaluation = evaluate(networks, host_addresses, *fact);
    const Rank rank = rank_of(*fact);
    evaluated[fact->key] = {rank.created, fact->name};
    claims.set(rank, evaluation.contribution, changed);
    refusals.set(key, "policy", fact->name, evaluation.refusals);
  } else {
    refusals.set(key, "policy", name_of(key), {});
  }
  check(changed);
  if (!fact) evaluated.erase(key);
}

void Redistributor::Impl::evaluate_containers(const std::set<ContainerKey>& keys) {
  for (const ContainerKey& key : keys) evaluate_container(key);
}

void Redistributor::Impl::check(const std::set<RibKey>& keys) {
  for (const RibKey& key : keys) check(key);
}

// One key: what is wished and allowed now is what the tracker is to want.
void Redistributor::Impl::check(const RibKey& key) {
  const Wish* wish = claims.wish(key);
  if (key.kind == RibKind::Route) tell_losers(key);
  if (!wish || !may_advertise(wish->network, key.prefix) || endpoint_problem(*wish)) return tracker.unwant(key);
  // Attach, then advertise: nothing new of a network whose attachment is still under way.
  if (attaching.contains(wish->network) && !tracker.is_told(key)) return tracker.unwant(key);
  tracker.want({key, wish->tag, health.at(wish->network).interface, {}, 0, 0}, wish->network);
}

void Redistributor::Impl::tell_losers(const RibKey& key) {
  const std::string scope = key.prefix.to_string();
  std::set<ContainerKey> losers;
  const auto candidate = claims.candidates().find(key);
  for (const Rank& who : claims.claimants(key.prefix)) {
    std::set<Refusal> now;
    bool has = false;
    for (const std::string& network : networks.attached(*inventory.find(who.key))) {
      switch (claims.state(who, {network, key.prefix})) {
        case ClaimState::None: break;
        case ClaimState::Wished: has = true; break;
        case ClaimState::OtherOwner:
          if (candidate == claims.candidates().end() || !candidate->second.owner) break;
          now.insert({"refusedOwner", scope + " belongs to " + name_of(candidate->second.owner->key)});
          break;
        case ClaimState::TooManyContainers:
          now.insert(
              {"refusedMaxContainers", "network " + network + " has as many containers as max-containers allows"});
          break;
        case ClaimState::TooManyRoutes: now.insert({"refusedLimit", scope + ": the limit of routes is reached"}); break;
      }
    }
    if (has) now.clear();
    if (!now.empty()) losers.insert(who.key);
    refusals.set(who.key, scope, name_of(who.key), std::move(now));
  }
  // Who lost it before and claims it no more.
  auto& before = refused_at[key];
  for (const ContainerKey& container : before)
    if (!losers.contains(container)) refusals.set(container, scope, {}, {});
  before = std::move(losers);
  if (before.empty()) refused_at.erase(key);
}

void Redistributor::Impl::check_network(const SharedText& network) {
  check(claims.of_network(network));
}

bool Redistributor::Impl::sources_in_sync() const {
  for (const RuntimeConfig& runtime : networks.config().runtimes)
    if (!synced.contains(runtime.name)) return false;
  for (const auto& [name, network] : networks.config().networks)
    if (!health.contains(name)) return false;
  return true;
}

std::vector<Prefix> Redistributor::Impl::unknown_scope() const {
  std::vector<Prefix> out;
  for (const auto& [name, network] : networks.config().networks)
    if (const auto entry = health.find(name); entry != health.end() && entry->second.unknown)
      for (const Prefix& each : scope_of(network)) out.push_back(each);
  return covering(std::move(out), kMostKept);
}

bool Redistributor::Impl::detachable(const std::string& network, const std::vector<Prefix>& scope) const {
  return swept && !tracker.tells_of(network) && !overlap(scope, kept);
}

bool Redistributor::Impl::sync_ready() const {
  return sync_due && zebra_up && !tracker.has_due() && attaching.empty() && sources_in_sync();
}

Redistributor::Redistributor() : impl_(std::make_unique<Impl>()) {}
Redistributor::~Redistributor() = default;

void Redistributor::set_config(const Config& config) {
  Impl& impl = *impl_;
  if (impl.configured && config == impl.networks.config()) return;
  impl.configured = true;
  const Config old = impl.networks.config();
  impl.networks.set(config);
  std::set<std::string> affected;  // names that the runtimes use
  for (const auto& [name, network] : old.networks) {
    if (config.networks.contains(name)) continue;
    affected.insert(network.runtime_network());
    impl.detach_due[name] = scope_of(network);
    impl.attach_due.erase(name);
    impl.attaching.erase(name);
    impl.health.erase(name);
  }
  const bool tags_changed = tags_of(old) != tags_of(config);
  for (const auto& [name, network] : config.networks) {
    const auto before = old.networks.find(name);
    impl.detach_due.erase(name);
    const bool same = before != old.networks.end() && before->second == network;
    if (!same) {
      impl.attach_due.insert(name);
      impl.attaching.insert(name);
      if (before != old.networks.end()) affected.insert(before->second.runtime_network());
    }
    if (!same || (tags_changed && network.allow_labels.contains(LabelKind::Tag)))
      affected.insert(network.runtime_network());
  }
  for (const RuntimeConfig& runtime : old.runtimes) {
    if (std::any_of(config.runtimes.begin(), config.runtimes.end(),
                    [&](const auto& each) { return each.name == runtime.name; }))
      continue;
    for (const ContainerKey& key : impl.inventory.of_runtime(runtime.name)) remove_container(key);
    impl.synced.erase(runtime.name);
  }
  impl.sync_due = impl.sync_due || !impl.kept.empty();
  std::set<RibKey> changed;
  impl.claims.set_limits(config, changed);
  for (const std::string& network : affected) impl.evaluate_containers(impl.inventory.on_network(network));
  impl.check(changed);
}

void Redistributor::set_network_health(const std::string& network, const NetworkHealth& health) {
  Impl& impl = *impl_;
  if (!impl.networks.config().networks.contains(network)) return;
  const bool was_attaching = !impl.attach_due.contains(network) && impl.attaching.erase(network) > 0;
  const auto old = impl.health.find(network);
  const bool found_out = old != impl.health.end() && old->second.unknown && !health.unknown;
  const auto same_for = [&](const Prefix& prefix) {
    return old->second.advertisable(prefix) == health.advertisable(prefix);
  };
  static const Prefix kAnyV4 = *Prefix::parse("0.0.0.0/0"), kAnyV6 = *Prefix::parse("::/0");
  const bool same =
      old != impl.health.end() && same_for(kAnyV4) && same_for(kAnyV6) && old->second.interface == health.interface;
  if (!health.advertisable() && (old == impl.health.end() || old->second.advertisable()))
    ++impl.counters["refusedNetwork"];
  impl.health[network] = health;
  if (impl.networks.set_key(network, health.key))
    impl.evaluate_containers(
        std::set(impl.inventory.on_network(impl.networks.config().networks.at(network).runtime_network())));
  if (!same || was_attaching) impl.check_network(network);
  impl.sync_due = impl.sync_due || (found_out && !impl.kept.empty());
}

void Redistributor::set_endpoint_problems(const std::map<EndpointKey, Problem>& problems) {
  if (problems == impl_->endpoint_problems) return;
  const auto old = std::exchange(impl_->endpoint_problems, problems);
  std::set<ContainerKey> affected;
  const auto touch = [&](const std::map<EndpointKey, Problem>& these, const std::map<EndpointKey, Problem>& others) {
    for (const auto& [key, problem] : these) {
      const auto other = others.find(key);
      if (other == others.end() || !(other->second == problem)) affected.insert(key.container);
    }
  };
  touch(old, problems);
  touch(problems, old);
  std::set<RibKey> keys;
  for (const ContainerKey& container : affected)
    if (const ContainerFact* fact = impl_->inventory.find(container))
      for (const EndpointFact& endpoint : fact->endpoints)
        for (const IpAddress& address : endpoint.addresses) keys.insert({RibKind::Route, Prefix::host(address)});
  impl_->check(keys);
}

void Redistributor::set_host_addresses(const std::set<IpAddress>& addresses) {
  std::set<ContainerKey> affected;
  const auto touch = [&](const std::set<IpAddress>& these, const std::set<IpAddress>& others) {
    for (const IpAddress& address : these)
      if (!others.contains(address))
        for (const ContainerKey& key : impl_->inventory.with_address(address)) affected.insert(key);
  };
  touch(addresses, impl_->host_addresses);
  touch(impl_->host_addresses, addresses);
  impl_->host_addresses = addresses;
  impl_->evaluate_containers(affected);
}

void Redistributor::upsert_container(const ContainerFact& fact) {
  if (impl_->inventory.upsert(fact)) impl_->evaluate_container(fact.key);
}

void Redistributor::remove_container(const ContainerKey& key) {
  if (impl_->inventory.remove(key)) impl_->evaluate_container(key);
}

void Redistributor::set_containers(const std::string& runtime, const std::vector<ContainerFact>& all) {
  std::set<ContainerKey> named;
  for (const ContainerFact& fact : all) named.insert(fact.key);
  for (const ContainerKey& key : impl_->inventory.of_runtime(runtime))
    if (!named.contains(key)) remove_container(key);
  for (const ContainerFact& fact : all) upsert_container(fact);
  impl_->synced.insert(runtime);
}

void Redistributor::runtime_lost(const std::string& runtime) {
  impl_->synced.erase(runtime);
}

void Redistributor::zebra_connected() {
  impl_->zebra_up = impl_->sync_due = true;
  impl_->swept = false;
  impl_->kept.clear();
  impl_->tracker.session_begun();
}

void Redistributor::zebra_lost() {
  impl_->zebra_up = false;
  impl_->tracker.session_lost();
}

void Redistributor::zebra_synced() {
  ++impl_->counters["syncs"];
  impl_->swept = true;
}

void Redistributor::answer(const RibAnswer& answer) {
  impl_->tracker.answer(answer);
}

void Redistributor::withdraw_all(bool on) {
  if (std::exchange(impl_->withdrawn, on) == on) return;
  for (const auto& [key, wish] : impl_->claims.candidates()) impl_->check(key);
}

std::vector<Step> Redistributor::take_steps(std::size_t limit) {
  std::vector<Step> steps;
  Impl& impl = *impl_;
  for (const std::string& network : std::exchange(impl.attach_due, {})) steps.emplace_back(Attach{network});
  while (impl.zebra_up && steps.size() < limit) {
    const auto change = impl.tracker.take();
    if (!change) break;
    if (const auto* object = std::get_if<RibObject>(&*change))
      steps.emplace_back(Announce{*object});
    else
      steps.emplace_back(Withdraw{std::get<RibKey>(*change)});
  }
  for (auto network = impl.detach_due.begin(); network != impl.detach_due.end();) {
    if (!impl.detachable(network->first, network->second)) {
      ++network;
      continue;
    }
    steps.emplace_back(Detach{network->first});
    network = impl.detach_due.erase(network);
  }
  if (impl.sync_ready()) {
    impl.sync_due = impl.swept = false;
    impl.kept = impl.unknown_scope();
    steps.emplace_back(EndOfSync{impl.kept});
  }
  return steps;
}

bool Redistributor::has_steps() const {
  const Impl& impl = *impl_;
  return !impl.attach_due.empty() || (impl.zebra_up && impl.tracker.has_due()) || impl.sync_ready() ||
         std::any_of(impl.detach_due.begin(), impl.detach_due.end(),
                     [&](const auto& each) { return impl.detachable(each.first, each.second); });
}

void Redistributor::retry() {
  impl_->tracker.retry();
}

bool Redistributor::in_sync() const {
  return impl_->zebra_up && impl_->swept && impl_->sources_in_sync() && unknown_networks().empty();
}

std::set<std::string> Redistributor::unknown_networks() const {
  std::set<std::string> out;
  for (const auto& [name, health] : impl_->health)
    if (health.unknown) out.insert(name);
  return out;
}

std::vector<ContainerFact> Redistributor::containers() const {
  std::vector<ContainerFact> out;
  for (const auto& [key, fact] : impl_->inventory.all()) out.push_back(fact);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

std::map<std::string, std::uint64_t> Redistributor::counters() const {
  std::map<std::string, std::uint64_t> out = impl_->refusals.counters();
  out.insert(impl_->counters.begin(), impl_->counters.end());
  out["checks"] = impl_->tracker.checks();
  return out;
}

void Redistributor::on_refusal(std::function<void(const std::string&, const std::string&)> hook) {
  impl_->refusals.on_refusal(std::move(hook));
}

}  // namespace berth
