// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the Redistributor shows: routes, and why a container's address is, or is not, advertised.
#include <utility>

#include "redistribute/policy.h"
#include "redistribute/state.h"

namespace berth {
namespace {

class Steps {
 public:
  explicit Steps(Explanation& out) : out_(out) {}
  bool operator()(std::string name, bool ok, std::string detail, std::string remedy = {}) {
    out_.steps.push_back({std::move(name), ok, std::move(detail), ok ? std::string() : std::move(remedy)});
    return ok;
  }

 private:
  Explanation& out_;
};

struct Found {
  const ContainerFact* fact = nullptr;
  bool ambiguous = false;
};

}  // namespace

RouteView Redistributor::Impl::view(const Wish& wish) const {
  RouteView view{wish.key, wish.network, {}, wish.key.kind == RibKind::Mark, wish.tag, {}, {}};
  if (wish.owner) {
    const auto name = names.find(wish.owner->key);
    if (name != names.end()) view.container = name->second;
  }
  if (const auto answered = tracker.state(wish.key)) {
    view.state = answered->state;
    view.reason = answered->reason;
  } else if (!may_advertise(wish.network, wish.key.prefix)) {
    view.reason = withdrawn ? "withdrawn by the operator" : "the network may not be advertised";
  } else if (const Problem* problem = endpoint_problem(wish)) {
    view.reason = problem->text;
  } else if (!zebra_up) {
    view.reason = "zebra is away";
  }
  return view;
}

std::optional<RouteView> Redistributor::Impl::subnet_of(const NetworkConfig& network, const IpAddress& address) const {
  for (const SubnetConfig& subnet : network.subnets)
    if (subnet.subnet.contains(address))
      if (const Wish* wish = claims.wish({RibKind::Mark, subnet.subnet}); wish && wish->network == network.name)
        return view(*wish);
  return std::nullopt;
}

std::vector<RouteView> Redistributor::routes() const {
  std::vector<RouteView> out;
  for (const auto& [key, candidate] : impl_->claims.candidates())
    if (const Wish* wish = impl_->claims.wish(key)) out.push_back(impl_->view(*wish));
  return out;
}

std::optional<RouteView> Redistributor::route_of(const IpAddress& address) const {
  const Wish* wish = impl_->claims.wish({RibKind::Route, Prefix::host(address)});
  if (!wish) return std::nullopt;
  return impl_->view(*wish);
}

namespace {

// By address (its owner first), by name, or by the beginning of an id.
Found find_subject(const Inventory& inventory, const Claims& claims, const std::string& subject) {
  if (const auto address = IpAddress::parse(subject)) {
    const Wish* wish = claims.wish({RibKind::Route, Prefix::host(*address)});
    if (wish && wish->owner) return {inventory.find(wish->owner->key)};
    const auto& holders = inventory.with_address(*address);
    return {holders.empty() ? nullptr : inventory.find(*holders.begin())};
  }
  Found found;
  for (const auto& [key, fact] : inventory.all()) {
    if (fact.name == subject) return {&fact};
    if (subject.size() < 4 || !key.id.starts_with(subject)) continue;
    found.ambiguous = found.fact != nullptr;
    found.fact = &fact;
  }
  return found;
}

bool explain_health(Steps& step, const std::optional<NetworkHealth>& health, bool withdrawn) {
  if (withdrawn) return step("health", false, "withdrawn by the operator", "berthctl -c 'no withdraw'");
  if (!health) return step("health", false, "the network was not looked at yet", "is the runtime there? show status");
  for (const Problem& problem : health->problems)
    if (problem.blocks) return step("health", false, problem.text, problem.remedy);
  if (!health->attached) return step("health", false, "the network does not exist in the runtime");
  return step("health", health->nat == Nat::Off,
              health->nat == Nat::Off ? "NAT off, traffic allowed" : "NAT is not known to be off", "show networks");
}

std::string untold(const std::set<std::string>& networks) {
  std::string out;
  for (const std::string& each : networks)
    out += (out.empty() ? "; the runtime fails to tell of network " : ", ") + each;
  return out;
}

// One of the same name may be another one: a swarm's overlay, or what was there before it was made anew.
bool explain_key(Steps& step, const ContainerFact& fact, const EndpointFact& endpoint, const NetworkKey& ours) {
  if (ours.id.empty() || ours == NetworkKey{fact.key.runtime, endpoint.network_id}) return true;
  return step("network", false,
              "on a network called " + endpoint.network + " that is not ours (driver " + endpoint.driver + ", id " +
                  endpoint.network_id.substr(0, 12) + ")",
              "docker network connect " + ours.id.substr(0, 12) + " " + fact.name);
}

bool explain_claim(Steps& step, ClaimState state, const std::string& address, const std::string& network) {
  switch (state) {
    case ClaimState::Wished: return step("owner", true, "no other container has it");
    case ClaimState::TooManyContainers:
      return step("limit", false, network + " has as many containers as max-containers allows", "max-containers N");
    case ClaimState::TooManyRoutes: return step("limit", false, "the limit of routes is reached", "limit routes N");
    default:
      return step("owner", false, address + " belongs to another container", "give the container another address");
  }
}

}  // namespace

Explanation Redistributor::explain(const std::string& subject) const {
  const Impl& impl = *impl_;
  Explanation out{subject, false, {}};
  Steps step(out);
  const auto address = IpAddress::parse(subject);
  const Found found = find_subject(impl.inventory, impl.claims, subject);
  const ContainerFact* fact = found.fact;
  if (found.ambiguous) {
    step("container", false, "several containers' ids begin so", "say more of the id");
    return out;
  }
  if (!step("container", fact != nullptr,
            fact ? fact->name + " is " + fact->state
                 : "no container of that name, id or address" + untold(unknown_networks()),
            "docker ps; berthctl -c 'show status' tells whether the runtime is in sync"))
    return out;
  if (!step("endpoint", !fact->endpoints.empty(),
            fact->endpoints.empty() ? "not on any network" : "on " + fact->endpoints[0].network,
            fact->state == "exited" || fact->state == "created" ? "docker start " + fact->name
                                                                : "docker network connect NETWORK " + fact->name))
    return out;
  const std::set<std::string> attached = impl.networks.attached(*fact);
  for (const EndpointFact& endpoint : fact->endpoints) {
    const NetworkConfig* network = impl.networks.called(endpoint);
    if (!step("network", network != nullptr, endpoint.network + (network ? " is configured" : " is not in berthd.conf"),
              "network " + endpoint.network))
      continue;
    const auto health = impl.health.find(network->name);
    if (health != impl.health.end() && !explain_key(step, *fact, endpoint, health->second.key)) continue;
    if (!explain_health(step, health == impl.health.end() ? std::nullopt : std::optional(health->second),
                        impl.withdrawn))
      continue;
    const LabelEffect labels = apply_labels(impl.networks.config(), *network, *fact, attached);
    if (!step("address", !endpoint.addresses.empty(),
              endpoint.addresses.empty() ? "it has no address there" : endpoint.addresses[0].to_string(),
              "docker network disconnect and connect"))
      continue;
    for (const IpAddress& each : endpoint.addresses) {
      if (address && each != *address) continue;
      if (const std::optional<RouteView> subnet = impl.subnet_of(*network, each)) {
        const bool installed = step("subnet", subnet->state == RibState::Installed,
                                    subnet->key.prefix.to_string() + " is " + std::string(to_string(subnet->state)) +
                                        (subnet->reason.empty() ? "" : ": " + subnet->reason));
        out.advertised = out.advertised || installed;
        if (!advertises_host(labels.advertise)) continue;
      }
      const Verdict verdict = judge(*network, labels, impl.host_addresses, each);
      if (!step(verdict.step.empty() ? "policy" : verdict.step, verdict.advertise,
                verdict.advertise ? each.to_string() + " may be advertised" : verdict.detail, verdict.remedy))
        continue;
      const Prefix prefix = Prefix::host(each);
      if (!explain_claim(step, impl.claims.state(rank_of(*fact), {network->name, prefix}), each.to_string(),
                         network->name))
        continue;
      const auto view = route_of(each);
      const bool installed = view && view->state == RibState::Installed;
      step("route", installed,
           prefix.to_string() + " is " + std::string(view ? to_string(view->state) : "pending") +
               (view && !view->reason.empty() ? ": " + view->reason : ""));
      out.advertised = out.advertised || installed;
    }
  }
  return out;
}

}  // namespace berth
