// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/claims.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace berth {
namespace {

std::size_t container_limit(const NetworkConfig& network) {
  return network.max_containers ? network.max_containers : std::numeric_limits<std::size_t>::max();
}

const Seniority kMostSenior{std::numeric_limits<std::int64_t>::min(), {}, false};

RibKey host_key(const Prefix& prefix) {
  return {RibKind::Route, prefix};
}

std::set<SharedText> networks_of(const Contribution& of) {
  std::set<SharedText> out;
  for (const auto& [claim, tag] : of.hosts) out.insert(claim.network);
  return out;
}

}  // namespace

void Contribution::add_host(const ClaimKey& claim, std::uint32_t tag) {
  const auto at = std::ranges::lower_bound(hosts, claim, {}, &Host::claim);
  if (at != hosts.end() && at->claim == claim)
    at->tag = tag;
  else
    hosts.insert(at, {claim, tag});
}

void Contribution::add_subnet(const ClaimKey& claim) {
  const auto at = std::ranges::lower_bound(subnets, claim);
  if (at == subnets.end() || *at != claim) subnets.insert(at, claim);
}

const Contribution::Host* Contribution::host(const ClaimKey& claim) const {
  const auto at = std::ranges::lower_bound(hosts, claim, {}, &Host::claim);
  return at != hosts.end() && at->claim == claim ? &*at : nullptr;
}

bool Contribution::has_subnet(const ClaimKey& claim) const {
  return std::ranges::binary_search(subnets, claim);
}

FirstN<Seniority>& Claims::containers_of(const SharedText& network) {
  const auto entry = networks_.find(network);
  return containers_
      .try_emplace(network,
                   entry == networks_.end() ? std::numeric_limits<std::size_t>::max() : container_limit(entry->second))
      .first->second;
}

void Claims::set_limits(const Config& config, std::set<RibKey>& changed) {
  const auto old = std::exchange(networks_, {config.networks.begin(), config.networks.end()});
  for (const auto& [name, network] : networks_) {
    const auto before = old.find(name);
    if (before == old.end() || before->second.max_containers != network.max_containers)
      containers_changed(name, containers_of(name).set_limit(container_limit(network)));
    if (before != old.end() && before->second == network) continue;
    for (const SubnetConfig& subnet : network.subnets) touch_subnet(subnet.subnet);
  }
  for (const auto& [name, network] : old)
    for (const SubnetConfig& subnet : network.subnets)
      if (!networks_.contains(name)) touch_subnet(subnet.subnet);
  for (const LimitOrder& each : limit_.set_limit(config.max_routes)) changed.insert(each.key);
  settle(changed);
}

void Claims::set(const Seniority& who, const Contribution& what, std::set<RibKey>& changed) {
  const Contribution old = std::exchange(contributions_[who], what);
  for (const auto& [claim, tag] : old.hosts)
    if (!what.host(claim)) drop_host(who, claim);
  for (const auto& [claim, tag] : what.hosts)
    if (const auto* before = old.host(claim); !before || before->tag != tag) add_host(who, claim, tag);
  const std::set<SharedText> before = networks_of(old), now = networks_of(what);
  for (const SharedText& network : before)
    if (!now.contains(network)) containers_changed(network, containers_of(network).erase(who));
  for (const SharedText& network : now)
    if (!before.contains(network)) containers_changed(network, containers_of(network).insert(who));
  for (const auto& claim : old.subnets)
    if (!what.has_subnet(claim)) count_subnet(claim, -1);
  for (const auto& claim : what.subnets)
    if (!old.has_subnet(claim)) count_subnet(claim, +1);
  if (what.hosts.empty() && what.subnets.empty()) contributions_.erase(who);
  settle(changed);
}

void Claims::add_host(const Seniority& who, const Contribution::ClaimKey& claim, std::uint32_t tag) {
  claims_[{claim.prefix, {who, claim.network}}] = tag;
  touched_.insert(host_key(claim.prefix));
}

void Claims::drop_host(const Seniority& who, const Contribution::ClaimKey& claim) {
  touched_.insert(host_key(claim.prefix));
  claims_.erase({claim.prefix, {who, claim.network}});
}

void Claims::count_subnet(const Contribution::ClaimKey& claim, int by) {
  auto& networks = members_[claim.prefix];
  std::size_t& n = networks[claim.network];
  n += static_cast<std::size_t>(by);
  const bool edge = n == 0 || (n == 1 && by > 0);
  if (n == 0) networks.erase(claim.network);
  if (networks.empty()) members_.erase(claim.prefix);
  if (edge) touch_subnet(claim.prefix);
}

// These containers' places in the network came or went with the limit: so do all that they claim there.
void Claims::containers_changed(const SharedText& network, const std::vector<Seniority>& containers) {
  for (const Seniority& seniority : containers) {
    const auto entry = contributions_.find(seniority);
    if (entry == contributions_.end()) continue;
    for (const auto& [claim, tag] : entry->second.hosts)
      if (claim.network == network) touched_.insert(host_key(claim.prefix));
  }
}

std::optional<RibKey> Claims::subnet_key(const NetworkConfig& network, const Prefix& subnet) const {
  switch (subnet_routes_ ? subnet_routes_(network.driver) : SubnetRoute::ConnectedTag) {
    case SubnetRoute::ConnectedTag: return RibKey{RibKind::ConnectedTag, subnet};
    case SubnetRoute::Route: return RibKey{RibKind::Route, subnet};
    case SubnetRoute::None: break;
  }
  return std::nullopt;
}

void Claims::touch_subnet(const Prefix& subnet) {
  for (const RibKind kind : {RibKind::ConnectedTag, RibKind::Route}) touched_.insert({kind, subnet});
}

std::optional<Candidate> Claims::elect_network(const RibKey& key) const {
  const auto entry = members_.find(key.prefix);
  if (entry == members_.end()) return std::nullopt;
  for (const auto& [name, n] : entry->second) {
    const auto network = networks_.find(name);
    if (network == networks_.end() || !advertises_subnet(network->second.advertise) || network->second.tag == 0)
      continue;
    if (subnet_key(network->second, key.prefix) == key) return Candidate{key, name, network->second.tag, std::nullopt};
  }
  return std::nullopt;
}

std::optional<Candidate> Claims::elect(const RibKey& key) const {
  if (key.kind == RibKind::Route)
    for (const auto& [claim, tag] : claims_to(key.prefix)) {
      const auto& [who, network] = claim.second;
      const auto containers = containers_.find(network);
      if (containers != containers_.end() && containers->second.admits(who)) return Candidate{key, network, tag, who};
    }
  return elect_network(key);
}

Claims::ClaimsTo Claims::claims_to(const Prefix& address) const {
  const auto begin = claims_.lower_bound({address, {kMostSenior, {}}});
  auto end = begin;
  while (end != claims_.end() && end->first.first == address) ++end;
  return {begin, end};
}

void Claims::settle(std::set<RibKey>& changed) {
  for (const RibKey& key : std::exchange(touched_, {})) {
    changed.insert(key);
    set_candidate(key, elect(key), changed);
  }
}

void Claims::set_candidate(const RibKey& key, std::optional<Candidate> candidate, std::set<RibKey>& changed) {
  const auto old = candidates_.find(key);
  if (old != candidates_.end()) {
    if (candidate && *candidate == old->second) return;
    if (!candidate || order_of(*candidate) != order_of(old->second))
      for (const LimitOrder& each : limit_.erase(order_of(old->second))) changed.insert(each.key);
    const auto keys = by_network_.find(old->second.network);
    keys->second.erase(key);
    if (keys->second.empty()) by_network_.erase(keys);
    candidates_.erase(old);
  }
  if (!candidate) return;
  by_network_[candidate->network].insert(key);
  for (const LimitOrder& each : limit_.insert(order_of(*candidate))) changed.insert(each.key);
  candidates_.emplace(key, std::move(*candidate));
}

const Candidate* Claims::granted(const RibKey& key) const {
  const auto entry = candidates_.find(key);
  return entry != candidates_.end() && limit_.admits(order_of(entry->second)) ? &entry->second : nullptr;
}

const std::set<RibKey>& Claims::of_network(const SharedText& network) const {
  static const std::set<RibKey> kNone;
  const auto entry = by_network_.find(network);
  return entry == by_network_.end() ? kNone : entry->second;
}

ClaimState Claims::state(const Seniority& who, const Contribution::ClaimKey& claim) const {
  if (!claims_.contains({claim.prefix, {who, claim.network}})) return ClaimState::None;
  const auto containers = containers_.find(claim.network);
  if (containers == containers_.end() || !containers->second.admits(who)) return ClaimState::TooManyContainers;
  const auto candidate = candidates_.find(host_key(claim.prefix));
  if (candidate == candidates_.end() || candidate->second.owner != who || candidate->second.network != claim.network)
    return ClaimState::OtherOwner;
  return limit_.admits(order_of(candidate->second)) ? ClaimState::Granted : ClaimState::TooManyRoutes;
}

std::vector<Seniority> Claims::claimants(const Prefix& prefix) const {
  std::vector<Seniority> out;
  for (const auto& [claim, tag] : claims_to(prefix))
    if (out.empty() || out.back() != claim.second.who) out.push_back(claim.second.who);
  return out;
}

}  // namespace berth
