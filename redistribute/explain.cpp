// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the Redistributor shows: routes, and why a container's address is, or is not, advertised.
#include <algorithm>
#include <utility>

#include "redistribute/plugs.h"
#include "redistribute/policy.h"
#include "redistribute/runtime_words.h"
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
  // What holds nothing back, and can be mended.
  void tell(std::string name, std::string detail, std::string remedy) {
    out_.steps.push_back({std::move(name), true, std::move(detail), std::move(remedy)});
  }

 private:
  Explanation& out_;
};

struct Found {
  const ContainerFact* fact = nullptr;
  bool ambiguous = false;
};

}  // namespace

std::string_view to_string(Advertised verdict) {
  switch (verdict) {
    case Advertised::No: return "notAdvertised";
    case Advertised::Partly: return "partlyAdvertised";
    case Advertised::Yes: return "advertised";
  }
  return "notAdvertised";
}

// Of what is granted.
RibState Redistributor::Impl::state_of(const RibKey& key) const {
  if (const RouteAnswer* answered = routes.answer_of(key)) return answered->state;
  const Elsewhere::Owner* owner = key.kind == RibKind::Route ? elsewhere.owner(key.prefix) : nullptr;
  return owner && owner->is_lasting ? RibState::Rejected : RibState::Pending;
}

RouteView Redistributor::Impl::view(const Candidate& candidate) const {
  RouteView view{candidate.key, candidate.network, {}, !candidate.owner, candidate.tag, {}, {}};
  if (candidate.owner) view.container = name_of(candidate.owner->key);
  if (const RouteAnswer* answered = routes.answer_of(candidate.key)) {
    view.state = answered->state;
    view.reason = answered->reason;
  } else if (!gates.open(candidate.network, candidate.key.prefix)) {
    view.reason = "the network may not be advertised";
    for (const Gate& gate : gates.closed(candidate.network)) {
      if (!gate.concerns(candidate.key.prefix)) continue;
      if (gates.withdrawn()) view.reason = gate.text;
      if (!gate.code.empty()) view.reason += ": " + gate.code + ", see show networks";
      break;
    }
  } else if (const Problem* problem = endpoint_problem(candidate)) {
    view.reason = problem->text;
  } else if (!zebra_up) {
    view.reason = "zebra is away";
  } else if (const AttachmentKey by{candidate.network}; !looked_at(by)) {
    view.reason = "its attachment is " + std::string(to_string(state_of(by)));
  } else if (const Elsewhere::Owner* owner = elsewhere.owner(candidate.key.prefix)) {
    view.state = state_of(candidate.key);
    view.reason = owner->text;
  }
  return view;
}

std::optional<RouteView> Redistributor::Impl::subnet_of(const NetworkConfig& network, const IpAddress& address) const {
  for (const SubnetConfig& subnet : network.subnets) {
    if (!subnet.subnet.contains(address)) continue;
    const auto key = claims.subnet_key(network, subnet.subnet);
    const Candidate* candidate = key ? claims.granted(*key) : nullptr;
    if (candidate && candidate->network == network.name) return view(*candidate);
  }
  return std::nullopt;
}

std::vector<RouteView> Redistributor::routes() const {
  std::vector<RouteView> out;
  for (const auto& [key, candidate] : impl_->claims.candidates())
    if (const Candidate* granted = impl_->claims.granted(key)) out.push_back(impl_->view(*granted));
  return out;
}

void Redistributor::each_state(const std::function<void(const RibKey&, RibState)>& tell) const {
  for (const auto& [key, candidate] : impl_->claims.candidates()) {
    if (!impl_->claims.granted(key)) continue;
    tell(key, impl_->state_of(key));
  }
}

std::optional<RouteView> Redistributor::route_of(const IpAddress& address) const {
  const Candidate* candidate = impl_->claims.granted({RibKind::Route, Prefix::host(address)});
  if (!candidate) return std::nullopt;
  return impl_->view(*candidate);
}

namespace {

// By address (its owner first), by name, or by the beginning of an id.
Found find_subject(const Inventory& inventory, const Claims& claims, const std::string& subject) {
  if (const auto address = IpAddress::parse(subject)) {
    const Candidate* candidate = claims.granted({RibKind::Route, Prefix::host(*address)});
    if (candidate && candidate->owner) return {inventory.find(candidate->owner->key)};
    const auto& holders = inventory.with_address(*address);
    return {holders.empty() ? nullptr : inventory.find(*holders.begin())};
  }
  Found found;
  for (const auto& [key, fact] : inventory.all()) {
    if (fact.name == subject) return {&fact};
    if (subject.size() < 4 || !key.id.view().starts_with(subject)) continue;
    found.ambiguous = found.fact != nullptr;
    found.fact = &fact;
  }
  return found;
}

std::string untold(const std::set<std::string>& networks) {
  std::string out;
  for (const std::string& each : networks)
    out += (out.empty() ? "; the runtime fails to tell of network " : ", ") + each;
  return out;
}

// One of the same name may be another one: a swarm's overlay, or what was there before it was made anew.
bool explain_key(Steps& step, const ContainerFact& fact, const EndpointFact& endpoint, const NetworkKey& ours) {
  if (ours.id.empty() || ours == NetworkKey{network_of(fact, endpoint).runtime, endpoint.network_id}) return true;
  return step("network", false,
              "on a network called " + endpoint.network + " that is not ours (driver " + endpoint.driver + ", id " +
                  endpoint.network_id.str().substr(0, 12) + ")",
              "docker network connect " + ours.id.str().substr(0, 12) + " " + fact.name);
}

constexpr const char* kNotClaimed = "it is not known yet whether this network of the runtime is ours";

bool explain_claim(Steps& step, ClaimState state, const std::string& address, const std::string& network) {
  switch (state) {
    case ClaimState::Granted: return step("owner", true, "no other container has it");
    case ClaimState::TooManyContainers:
      return step("limit", false, network + " has as many containers as max-containers allows", "max-containers N");
    case ClaimState::TooManyRoutes: return step("limit", false, "the limit of routes is reached", "limit routes N");
    case ClaimState::None: return step("owner", false, kNotClaimed, "show networks");
    case ClaimState::OtherOwner:
      return step("owner", false, address + " belongs to another container", "give the container another address");
  }
  return false;
}

Family family_of(const IpAddress& address) {
  return address.is_v4() ? Family::V4 : Family::V6;
}

// A container without an endpoint: it shares another's network, has none of its own, or is not connected now.
void explain_no_endpoint(Steps& step, const Config& config, const Inventory& inventory, const ContainerFact& fact) {
  constexpr std::string_view kShared = "container:";
  const std::string mode = fact.network_mode;
  if (mode == "host")
    step("endpoint", false, "nothing to advertise: it uses the host's own addresses (--network host)");
  else if (mode == "none" && makes_networks(config, fact.key))
    step("endpoint", false, "it has no network, by its own choice (--network none)");
  else if (mode.starts_with(kShared)) {
    const std::string other = mode.substr(kShared.size());
    for (const auto& [key, each] : inventory.all())
      if (key.id == other || each.name == other) {
        step("endpoint", false, "shares " + each.name + "'s network: explain " + each.name,
             "berthctl -c 'explain " + each.name + "'");
        return;
      }
    step("endpoint", false, "shares the network of a container that is not here (" + other.substr(0, 12) + ")");
  } else if (fact.state == "exited" || fact.state == "stopped" || fact.state == "created")
    step("endpoint", false, "not on any network while it does not run", start_command(config, fact));
  else if (fact.state == "running" || fact.state == "paused")
    step("endpoint", false, "not on any network", connect_command(config, fact));
  else  // restarting, removing, dead
    step("endpoint", false, "not on any network while it is " + fact.state, inspect_command(config, fact));
}

}  // namespace

// Of a container that asks berthd to plug it in. False: it is not plugged in, and that is all there is to say.
bool Redistributor::Impl::explain_wish(const ContainerFact& fact, Explanation& out) const {
  const PlugWish wish = plug_wish(networks.config(), fact);
  if (!wish.asked || std::ranges::any_of(fact.endpoints, &EndpointFact::plugged)) return true;
  Steps step(out);
  for (const Refusal& each : wish.refusals) step("attach", false, each.why, "berthctl -c 'show running-config'");
  if (!wish.network) return false;
  const AttachmentKey key{wish.network->name, {fact.key, kPlug}};
  if (const auto problem = plug_problems.find(key); problem != plug_problems.end())
    return step("attach", false, problem->second.text, problem->second.remedy);
  if (const AttachmentState of_network = state_of({key.network}); of_network != AttachmentState::Configured)
    return step(
        "attach", false,
        "it is plugged into " + key.network + " when that is there, which is " + std::string(to_string(of_network)),
        "berthctl -c 'show networks'");
  return step("attach", false, "berthd is about to plug it into " + key.network, "berthctl -c 'show counters'");
}

// One container, or one address of it: what is to be advertised, what is, and each step between.
class Redistributor::Impl::Explainer {
 public:
  Explainer(const Impl& impl, const ContainerFact& fact, std::optional<IpAddress> only, Explanation& out)
      : impl_(impl), fact_(fact), only_(only), out_(out), step_(out), attached_(impl.networks.attached(fact)) {}

  void run() {
    for (const EndpointFact& endpoint : fact_.endpoints) explain(endpoint);
    if (!reached_) return;
    out_.verdict = out_.missing.empty() ? Advertised::Yes : Advertised::Partly;
    for (const std::size_t at : not_asked_) {
      out_.steps[at].ok = true;
      out_.steps[at].remedy.clear();
    }
  }

 private:
  void explain(const EndpointFact& endpoint) {
    const std::size_t first = out_.steps.size();
    bool asked = false;
    const NetworkConfig* network = impl_.networks.called(fact_, endpoint);
    const NetworkHealth* health = network ? impl_.gates.network(network->name) : nullptr;
    if (!network && endpoint.network.empty()) {
      explain_uncovered(endpoint);
    } else if (step_("network", network != nullptr,
                     endpoint.network + (network ? " is configured" : " is not in berthd.conf"),
                     "network " + endpoint.network) &&
               (!health || explain_key(step_, fact_, endpoint, health->key)))
      asked = explain(*network, endpoint);
    for (std::size_t at = first; !asked && at < out_.steps.size(); ++at) not_asked_.push_back(at);
  }

  // Its runtime makes no networks: somebody else gave it addresses, by which it is recognised.
  void explain_uncovered(const EndpointFact& endpoint) {
    std::string addresses;
    for (const IpAddress& each : endpoint.addresses) addresses += (addresses.empty() ? "" : ", ") + each.to_string();
    step_("network", false,
          "no network of runtime " + fact_.key.runtime + " in berthd.conf has " + endpoint.inside + "'s " + addresses,
          "network NAME, runtime " + fact_.key.runtime + ", subnet PREFIX, interface BRIDGE");
  }

  // False: nothing of this endpoint is to be advertised.
  bool explain(const NetworkConfig& network, const EndpointFact& endpoint) {
    std::vector<IpAddress> addresses;
    for (const IpAddress& each : endpoint.addresses)
      if (!only_ || each == *only_) addresses.push_back(each);
    const LabelEffect labels = apply_labels(impl_.networks.config(), network, fact_, attached_);
    std::set<Family> by_network{Family::V4, Family::V6}, by_endpoint;  // what is held back
    if (network_is_there(network)) {
      by_network = families_of_network(network, addresses);
      by_endpoint = families_of_endpoint(endpoint, addresses);
      if (endpoint.addresses.empty())
        step_("address", false, "it has no address there", "docker network disconnect and connect");
    }
    bool asked = false;
    for (const IpAddress& each : addresses) {
      const std::vector<RibKey> all = wanted(network, labels, each);
      asked = asked || !all.empty();
      if (by_network.contains(family_of(each)))
        for (const RibKey& key : all) miss(key.prefix);
      else
        explain(network, labels, each, all, by_endpoint.contains(family_of(each)));
    }
    return asked;
  }

  // What holds back the whole network.
  bool network_is_there(const NetworkConfig& network) {
    bool open = true;
    for (const Gate& gate : impl_.gates.closed(network.name))
      if (gate.family == Family::Both) open = step_(gate.name, false, gate.text, gate.remedy);
    return open;
  }

  // What holds back one family of the network, where there is an address that it concerns.
  std::set<Family> families_of_network(const NetworkConfig& network, const std::vector<IpAddress>& addresses) {
    std::set<Family> out, fine;
    for (const Gate& gate : impl_.gates.closed(network.name)) tell(gate, addresses, out);
    std::string names;
    for (const IpAddress& each : addresses)
      if (const Family family = family_of(each); !out.contains(family) && fine.insert(family).second)
        names += (names.empty() ? "" : ", ") + std::string(to_string(family));
    if (!fine.empty() || addresses.empty())
      step_("health", true, (out.empty() ? "" : names + ": ") + "NAT off, traffic allowed");
    return out;
  }

  // The same of this endpoint, and what is only told of it. It holds back the addresses, and not the subnet, which is others' too.
  std::set<Family> families_of_endpoint(const EndpointFact& endpoint, const std::vector<IpAddress>& addresses) {
    std::set<Family> out;
    const EndpointKey key{fact_.key, endpoint.id};
    for (const Gate& gate : impl_.gates.closed(key)) tell(gate, addresses, out);
    for (const Gate& gate : impl_.gates.told(key))
      if (!concerned_by(gate, addresses).empty()) step_.tell("told", gate.text, gate.remedy);
    return out;
  }

  static std::set<Family> concerned_by(const Gate& gate, const std::vector<IpAddress>& addresses) {
    std::set<Family> out;
    for (const IpAddress& each : addresses)
      if (gate.concerns(Prefix::host(each))) out.insert(family_of(each));
    return out;
  }

  void tell(const Gate& gate, const std::vector<IpAddress>& addresses, std::set<Family>& out) {
    std::set<Family> concerned = concerned_by(gate, addresses);
    if (concerned.empty()) return;
    step_(gate.name, false, gate.text, gate.remedy);
    out.merge(concerned);
  }

  // By what the fabric is to reach this address, whatever stands against it.
  std::vector<RibKey> wanted(const NetworkConfig& network, const LabelEffect& labels, const IpAddress& address) const {
    std::vector<RibKey> out;
    if (advertises_subnet(network.advertise))
      for (const SubnetConfig& each : network.subnets)
        if (const auto key = impl_.claims.subnet_key(network, each.subnet); key && each.subnet.contains(address))
          out.push_back(*key);
    if (advertises_host(labels.advertise)) out.push_back({RibKind::Route, Prefix::host(address)});
    return out;
  }

  void explain(const NetworkConfig& network, const LabelEffect& labels, const IpAddress& address,
               const std::vector<RibKey>& wanted, bool held_back) {
    if (wanted.empty()) {
      const Verdict verdict = judge(network, labels, impl_.host_addresses, address);
      step_(verdict.step, false, verdict.detail, verdict.remedy);
    } else if (held_back) {
      miss(Prefix::host(address));
    }
    for (const RibKey& key : wanted)
      if (!key.prefix.is_host() ? subnet(network, address, key) : !held_back && host(network, labels, address))
        reached_ = true;
      else
        miss(key.prefix);
  }

  bool subnet(const NetworkConfig& network, const IpAddress& address, const RibKey& key) {
    const Prefix& prefix = key.prefix;
    const std::optional<RouteView> view = impl_.subnet_of(network, address);
    if (!view && !impl_.claims.candidates().contains(key)) return step_("owner", false, kNotClaimed, "show networks");
    if (!view) return step_("limit", false, prefix.to_string() + " is beyond the limit of routes", "limit routes N");
    return step_("subnet", view->state == RibState::Installed,
                 prefix.to_string() + " is " + std::string(to_string(view->state)) +
                     (view->reason.empty() ? "" : ": " + view->reason));
  }

  bool host(const NetworkConfig& network, const LabelEffect& labels, const IpAddress& address) {
    const Verdict verdict = judge(network, labels, impl_.host_addresses, address);
    if (!step_(verdict.step.empty() ? "policy" : verdict.step, verdict.advertise,
               verdict.advertise ? address.to_string() + " may be advertised" : verdict.detail, verdict.remedy))
      return false;
    const Prefix prefix = Prefix::host(address);
    if (!explain_claim(step_, impl_.claims.state(seniority_of(fact_), {network.name, prefix}), address.to_string(),
                       network.name))
      return false;
    if (const Elsewhere::Owner* owner = impl_.elsewhere.owner(prefix))
      return step_("elsewhere", false, owner->text,
                   "stop the container that has it there, or say anycast in network " + network.name);
    const Candidate* candidate = impl_.claims.granted({RibKind::Route, prefix});
    const RouteView view = candidate ? impl_.view(*candidate) : RouteView{};
    return step_("route", view.state == RibState::Installed,
                 prefix.to_string() + " is " + std::string(to_string(view.state)) +
                     (view.reason.empty() ? "" : ": " + view.reason));
  }

  void miss(const Prefix& prefix) {
    const std::string text = prefix.to_string();
    if (std::find(out_.missing.begin(), out_.missing.end(), text) == out_.missing.end()) out_.missing.push_back(text);
  }

  const Impl& impl_;
  const ContainerFact& fact_;
  const std::optional<IpAddress> only_;
  Explanation& out_;
  Steps step_;
  const std::set<std::string> attached_;
  bool reached_ = false;  // something of it is advertised
  // Steps of endpoints of which nothing is to be advertised: no fault beside what is.
  std::vector<std::size_t> not_asked_;
};

Explanation Redistributor::explain(const std::string& subject) const {
  const Impl& impl = *impl_;
  Explanation out{subject, Advertised::No, {}, {}};
  Steps step(out);
  const Found found = find_subject(impl.inventory, impl.claims, subject);
  const ContainerFact* fact = found.fact;
  if (found.ambiguous) {
    step("container", false, "several containers' ids begin so", "say more of the id");
    return out;
  }
  if (!step("container", fact != nullptr,
            fact ? fact->name + " is " + fact->state
                 : "no container of that name, id or address" + untold(unknown_networks()),
            list_command(impl.networks.config()) + "; berthctl -c 'show status' tells whether the runtime is in sync"))
    return out;
  if (!impl.explain_wish(*fact, out)) return out;
  if (fact->endpoints.empty()) {
    explain_no_endpoint(step, impl.networks.config(), impl.inventory, *fact);
    return out;
  }
  const EndpointFact& first = fact->endpoints[0];
  step("endpoint", true, "on " + (first.network.empty() ? "a network that is not berth's" : first.network.str()));
  Impl::Explainer(impl, *fact, IpAddress::parse(subject), out).run();
  return out;
}

}  // namespace berth
