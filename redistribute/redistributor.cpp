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

const Problem* Redistributor::Impl::endpoint_problem(const Candidate& candidate) const {
  const ContainerFact* fact = candidate.owner && gates.any_endpoint() ? inventory.find(candidate.owner->key) : nullptr;
  if (!fact) return nullptr;
  for (const EndpointFact& endpoint : fact->endpoints) {
    const NetworkConfig* network = networks.of(*fact, endpoint);
    if (!network || network->name != candidate.network) continue;
    if (std::find(endpoint.addresses.begin(), endpoint.addresses.end(), candidate.key.prefix.address()) ==
        endpoint.addresses.end())
      continue;
    if (const Problem* problem = gates.at({fact->key, endpoint.id}, candidate.key.prefix)) return problem;
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
  if (before != evaluated.end() && (!fact || seniority_of(*fact) != before->second.seniority))
    claims.set(before->second.seniority, {}, changed);
  if (fact) {
    counters["evaluations"] += fact->endpoints.size();
    const Evaluation evaluation = evaluate(networks, host_addresses, *fact);
    const Seniority seniority = seniority_of(*fact);
    evaluated[fact->key] = {seniority, fact->name};
    claims.set(seniority, evaluation.contribution, changed);
    refusals.set(key, "policy", fact->name, evaluation.refusals);
  } else {
    refusals.set(key, "policy", name_of(key), {});
  }
  look_at_wish(key, fact, changed);
  check(changed);
  if (!fact) evaluated.erase(key);
}

void Redistributor::Impl::evaluate_containers(const std::set<ContainerKey>& keys) {
  for (const ContainerKey& key : keys) evaluate_container(key);
}

void Redistributor::Impl::check(const std::set<RibKey>& keys) {
  for (const RibKey& key : keys) check(key);
}

// One key: what is granted and allowed now is what the tracker is to want.
void Redistributor::Impl::check(const RibKey& key) {
  const Candidate* candidate = claims.granted(key);
  if (key.kind == RibKind::Route) tell_losers(key);
  // Configure, then announce: nothing new by an attachment that is still under way.
  const bool may_be = candidate && gates.open(candidate->network, key.prefix) && !endpoint_problem(*candidate) &&
                      (routes.is_programmed(key) || looked_at({candidate->network}));
  const auto by = may_be ? attachment_of(*candidate) : std::nullopt;
  const bool announced = by && may_announce(*candidate);
  if (!may_be) elsewhere.forget(key.prefix);
  if (key.kind == RibKind::Route) tell_elsewhere(key, may_be ? candidate : nullptr);
  if (!announced) return routes.unwant(key);
  const Attachment to = attachment(*by);
  routes.want(key, {{key, candidate->tag, to.interface, to.next_hop, 0, 0}, *by});
}

// What zebra was told in this session stays, whoever comes later: the newer one is refused, where it is.
bool Redistributor::Impl::may_announce(const Candidate& candidate) {
  const RibKey& key = candidate.key;
  const auto network = networks.config().networks.find(candidate.network);
  const bool anycast = network != networks.config().networks.end() && network->second.anycast;
  const bool asked = key.kind == RibKind::Route && key.prefix.is_host() && zebra_up && !anycast;
  if (asked && !routes.is_programmed(key)) return elsewhere.may_announce(key.prefix);
  elsewhere.forget(key.prefix);
  return true;
}

void Redistributor::Impl::tell_elsewhere(const RibKey& key, const Candidate* candidate) {
  const Elsewhere::Owner* owner = elsewhere.owner(key.prefix);
  const ContainerKey* who = candidate && candidate->owner ? &candidate->owner->key : nullptr;
  const std::string scope = key.prefix.to_string() + " elsewhere";
  if (const auto told = told_elsewhere.find(key); told != told_elsewhere.end()) {
    // In a new session it is found out anew, and what was told is still so until then.
    if (who && told->second == *who && (owner || elsewhere.is_unanswered(key.prefix))) return;
    refusals.set(told->second, scope, {}, {});
    told_elsewhere.erase(told);
  }
  if (!who || !owner || !owner->is_lasting) return;
  told_elsewhere[key] = *who;
  refusals.set(*who, scope, name_of(*who), {{"refusedElsewhere", owner->text}});
}

void Redistributor::Impl::tell_losers(const RibKey& key) {
  const std::string scope = key.prefix.to_string();
  std::set<ContainerKey> losers;
  const auto candidate = claims.candidates().find(key);
  for (const Seniority& who : claims.claimants(key.prefix)) {
    std::set<Refusal> now;
    bool has = false;
    for (const std::string& network : networks.attached(*inventory.find(who.key))) {
      switch (claims.state(who, {network, key.prefix})) {
        case ClaimState::None: break;
        case ClaimState::Granted: has = true; break;
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

bool Redistributor::Impl::listed(const NetworkConfig& network) const {
  return synced.contains(networks.config().runtime_of(network));
}

// By its label a container of any runtime may be on it.
bool Redistributor::Impl::everybody_listed(const NetworkConfig& network) const {
  if (!network.allow_labels.contains(LabelKind::Network)) return listed(network);
  const auto& runtimes = networks.config().runtimes;
  return std::ranges::all_of(runtimes, [&](const RuntimeConfig& each) { return synced.contains(each.name); });
}

// Where it is not known what should be there.
std::vector<Prefix> Redistributor::Impl::unknown_scope() const {
  std::vector<Prefix> out;
  for (const auto& [name, network] : networks.config().networks) {
    const NetworkHealth* health = gates.network(name);
    if (everybody_listed(network) && !(health && health->unknown)) continue;
    for (const Prefix& each : scope_of(network)) out.push_back(each);
  }
  for (const auto& [key, problem] : plug_problems)
    if (const auto network = networks.config().networks.find(key.network);
        problem.waited_for && network != networks.config().networks.end())
      for (const Prefix& each : scope_of(network->second)) out.push_back(each);
  return covering(std::move(out), kMostKept);
}

// A runtime that has not listed yet holds back what depends on it: zebra keeps that, and may sweep the rest. Until one has
// listed there is no rest.
bool Redistributor::Impl::sync_ready() const {
  if (!sync_due || !zebra_up || routes.has_due() || elsewhere.any_unanswered()) return false;
  if (synced.empty() && !networks.config().runtimes.empty()) return false;
  for (const auto& [name, network] : networks.config().networks)
    if (listed(network) && !(gates.network(name) && looked_at({name}))) return false;
  return plugs_settled();
}

Redistributor::Redistributor() : impl_(std::make_unique<Impl>()) {}
Redistributor::~Redistributor() = default;

void Redistributor::set_subnet_routes(std::function<SubnetRoute(std::string_view driver)> of) {
  impl_->claims.set_subnet_routes(std::move(of));
}

void Redistributor::set_config(const Config& config) {
  Impl& impl = *impl_;
  if (impl.configured && config == impl.networks.config()) return;
  impl.configured = true;
  const Config old = impl.networks.config();
  impl.networks.set(config);
  std::set<NetworkName> affected;
  for (const auto& [name, network] : old.networks) {
    if (config.networks.contains(name)) continue;
    affected.insert(old.name_in_runtime(network));
    impl.attachments.unwant({name});
    impl.attachments.doubt({name});  // if it comes back, it is looked at again
    impl.gates.forget_network(name);
    impl.looked.erase(name);
  }
  const bool tags_changed = tags_of(old) != tags_of(config);
  for (const auto& [name, network] : config.networks) {
    impl.attachments.want({name}, impl.spec_of(network));
    const auto before = old.networks.find(name);
    const bool same = before != old.networks.end() && before->second == network &&
                      config.runtime_of(network) == old.runtime_of(before->second);
    if (!same && before != old.networks.end()) affected.insert(old.name_in_runtime(before->second));
    if (!same || (tags_changed && network.allow_labels.contains(LabelKind::Tag)))
      affected.insert(config.name_in_runtime(network));
  }
  for (const RuntimeConfig& runtime : old.runtimes) {
    if (std::any_of(config.runtimes.begin(), config.runtimes.end(),
                    [&](const auto& each) { return each.name == runtime.name; }))
      continue;
    for (const ContainerKey& key : impl.inventory.of_runtime(runtime.name)) remove_container(key);
    impl.synced.erase(runtime.name);
  }
  for (const auto& [name, network] : config.networks)
    if (const auto before = old.networks.find(name);
        before != old.networks.end() && before->second.anycast != network.anycast)
      impl.check_network(name);
  impl.sync_due = impl.sync_due || !impl.kept.empty();
  std::set<RibKey> changed;
  impl.claims.set_limits(config, changed);
  for (const NetworkName& network : affected) impl.evaluate_containers(std::set(impl.inventory.on_network(network)));
  impl.evaluate_containers(std::set(impl.asking));
  impl.check(changed);
}

void Redistributor::set_network_health(const std::string& name, const NetworkHealth& health) {
  Impl& impl = *impl_;
  const auto configured = impl.networks.config().networks.find(name);
  if (configured == impl.networks.config().networks.end()) return;
  const NetworkHealth* known = impl.gates.network(name);
  const std::optional<NetworkHealth> old = known ? std::optional(*known) : std::nullopt;
  const bool found_out = old && old->unknown && !health.unknown;
  if (!health.advertisable() && (!old || old->advertisable())) ++impl.counters["refusedNetwork"];
  bool changed = impl.gates.set_network(name, health) || !old || old->interface != health.interface;
  if (impl.attachments.is_outstanding({name})) impl.attachments.answer({name}, Outcome::Taken);
  if (const AttachmentSpec* there = impl.attachments.programmed({name}))
    if (AttachmentSpec& last = impl.looked[name]; !(last == *there)) {
      last = *there;
      changed = true;
    }
  if (impl.networks.set_key(name, health.key))
    impl.evaluate_containers(
        std::set(impl.inventory.on_network(impl.networks.config().name_in_runtime(configured->second))));
  if (changed) impl.check_network(name);
  impl.sync_due = impl.sync_due || (found_out && !impl.kept.empty());
}

void Redistributor::set_endpoint_problems(const std::map<EndpointKey, Problem>& problems) {
  std::set<RibKey> keys;
  for (const ContainerKey& container : impl_->gates.set_endpoints(problems))
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
  if (impl_->synced.insert(runtime).second) impl_->sync_due = impl_->sync_due || !impl_->kept.empty();
}

void Redistributor::runtime_lost(const std::string& runtime) {
  impl_->synced.erase(runtime);
}

void Redistributor::zebra_connected() {
  impl_->zebra_up = impl_->sync_due = true;
  impl_->swept = false;
  impl_->kept.clear();
  impl_->elsewhere.session_begun();
  impl_->routes.session_begun();
  // All is said anew, and what is to be asked first is asked.
  for (const auto& [key, candidate] : impl_->claims.candidates())
    if (key.kind == RibKind::Route && key.prefix.is_host()) impl_->check(key);
}

void Redistributor::zebra_lost() {
  impl_->zebra_up = false;
  impl_->routes.each_answer([](RouteAnswer& answer) { answer.state = RibState::Stale; });
}

void Redistributor::zebra_synced() {
  ++impl_->counters["syncs"];
  impl_->swept = true;
}

void Redistributor::answer(const RibAnswer& answer) {
  const Outcome outcome = answer.state == RibState::Gone       ? Outcome::Gone
                          : answer.state == RibState::Rejected ? Outcome::Refused
                                                               : Outcome::Taken;
  impl_->routes.answer(answer.key, outcome, {answer.state, answer.reason});
}

void Redistributor::found(const RibFound& found) {
  if (impl_->elsewhere.answer(found)) impl_->check({RibKind::Route, found.prefix});
}

void Redistributor::ask_again() {
  impl_->elsewhere.ask_again();
}

bool Redistributor::asks_wait() const {
  return impl_->elsewhere.any_waits();
}

void Redistributor::withdraw_all(bool on) {
  if (!impl_->gates.withdraw(on)) return;
  for (const auto& [key, candidate] : impl_->claims.candidates()) impl_->check(key);
}

std::vector<Action> Redistributor::take_actions(std::size_t limit) {
  std::vector<Action> actions;
  Impl& impl = *impl_;
  const auto change_attachments = [&](bool away) {
    const auto may = [&](const AttachmentKey& key, const AttachmentSpec* wanted) {
      return away == !wanted && impl.may_change(key, wanted);
    };
    impl.attachments.take_all(may, [&](auto change) {
      if (change.value)
        actions.emplace_back(Configure{change.key, std::move(*change.value)});
      else
        actions.emplace_back(Unconfigure{change.key});
    });
  };
  change_attachments(false);
  while (impl.zebra_up && actions.size() < limit) {
    const auto address = impl.elsewhere.take();
    if (!address) break;
    actions.emplace_back(Ask{*address});
  }
  while (impl.zebra_up && actions.size() < limit) {
    auto change = impl.routes.take();
    if (!change) break;
    impl.elsewhere.forget(change->key.prefix);
    if (change->value)
      actions.emplace_back(Announce{std::move(change->value->object)});
    else
      actions.emplace_back(Withdraw{change->key});
  }
  change_attachments(true);
  if (impl.sync_ready()) {
    impl.sync_due = impl.swept = false;
    impl.kept = impl.unknown_scope();
    actions.emplace_back(EndOfSync{impl.kept});
  }
  return actions;
}

bool Redistributor::has_actions() const {
  const Impl& impl = *impl_;
  return impl.attachment_due() || (impl.zebra_up && (impl.routes.has_due() || impl.elsewhere.has_due())) ||
         impl.sync_ready();
}

void Redistributor::retry() {
  impl_->routes.retry();
}

bool Redistributor::in_sync() const {
  const Impl& impl = *impl_;
  const Config& config = impl.networks.config();
  return impl.zebra_up && impl.swept && !impl.sync_due &&
         std::all_of(config.runtimes.begin(), config.runtimes.end(),
                     [&](const RuntimeConfig& each) { return impl.synced.contains(each.name); }) &&
         std::all_of(config.networks.begin(), config.networks.end(),
                     [&](const auto& each) { return impl.gates.network(each.first) != nullptr; }) &&
         unknown_networks().empty();
}

bool Redistributor::withdrawn() const {
  return impl_->gates.withdrawn();
}
bool Redistributor::zebra_up() const {
  return impl_->zebra_up;
}
bool Redistributor::listed(const std::string& runtime) const {
  return impl_->synced.contains(runtime);
}
const std::map<std::string, NetworkHealth>& Redistributor::health() const {
  return impl_->gates.networks();
}

const std::map<EndpointKey, Problem>& Redistributor::endpoint_problems() const {
  return impl_->gates.endpoints();
}

std::set<std::string> Redistributor::unknown_networks() const {
  std::set<std::string> out;
  for (const auto& [name, health] : impl_->gates.networks())
    if (health.unknown) out.insert(name);
  return out;
}

std::vector<ContainerFact> Redistributor::containers() const {
  std::vector<ContainerFact> out;
  for (const auto& [key, fact] : impl_->inventory.all()) out.push_back(fact);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

const std::set<IpAddress>& Redistributor::host_addresses() const {
  return impl_->host_addresses;
}

std::set<IpAddress> Redistributor::addresses_in(const std::vector<SubnetConfig>& subnets) const {
  std::set<IpAddress> out;
  for (const auto& [key, fact] : impl_->inventory.all())
    for (const EndpointFact& endpoint : fact.endpoints)
      for (const IpAddress& address : endpoint.plugged() ? std::vector<IpAddress>() : endpoint.addresses)
        if (std::ranges::any_of(subnets, [&](const SubnetConfig& each) { return each.subnet.contains(address); }))
          out.insert(address);
  return out;
}

std::map<std::string, std::uint64_t> Redistributor::counters() const {
  std::map<std::string, std::uint64_t> out = impl_->refusals.counters();
  out.insert(impl_->counters.begin(), impl_->counters.end());
  out["checks"] = impl_->routes.checks();
  return out;
}

void Redistributor::on_refusal(std::function<void(const std::string&, const std::string&)> hook) {
  impl_->refusals.on_refusal(std::move(hook));
}

}  // namespace berth
