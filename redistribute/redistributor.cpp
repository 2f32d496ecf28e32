// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/redistributor.h"

#include <algorithm>
#include <utility>

#include "redistribute/policy.h"

namespace berth {
namespace {

struct Wish {
  RibObject object;
  std::string network, container;
  bool operator==(const Wish&) const = default;
};

// What zebra was told, and what it said.
struct Told {
  std::optional<RibObject> object;  // absent: a removal is on its way
  RibState state = RibState::Pending;
  std::string reason;
  bool answered = false;
};

}  // namespace

struct Redistributor::Impl {
  Config config;
  std::map<std::string, NetworkHealth> health;
  std::set<std::string> attach_due, detach_due;
  std::set<IpAddress> host_addresses;
  std::map<ContainerKey, ContainerFact> containers;
  std::set<std::string> synced;
  // For an address: who claims it. The owner stays while it claims; after it the lowest key, whatever the order of events.
  struct Claims {
    std::map<ContainerKey, Wish> by_container;
    std::optional<ContainerKey> owner;
  };
  std::map<Prefix, Claims> claims;
  std::map<std::string, std::map<RibKey, std::size_t>> members;  // network -> subnet mark -> endpoints in it
  std::map<RibKey, Wish> wishes;
  std::map<RibKey, Told> told;
  std::set<RibKey> due;
  std::map<std::string, std::uint64_t> counters;
  std::set<std::pair<std::string, std::string>> refusals;  // told already
  std::function<void(const std::string&, const std::string&)> refusal_hook;
  bool zebra_up = false, sync_due = false, withdrawn = false;

  const NetworkConfig* network_of(const EndpointFact& endpoint) const {
    for (const auto& [name, network] : config.networks)
      if (network.runtime_network() == endpoint.network) return &network;
    return nullptr;
  }

  void refuse(const std::string& counter, const std::string& subject, const std::string& why) {
    if (!refusals.insert({subject, why}).second) return;
    ++counters[counter];
    if (refusal_hook) refusal_hook(subject, why);
  }

  bool may_advertise(const std::string& network) const {
    const auto entry = health.find(network);
    return !withdrawn && entry != health.end() && entry->second.advertisable();
  }

  // The difference of one key: wanted against told.
  void check(const RibKey& key) {
    const auto wish = wishes.find(key);
    const auto said = told.find(key);
    const bool wanted = wish != wishes.end() && may_advertise(wish->second.network);
    const bool same = wanted ? said != told.end() && said->second.object == wish->second.object : said == told.end();
    const bool removing = !wanted && said != told.end() && !said->second.object;
    if (same || removing)
      due.erase(key);
    else
      due.insert(key);
  }

  void set_wish(const RibKey& key, std::optional<Wish> wish) {
    if (wish)
      wishes[key] = std::move(*wish);
    else
      wishes.erase(key);
    check(key);
  }

  void elect(const Prefix& prefix) {
    const RibKey key{RibKind::Route, prefix};
    const auto entry = claims.find(prefix);
    if (entry == claims.end()) return set_wish(key, std::nullopt);
    Claims& claim = entry->second;
    if (claim.by_container.empty()) {
      claims.erase(entry);
      return set_wish(key, std::nullopt);
    }
    if (!claim.owner || !claim.by_container.contains(*claim.owner)) claim.owner = claim.by_container.begin()->first;
    for (const auto& [container, wish] : claim.by_container)
      if (container != *claim.owner)
        refuse("refusedOwner", wish.container, prefix.to_string() + " belongs to " + claim.by_container[*claim.owner].container);
    if (!wishes.contains(key) && wishes.size() >= config.max_routes) {
      refuse("refusedLimit", claim.by_container[*claim.owner].container, "the limit of routes is reached");
      return;
    }
    set_wish(key, claim.by_container[*claim.owner]);
  }

  // Adds (+1) or takes away (-1) what one container brings.
  void count(const ContainerFact& fact, int sign) {
    for (const EndpointFact& endpoint : fact.endpoints) {
      const NetworkConfig* network = network_of(endpoint);
      if (!network) continue;
      LabelEffect labels = apply_labels(config, *network, fact);
      if (sign > 0)
        for (const LabelRefusal& refusal : labels.refused)
          refuse("refusedLabel", fact.name, "label " + refusal.label + " refused: " + refusal.why);
      for (const IpAddress& address : endpoint.addresses) {
        count_subnet(*network, address, sign);
        const Verdict verdict = judge(*network, labels, host_addresses, address);
        const Prefix prefix = Prefix::host(address);
        if (sign > 0 && verdict.step == "prefix") refuse("refusedPrefix", fact.name, verdict.detail);
        if (sign > 0 && verdict.advertise) {
          RibObject object{{RibKind::Route, prefix}, verdict.tag, interface_of(network->name), {}, 0, 0};
          claims[prefix].by_container[fact.key] = {std::move(object), network->name, fact.name};
        } else if (claims.contains(prefix)) {
          claims[prefix].by_container.erase(fact.key);
        }
        touched.insert(prefix);
      }
    }
  }
  std::set<Prefix> touched;

  void elect_touched() {
    for (const Prefix& prefix : std::exchange(touched, {})) elect(prefix);
  }

  std::string interface_of(const std::string& network) const {
    const auto entry = health.find(network);
    return entry == health.end() ? std::string() : entry->second.interface;
  }

  void count_subnet(const NetworkConfig& network, const IpAddress& address, int sign) {
    for (const SubnetConfig& subnet : network.subnets) {
      if (!subnet.subnet.contains(address)) continue;
      const RibKey key{RibKind::Mark, subnet.subnet};
      std::size_t& n = members[network.name][key];
      n += static_cast<std::size_t>(sign);
      if (n > 0 && advertises_subnet(network.advertise) && network.tag)
        set_wish(key, Wish{{key, network.tag, interface_of(network.name), {}, 0, 0}, network.name, ""});
      else
        set_wish(key, std::nullopt);
    }
  }

  void upsert(const ContainerFact& fact) {
    const auto entry = containers.find(fact.key);
    if (entry != containers.end()) {
      if (entry->second == fact) return;
      count(entry->second, -1);
    }
    containers[fact.key] = fact;
    count(fact, +1);
    elect_touched();
  }

  void remove(const ContainerKey& key) {
    const auto entry = containers.find(key);
    if (entry == containers.end()) return;
    count(entry->second, -1);
    std::erase_if(refusals, [&](const auto& refusal) { return refusal.first == entry->second.name; });
    containers.erase(entry);
    elect_touched();
  }

  // All again: the configuration, an interface or the host's addresses changed.
  void rebuild(const std::function<void()>& change) {
    for (const auto& [key, fact] : containers) count(fact, -1);
    change();
    for (const auto& [key, fact] : containers) count(fact, +1);
    elect_touched();
    std::set<RibKey> keys;
    for (const auto& [key, wish] : wishes) keys.insert(key);
    for (const auto& [key, said] : told) keys.insert(key);
    for (const RibKey& key : keys) check(key);
  }

  bool sources_in_sync() const {
    for (const RuntimeConfig& runtime : config.runtimes)
      if (!synced.contains(runtime.name)) return false;
    for (const auto& [name, network] : config.networks)
      if (!health.contains(name)) return false;
    return true;
  }

  bool network_said(const std::string& name) const {
    return std::any_of(told.begin(), told.end(), [&](const auto& entry) { return told_network(entry.first) == name; });
  }
  std::map<RibKey, std::string> networks_of_told;
  std::string told_network(const RibKey& key) const {
    const auto entry = networks_of_told.find(key);
    return entry == networks_of_told.end() ? std::string() : entry->second;
  }
};

Redistributor::Redistributor() : impl_(std::make_unique<Impl>()) {}
Redistributor::~Redistributor() = default;

void Redistributor::set_config(const Config& config) {
  impl_->rebuild([&] {
    for (const auto& [name, network] : impl_->config.networks) {
      if (config.networks.contains(name)) continue;
      impl_->detach_due.insert(name);
      impl_->health.erase(name);
    }
    for (const auto& [name, network] : config.networks) {
      const auto old = impl_->config.networks.find(name);
      impl_->detach_due.erase(name);
      if (old == impl_->config.networks.end() || !(old->second == network)) impl_->attach_due.insert(name);
    }
    std::set<ContainerKey> orphans;
    for (const auto& [key, fact] : impl_->containers)
      if (std::none_of(config.runtimes.begin(), config.runtimes.end(),
                       [&](const RuntimeConfig& runtime) { return runtime.name == key.runtime; }))
        orphans.insert(key);
    for (const ContainerKey& key : orphans) impl_->containers.erase(key);
    impl_->config = config;
  });
}

void Redistributor::set_network_health(const std::string& network, const NetworkHealth& health) {
  if (!impl_->config.networks.contains(network)) return;
  const auto old = impl_->health.find(network);
  if (old != impl_->health.end() && old->second == health) return;
  impl_->rebuild([&] { impl_->health[network] = health; });
}

void Redistributor::set_host_addresses(const std::set<IpAddress>& addresses) {
  if (addresses == impl_->host_addresses) return;
  impl_->rebuild([&] { impl_->host_addresses = addresses; });
}

void Redistributor::upsert_container(const ContainerFact& fact) { impl_->upsert(fact); }
void Redistributor::remove_container(const ContainerKey& key) { impl_->remove(key); }

void Redistributor::set_containers(const std::string& runtime, const std::vector<ContainerFact>& all) {
  std::set<ContainerKey> named;
  for (const ContainerFact& fact : all) {
    named.insert(fact.key);
    impl_->upsert(fact);
  }
  std::vector<ContainerKey> gone;
  for (const auto& [key, fact] : impl_->containers)
    if (key.runtime == runtime && !named.contains(key)) gone.push_back(key);
  for (const ContainerKey& key : gone) impl_->remove(key);
  impl_->synced.insert(runtime);
}

void Redistributor::runtime_lost(const std::string& runtime) { impl_->synced.erase(runtime); }

void Redistributor::zebra_connected() {
  impl_->zebra_up = impl_->sync_due = true;
  impl_->told.clear();
  impl_->due.clear();
  for (const auto& [key, wish] : impl_->wishes) impl_->check(key);
}

void Redistributor::zebra_lost() {
  impl_->zebra_up = false;
  for (auto& [key, said] : impl_->told) said.state = RibState::Stale;
}

void Redistributor::zebra_synced() { ++impl_->counters["syncs"]; }

void Redistributor::answer(const RibAnswer& answer) {
  const auto said = impl_->told.find(answer.key);
  if (said == impl_->told.end()) return;
  if (!said->second.object) {  // a removal
    if (answer.state != RibState::Gone) return;
    impl_->told.erase(said);
    impl_->networks_of_told.erase(answer.key);
    impl_->check(answer.key);
    return;
  }
  said->second.state = answer.state;
  said->second.reason = answer.reason;
  said->second.answered = true;
}

void Redistributor::withdraw_all(bool on) {
  impl_->rebuild([&] { impl_->withdrawn = on; });
}

std::vector<Step> Redistributor::take_steps(std::size_t limit) {
  std::vector<Step> steps;
  Impl& impl = *impl_;
  for (const std::string& network : std::exchange(impl.attach_due, {})) steps.emplace_back(Attach{network});
  while (impl.zebra_up && !impl.due.empty() && steps.size() < limit) {
    const RibKey key = *impl.due.begin();
    impl.due.erase(impl.due.begin());
    const auto wish = impl.wishes.find(key);
    if (wish != impl.wishes.end() && impl.may_advertise(wish->second.network)) {
      impl.told[key] = {wish->second.object, RibState::Pending, "", false};
      impl.networks_of_told[key] = wish->second.network;
      steps.emplace_back(Announce{wish->second.object});
    } else {
      impl.told[key].object.reset();
      steps.emplace_back(Withdraw{key});
    }
  }
  for (auto network = impl.detach_due.begin(); network != impl.detach_due.end();) {
    if (impl.network_said(*network)) {
      ++network;
      continue;
    }
    steps.emplace_back(Detach{*network});
    network = impl.detach_due.erase(network);
  }
  if (impl.sync_due && impl.zebra_up && impl.due.empty() && impl.sources_in_sync()) {
    impl.sync_due = false;
    steps.emplace_back(EndOfSync{});
  }
  return steps;
}

bool Redistributor::has_steps() const {
  const Impl& impl = *impl_;
  return !impl.attach_due.empty() || (impl.zebra_up && !impl.due.empty()) ||
         (impl.sync_due && impl.zebra_up && impl.sources_in_sync()) ||
         std::any_of(impl.detach_due.begin(), impl.detach_due.end(),
                     [&](const std::string& network) { return !impl.network_said(network); });
}

void Redistributor::retry() {
  for (auto& [key, said] : impl_->told)
    if (said.object && said.answered && (said.state == RibState::Gone || said.state == RibState::Rejected))
      impl_->due.insert(key);
}

bool Redistributor::in_sync() const { return impl_->zebra_up && !impl_->sync_due && impl_->sources_in_sync(); }

std::vector<RouteView> Redistributor::routes() const {
  std::vector<RouteView> out;
  for (const auto& [key, wish] : impl_->wishes) {
    RouteView view{key, wish.network, wish.container, key.kind == RibKind::Mark, wish.object.tag, {}, {}};
    const auto said = impl_->told.find(key);
    if (said != impl_->told.end()) {
      view.state = said->second.state;
      view.reason = said->second.reason;
    } else if (!impl_->may_advertise(wish.network)) {
      view.reason = impl_->withdrawn ? "withdrawn by the operator" : "the network may not be advertised";
    }
    out.push_back(std::move(view));
  }
  return out;
}

std::vector<ContainerFact> Redistributor::containers() const {
  std::vector<ContainerFact> out;
  for (const auto& [key, fact] : impl_->containers) out.push_back(fact);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

std::optional<RouteView> Redistributor::route_of(const IpAddress& address) const {
  for (const RouteView& view : routes())
    if (view.key == RibKey{RibKind::Route, Prefix::host(address)}) return view;
  return std::nullopt;
}

Explanation Redistributor::explain(const std::string& subject) const {
  Explanation out{subject, false, {}};
  const auto step = [&](std::string name, bool ok, std::string detail, std::string remedy = {}) {
    out.steps.push_back({std::move(name), ok, std::move(detail), std::move(remedy)});
    return ok;
  };
  const auto address = IpAddress::parse(subject);
  const ContainerFact* fact = nullptr;
  for (const auto& [key, container] : impl_->containers)
    for (const EndpointFact& endpoint : container.endpoints)
      if (address && std::count(endpoint.addresses.begin(), endpoint.addresses.end(), *address)) fact = &container;
  for (const auto& [key, container] : impl_->containers)
    if (!fact && !subject.empty() && (container.name == subject || (subject.size() >= 4 && key.id.starts_with(subject))))
      fact = &container;
  if (!step("container", fact != nullptr, fact ? fact->name + " is " + fact->state : "no container of that name, id or address",
            fact ? "" : "docker ps; berthctl -c 'show status' tells whether the runtime is in sync"))
    return out;
  if (!step("endpoint", !fact->endpoints.empty(), fact->endpoints.empty() ? "not on any network" : "on " + fact->endpoints[0].network,
            "docker network connect NETWORK " + fact->name))
    return out;
  for (const EndpointFact& endpoint : fact->endpoints) {
    const NetworkConfig* network = impl_->network_of(endpoint);
    if (!step("network", network != nullptr, endpoint.network + (network ? " is configured" : " is not in berthd.conf"),
              "network " + endpoint.network))
      continue;
    const auto health = impl_->health.find(network->name);
    if (!step("health", impl_->may_advertise(network->name),
              health == impl_->health.end()     ? "not looked at yet"
              : !health->second.problems.empty() ? health->second.problems[0].text
                                                 : "NAT off, traffic allowed",
              health != impl_->health.end() && !health->second.problems.empty() ? health->second.problems[0].remedy : ""))
      continue;
    for (const IpAddress& each : endpoint.addresses) {
      if (address && each != *address) continue;
      const Verdict verdict = judge(*network, apply_labels(impl_->config, *network, *fact), impl_->host_addresses, each);
      if (!step(verdict.step.empty() ? "policy" : verdict.step, verdict.advertise,
                verdict.advertise ? each.to_string() + " may be advertised" : verdict.detail, verdict.remedy))
        continue;
      const auto view = route_of(each);
      const bool mine = view && view->container == fact->name;
      if (!step("owner", mine, mine ? "no other container claims it" : each.to_string() + " belongs to another container"))
        continue;
      const bool installed = view->state == RibState::Installed;
      step("route", installed, Prefix::host(each).to_string() + " is " + std::string(to_string(view->state)) +
                                   (view->reason.empty() ? "" : ": " + view->reason));
      out.advertised = out.advertised || installed;
    }
  }
  return out;
}

std::map<std::string, std::uint64_t> Redistributor::counters() const { return impl_->counters; }

void Redistributor::on_refusal(std::function<void(const std::string&, const std::string&)> hook) {
  impl_->refusal_hook = std::move(hook);
}

}  // namespace berth
