// SPDX-License-Identifier: GPL-2.0-or-later
//
// The Redistributor's attachments: which there should be, of networks and of the endpoints that berthd plugs in, and what routes may
// point at.
#include <algorithm>
#include <utility>

#include "redistribute/plugs.h"
#include "redistribute/scope.h"
#include "redistribute/state.h"

namespace berth {

AttachmentSpec Redistributor::Impl::spec_of(const NetworkConfig& network) const {
  const Config& config = networks.config();
  return {network.driver,  config.runtime_of(network), network.runtime_network(), network.subnets, network.mtu,
          network.options, scope_of(network)};
}

std::set<RibKey> Redistributor::Impl::routes_to(const ContainerFact& fact) {
  std::set<RibKey> out;
  for (const EndpointFact& each : fact.endpoints)
    for (const IpAddress& address : each.addresses) out.insert({RibKind::Route, Prefix::host(address)});
  return out;
}

// Its routes first: what points at it is withdrawn before it goes.
void Redistributor::Impl::unplug(std::map<ContainerKey, AttachmentKey>::iterator plug, bool anew) {
  const auto& [container, key] = *plug;
  if (attachments.is_programmed(key)) leaving[container][key] = anew;
  attachments.unwant(key);
  if (plug_problems.erase(key) > 0) sync_due = sync_due || !kept.empty();  // nothing is waited for there
  plugs.erase(plug);
}

// What it asks berthd to plug it into, and may be plugged into.
void Redistributor::Impl::look_at_wish(const ContainerKey& key, const ContainerFact* fact, std::set<RibKey>& changed) {
  PlugWish wish = fact ? plug_wish(networks.config(), *fact) : PlugWish{};
  refusals.set(key, "plug", name_of(key), std::move(wish.refusals));
  if (wish.asked)
    asking.insert(key);
  else
    asking.erase(key);
  const auto before = plugs.find(key);
  if (before != plugs.end() && !(wish.network && before->second.network == wish.network->name)) {
    unplug(before, false);
    if (fact) changed.merge(routes_to(*fact));
  }
  if (!wish.network) return;
  const AttachmentKey to{wish.network->name, {key, kPlug}};
  if (const auto leaves = leaving.find(key); leaves != leaving.end()) {
    if (const auto back = leaves->second.find(to); back != leaves->second.end() && !back->second)
      leaves->second.erase(back);  // it never left
    if (!leaves->second.empty()) return;
    leaving.erase(leaves);
  }
  AttachmentSpec spec = spec_of(*wish.network);
  spec.incarnation = incarnation_of(*fact);
  plugs.insert_or_assign(key, to);
  attachments.want(to, std::move(spec));
}

std::optional<AttachmentKey> Redistributor::Impl::attachment_of(const Candidate& candidate) const {
  AttachmentKey networks_own{candidate.network};
  const ContainerFact* fact = candidate.owner ? inventory.find(candidate.owner->key) : nullptr;
  if (!fact) return networks_own;
  for (const EndpointFact& endpoint : fact->endpoints) {
    const NetworkConfig* network = endpoint.plugged() ? networks.of(*fact, endpoint) : nullptr;
    if (!network || network->name != candidate.network) continue;
    const auto plug = plugs.find(fact->key);
    if (plug == plugs.end() || plug->second.network != candidate.network) return std::nullopt;
    return plug->second;
  }
  return networks_own;
}

bool Redistributor::Impl::plugs_settled() const {
  return std::all_of(plugs.begin(), plugs.end(), [&](const auto& each) {
    const AttachmentKey& key = each.second;
    if (!synced.contains(each.first.runtime) || state_of({key.network}) != AttachmentState::Configured) return true;
    return attachments.has_failed(key) || (attachments.is_programmed(key) && !attachments.is_outstanding(key));
  });
}

Attachment Redistributor::Impl::attachment(const AttachmentKey& key) const {
  const NetworkHealth* health = gates.network(key.network);
  Attachment out{key, health ? health->interface : SharedText(), {}};
  if (const ContainerFact* fact = key.of_endpoint() ? inventory.find(key.endpoint.container) : nullptr)
    for (const EndpointFact& each : fact->endpoints)
      if (each.id == key.endpoint.endpoint && !each.host_link.empty()) out.interface = each.host_link;
  return out;
}

AttachmentState Redistributor::Impl::state_of(const AttachmentKey& key) const {
  if (key.of_endpoint()) {
    if (attachments.has_failed(key)) return AttachmentState::Failed;
    if (!attachments.is_programmed(key)) return AttachmentState::Requested;
    return attachments.is_outstanding(key) ? AttachmentState::Configuring : AttachmentState::Configured;
  }
  const NetworkHealth* health = gates.network(key.network);
  if (attachments.has_failed(key) || (health && !health->attached)) return AttachmentState::Failed;
  if (health && looked_at(key)) return AttachmentState::Configured;
  return attachments.is_programmed(key) ? AttachmentState::Configuring : AttachmentState::Requested;
}

bool Redistributor::Impl::looked_at(const AttachmentKey& key) const {
  const auto at = looked.find(key.network);
  const AttachmentSpec* wanted = at == looked.end() ? nullptr : attachments.wanted(key);
  return wanted && *wanted == at->second;
}

// Taken away is what no route points at, and what none can point at that zebra still keeps.
bool Redistributor::Impl::may_change(const AttachmentKey& key, const AttachmentSpec* wanted) const {
  if (wanted) return !key.of_endpoint() || state_of({key.network}) == AttachmentState::Configured;
  const AttachmentSpec* there = attachments.programmed(key);
  return swept && !routes.holds(key) && !(there && overlap(there->scope, kept));
}

bool Redistributor::Impl::attachment_due() const {
  return attachments.any_due([this](const auto& key, const auto* wanted) { return may_change(key, wanted); });
}

void Redistributor::look_again(const AttachmentKey& key) {
  impl_->attachments.doubt(key);
}

void Redistributor::configure_failed(const AttachmentKey& key, const std::optional<Problem>& why) {
  const auto plug = impl_->plugs.find(key.endpoint.container);
  if (why && plug != impl_->plugs.end() && plug->second == key) impl_->plug_problems.insert_or_assign(key, *why);
  if (why && !why->waited_for) impl_->sync_due = impl_->sync_due || !impl_->kept.empty();
  impl_->attachments.answer(key, Outcome::Refused);
}

void Redistributor::endpoint_configured(const AttachmentKey& key) {
  if (impl_->plug_problems.erase(key) > 0) impl_->sync_due = impl_->sync_due || !impl_->kept.empty();
  impl_->attachments.answer(key, Outcome::Taken);
}

void Redistributor::endpoint_in_the_way(const AttachmentKey& key) {
  Impl& impl = *impl_;
  impl.attachments.answer(key, Outcome::Taken);
  const ContainerKey& container = key.endpoint.container;
  const auto plug = impl.plugs.find(container);
  if (plug == impl.plugs.end() || plug->second != key) return;
  impl.unplug(plug, true);
  if (const ContainerFact* fact = impl.inventory.find(container)) impl.check(Impl::routes_to(*fact));
}

void Redistributor::unconfigured(const AttachmentKey& key) {
  Impl& impl = *impl_;
  impl.attachments.answer(key, Outcome::Gone);
  const ContainerKey& container = key.endpoint.container;
  const auto leaves = impl.leaving.find(container);
  if (leaves == impl.leaving.end() || leaves->second.erase(key) == 0 || !leaves->second.empty()) return;
  impl.leaving.erase(leaves);
  std::set<RibKey> changed;
  impl.look_at_wish(container, impl.inventory.find(container), changed);  // its turn has come
  impl.check(changed);
}

void Redistributor::retry_attachments() {
  impl_->attachments.retry();
}

bool Redistributor::configuring(const AttachmentKey& key) const {
  return impl_->attachments.is_outstanding(key);
}

bool Redistributor::attachments_wait() const {
  return impl_->attachments.waits_for_retry();
}

}  // namespace berth
