// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be said of a network on a bridge.
#include <algorithm>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/options.h"
#include "core/names.h"
#include "core/reserved.h"

namespace berth {
namespace {

// Is an address left for a container? Docker takes the gateway out of the range, too, where none is said.
bool has_room(const SubnetConfig& each) {
  const Prefix& range = each.ip_range ? *each.ip_range : each.subnet;
  const unsigned bits = range.address().bits() - range.length();
  unsigned left = 1u << std::min(bits, 8u);
  if (is_subnet_edge(each.subnet, range.address())) --left;
  if (bits > 0 && is_subnet_edge(each.subnet, range.last())) --left;
  if (left > 0 && (!each.gateway || range.contains(*each.gateway))) --left;
  return left > 0;
}

}  // namespace

const std::vector<NetworkOption>& BridgeDriver::options() const {
  static const std::vector<NetworkOption> kOptions = {
      docker_network_option("bridge"),
      gateway_option("The address of the bridge"),
      ip_range_option(),
      mtu_option("MTU of a bridge that berthd makes"),
      nat_check_option(),
  };
  return kOptions;
}

std::vector<std::string> BridgeDriver::gaps(const NetworkConfig& config) const {
  std::vector<std::string> out;
  if (config.docker_network.empty() && is_predefined_network(config.name))
    out.push_back("another name: Docker makes no network " + config.name +
                  (config.name == "bridge" ? "; docker-network bridge takes the one that it has" : ""));
  for (const SubnetConfig& each : config.subnets)
    if (!has_room(each))
      out.push_back("an ip-range that leaves an address for a container of network " + config.name + ": " +
                    (each.ip_range ? *each.ip_range : each.subnet).to_string() + " does not");
  return out;
}

}  // namespace berth
