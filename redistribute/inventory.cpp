// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/inventory.h"

namespace berth {
namespace {

const std::set<ContainerKey> kNone;

}  // namespace

bool Inventory::upsert(const ContainerFact& fact) {
  const auto [entry, added] = containers_.try_emplace(fact.key, fact);
  if (!added) {
    if (entry->second == fact) return false;
    unindex(entry->second);
    entry->second = fact;
  }
  index(fact);
  return true;
}

bool Inventory::remove(const ContainerKey& key) {
  const auto entry = containers_.find(key);
  if (entry == containers_.end()) return false;
  unindex(entry->second);
  containers_.erase(entry);
  return true;
}

void Inventory::index(const ContainerFact& fact) {
  for (const EndpointFact& endpoint : fact.endpoints) {
    by_network_[network_of(fact, endpoint)].insert(fact.key);
    for (const IpAddress& address : endpoint.addresses) by_address_.emplace(address, fact.key);
  }
}

void Inventory::unindex(const ContainerFact& fact) {
  for (const EndpointFact& endpoint : fact.endpoints) {
    for (const IpAddress& address : endpoint.addresses) by_address_.erase({address, fact.key});
    const auto network = by_network_.find(network_of(fact, endpoint));
    if (network == by_network_.end()) continue;
    network->second.erase(fact.key);
    if (network->second.empty()) by_network_.erase(network);
  }
}

const ContainerFact* Inventory::find(const ContainerKey& key) const {
  const auto entry = containers_.find(key);
  return entry == containers_.end() ? nullptr : &entry->second;
}

const std::set<ContainerKey>& Inventory::on_network(const NetworkName& name) const {
  const auto entry = by_network_.find(name);
  return entry == by_network_.end() ? kNone : entry->second;
}

std::vector<ContainerKey> Inventory::with_address(const IpAddress& address) const {
  std::vector<ContainerKey> out;
  for (auto each = by_address_.lower_bound({address, {}}); each != by_address_.end() && each->first == address; ++each)
    out.push_back(each->second);
  return out;
}

std::vector<ContainerKey> Inventory::of_runtime(const SharedText& runtime) const {
  std::vector<ContainerKey> out;
  for (auto entry = containers_.lower_bound({runtime, ""});
       entry != containers_.end() && entry->first.runtime == runtime; ++entry)
    out.push_back(entry->first);
  return out;
}

}  // namespace berth
