// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/plugs.h"

#include "redistribute/policy.h"

namespace berth {

PlugWish plug_wish(const Config& config, const ContainerFact& fact) {
  if (!asks_for_a_plug(fact)) return {};
  const std::string& name = fact.labels.at("berth.network");
  PlugWish out{true};
  const auto refuse = [&](const std::string& why) {
    out.refusals.insert({"refusedLabel", "label berth.network refused: " + why});
    return out;
  };
  const auto found = config.networks.find(name);
  if (found == config.networks.end()) return refuse("no network '" + printable(name) + "' is configured");
  const NetworkConfig& network = found->second;
  if (!network.plugged)
    return refuse("network " + network.name + " is one of " + config.runtime_of(network) +
                  ", which connects its containers itself");
  if (!network.allow_labels.contains(LabelKind::Network))
    return refuse("network " + network.name + " does not say 'allow label network'");
  out.network = &network;
  return out;
}

}  // namespace berth
