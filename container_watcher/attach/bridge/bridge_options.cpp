// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be said of a network on a bridge.
#include <algorithm>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/options.h"
#include "core/names.h"
#include "core/reserved.h"

namespace berth {
const std::vector<NetworkOption>& BridgeDriver::options() const {
  static const std::vector<NetworkOption> kOptions = {
      docker_network_option("bridge"),
      plain_option("interface IF",
                   "A bridge that is there already, and keeps its addresses: the host's own LAN, CNI's\nIts name",
                   Times::Once,
                   [](const NetworkConfig&, const OptionWords& words) -> std::optional<OptionMistake> {
                     if (is_link_name(words[1])) return {};
                     return OptionMistake{1, "the name of a bridge"};
                   }),
      gateway_option("The address of the bridge"),
      ip_range_option(),
      mtu_option("MTU of a bridge that berthd makes"),
      nat_check_option(),
      plain_option("spread", "Other hosts have a part of the same subnets"),
  };
  return kOptions;
}

std::vector<std::string> BridgeDriver::gaps(const NetworkConfig& config) const {
  std::vector<std::string> out;
  const bool theirs = said(config, "interface").has_value();
  const std::string of = "network " + config.name;
  if (theirs && !config.docker_network.empty())
    out.push_back("either interface or docker-network for " + of + ": a network of Docker's has its bridge");
  if (config.plugged && !config.docker_network.empty())
    out.push_back("no docker-network for " + of + ", which is not Docker's (interface IF takes a bridge)");
  for (const SubnetConfig& each : config.subnets) {
    if (!each.gateway && (config.plugged ? !theirs : theirs))
      out.push_back("a gateway in " + each.subnet.to_string() + " for " + of + ": " +
                    (theirs ? "the containers' router on that bridge" : "berthd's bridge has it") + " (gateway …)");
    if (theirs && !config.plugged && !each.subnet.is_v4())
      out.push_back("no IPv6 subnet for " + of + ": Docker would change the addresses of its interface");
  }
  if (config.docker_network.empty() && !config.plugged && is_predefined_network(config.name))
    out.push_back("another name: Docker makes no network " + config.name +
                  (config.name == "bridge" ? "; docker-network bridge takes the one that it has" : ""));
  room_gaps(config, &out);
  if (said(config, "spread")) range_gaps(config, &out);
  return out;
}

}  // namespace berth
