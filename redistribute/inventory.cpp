// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/inventory.h"

namespace berth {
namespace {

const std::set<ContainerKey> kNone;

template <class Index, class Key>
void drop(Index& index, const Key& key, const ContainerKey& container) {
  const auto entry = index.find(key);
  if (entry == index.end()) return;
  entry->second.erase(container);
  if (entry->second.empty()) index.erase(entry);
}

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
    by_network_[endpoint.network].insert(fact.key);
    for (const IpAddress& address : endpoint.addresses) by_address_[address].insert(fact.key);
  }
}

void Inventory::unindex(const ContainerFact& fact) {
  for (const EndpointFact& endpoint : fact.endpoints) {
    drop(by_network_, endpoint.network, fact.key);
    for (const IpAddress& address : endpoint.addresses) drop(by_address_, address, fact.key);
  }
}

const ContainerFact* Inventory::find(const ContainerKey& key) const {
  const auto entry = containers_.find(key);
  return entry == containers_.end() ? nullptr : &entry->second;
}

const std::set<ContainerKey>& Inventory::on_network(const std::string& runtime_network) const {
  const auto entry = by_network_.find(runtime_network);
  return entry == by_network_.end() ? kNone : entry->second;
}

const std::set<ContainerKey>& Inventory::with_address(const IpAddress& address) const {
  const auto entry = by_address_.find(address);
  return entry == by_address_.end() ? kNone : entry->second;
}

std::vector<ContainerKey> Inventory::of_runtime(const std::string& runtime) const {
  std::vector<ContainerKey> out;
  for (auto entry = containers_.lower_bound({runtime, ""});
       entry != containers_.end() && entry->first.runtime == runtime; ++entry)
    out.push_back(entry->first);
  return out;
}

}  // namespace berth
