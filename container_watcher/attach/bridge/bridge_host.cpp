// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of a network on a bridge.
#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/link_check.h"

namespace berth {

NetworkSite BridgeDriver::site(const NetworkConfig& config, const NetworkFact& fact) const {
  return site_of(config, fact);
}

std::vector<Operation> BridgeDriver::plan(const NetworkSite& site, const HostState& host) const {
  std::vector<Operation> out;
  for (const MissingAddress& each : check_links(host, site, {}).missing)
    out.push_back(PutAddress{each.interface, each.address, each.subnet.length()});
  return out;
}

LinkVerdict BridgeDriver::judge(const NetworkSite& site, const HostState& host,
                                const std::vector<std::string>& uplinks) const {
  return check_links(host, site, uplinks);
}

}  // namespace berth
