// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/evaluation.h"

#include <utility>

#include "redistribute/policy.h"

namespace berth {

void NetworkIndex::set(const Config& config) {
  config_ = config;
  by_runtime_name_.clear();
  for (const auto& [name, network] : config_.networks)
    by_runtime_name_.try_emplace(config_.name_in_runtime(network), name);
  std::erase_if(keys_, [&](const auto& each) { return !config_.networks.contains(each.first); });
}

bool NetworkIndex::set_key(const std::string& network, const NetworkKey& key) {
  return std::exchange(keys_[network], key) != key;
}

const NetworkConfig* NetworkIndex::of(const ContainerFact& fact, const EndpointFact& endpoint) const {
  const NetworkConfig* network = called(fact, endpoint);
  const auto key = network ? keys_.find(network->name) : keys_.end();
  const bool ours = key != keys_.end() && !key->second.id.empty() &&
                    key->second == NetworkKey{network_of(fact, endpoint).runtime, endpoint.network_id};
  return ours ? network : nullptr;
}

const NetworkConfig* NetworkIndex::called(const ContainerFact& fact, const EndpointFact& endpoint) const {
  const auto name = by_runtime_name_.find(network_of(fact, endpoint));
  return name == by_runtime_name_.end() ? nullptr : &config_.networks.at(name->second);
}

std::set<std::string> NetworkIndex::attached(const ContainerFact& fact) const {
  std::set<std::string> out;
  for (const EndpointFact& endpoint : fact.endpoints)
    if (const NetworkConfig* network = of(fact, endpoint)) out.insert(network->name);
  return out;
}

Evaluation evaluate(const NetworkIndex& networks, const std::set<IpAddress>& host_addresses,
                    const ContainerFact& fact) {
  Evaluation out;
  const std::set<std::string> attached = networks.attached(fact);
  for (const EndpointFact& endpoint : fact.endpoints) {
    const NetworkConfig* network = networks.of(fact, endpoint);
    if (!network) continue;
    const LabelEffect labels = apply_labels(networks.config(), *network, fact, attached);
    for (const LabelRefusal& refusal : labels.refused)
      out.refusals.insert({"refusedLabel", "label " + refusal.label + " refused: " + refusal.why});
    for (const IpAddress& address : endpoint.addresses) {
      for (const SubnetConfig& subnet : network->subnets)
        if (!subnet.subnet.contains(address))
          continue;
        else if (subnet_advertisable(subnet.subnet))
          out.contribution.add_subnet({network->name, subnet.subnet});
        else if (advertises_subnet(network->advertise))
          out.refusals.insert({"refusedPrefix", "subnet " + subnet.subnet.to_string() + " is never advertised"});
      const Verdict verdict = judge(*network, labels, host_addresses, address);
      if (verdict.step == "prefix") out.refusals.insert({"refusedPrefix", verdict.detail});
      if (verdict.advertise) out.contribution.add_host({network->name, Prefix::host(address)}, verdict.tag);
    }
  }
  return out;
}

}  // namespace berth
