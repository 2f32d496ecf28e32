// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/gates.h"

#include <utility>

namespace berth {
namespace {

const Prefix& any(bool v4) {
  static const Prefix kV4 = *Prefix::parse("0.0.0.0/0"), kV6 = *Prefix::parse("::/0");
  return v4 ? kV4 : kV6;
}

Gate gate_of(const char* name, const Problem& problem) {
  return {name, problem.family, problem.code,
          (problem.family == Family::Both ? "" : std::string(to_string(problem.family)) + ": ") + problem.text,
          problem.remedy};
}

}  // namespace

bool Gates::withdraw(bool on) {
  return std::exchange(withdrawn_, on) != on;
}

bool Gates::set_network(const std::string& network, const NetworkHealth& health) {
  const auto old = health_.find(network);
  const bool same = old != health_.end() && old->second.advertisable(any(true)) == health.advertisable(any(true)) &&
                    old->second.advertisable(any(false)) == health.advertisable(any(false));
  health_[network] = health;
  return !same;
}

const NetworkHealth* Gates::network(const SharedText& name) const {
  const auto at = health_.find(name);
  return at == health_.end() ? nullptr : &at->second;
}

std::set<ContainerKey> Gates::set_endpoints(const std::map<EndpointKey, Problem>& problems) {
  if (problems == endpoints_) return {};
  const auto old = std::exchange(endpoints_, problems);
  std::set<ContainerKey> changed;
  const auto compare = [&](const std::map<EndpointKey, Problem>& these, const std::map<EndpointKey, Problem>& others) {
    for (const auto& [key, problem] : these) {
      const auto other = others.find(key);
      if (other == others.end() || !(other->second == problem)) changed.insert(key.container);
    }
  };
  compare(old, endpoints_);
  compare(endpoints_, old);
  return changed;
}

bool Gates::open(const SharedText& name, const Prefix& prefix) const {
  const NetworkHealth* health = network(name);
  return !withdrawn_ && health && health->advertisable(prefix);
}

const Problem* Gates::at(const EndpointKey& endpoint, const Prefix& prefix) const {
  const auto problem = endpoints_.find(endpoint);
  const bool closed = problem != endpoints_.end() && problem->second.blocks && problem->second.concerns(prefix);
  return closed ? &problem->second : nullptr;
}

std::vector<Gate> Gates::closed(const SharedText& name) const {
  if (withdrawn_) return {{"health", Family::Both, "", "withdrawn by the operator", "berthctl -c 'no withdraw'"}};
  const NetworkHealth* health = network(name);
  if (!health)
    return {{"health", Family::Both, "", "the network was not looked at yet", "is the runtime there? show status"}};
  std::vector<Gate> out;
  // Where nothing is said of single families, NAT holds back both, whichever its problem is of.
  const bool nat = health->nat_holds_back(true) && health->nat_holds_back(false);
  for (const Problem& problem : health->problems)
    if (problem.blocks && (nat || problem.family == Family::Both)) {
      out.push_back(gate_of("health", problem));
      out.back().family = Family::Both;
    }
  if (!out.empty()) return out;
  if (!health->attached) return {{"health", Family::Both, "", "the network does not exist in the runtime", ""}};
  if (nat) return {{"health", Family::Both, "", "NAT is not known to be off", "show networks"}};
  for (const Problem& problem : health->problems)
    if (problem.blocks) out.push_back(gate_of("health", problem));
  return out;
}

std::vector<Gate> Gates::closed(const EndpointKey& endpoint) const {
  const auto problem = endpoints_.find(endpoint);
  if (problem == endpoints_.end() || !problem->second.blocks) return {};
  return {gate_of("endpoint", problem->second)};
}

std::vector<Gate> Gates::told(const EndpointKey& endpoint) const {
  const auto problem = endpoints_.find(endpoint);
  if (problem == endpoints_.end() || problem->second.blocks) return {};
  return {gate_of("endpoint", problem->second)};
}

}  // namespace berth
