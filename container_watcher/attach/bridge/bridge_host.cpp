// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of a network on a bridge: is the bridge up, does it have its gateway's address, does it forward. Of a
// bridge that is missing or down nothing else is said.
#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/link_checks.h"

namespace berth {
namespace {

const HostLink* bridge_of(const HostState& state, const NetworkSite& site) {
  return site.interface.empty() ? nullptr : state.find(site.interface);
}

}  // namespace

NetworkSite BridgeDriver::site(const NetworkConfig& config, const NetworkFact& fact) const {
  return site_of(config, fact);
}

// Addresses alone: an operator's word on a single link (it is down, it does not forward) is told and not undone.
std::vector<Operation> BridgeDriver::plan(const NetworkSite& site, const HostState& host) const {
  const HostLink* bridge = bridge_of(host, site);
  return bridge && bridge->up ? plan_addresses(site, *bridge) : std::vector<Operation>();
}

LinkVerdict BridgeDriver::judge(const NetworkSite& site, const HostState& state,
                                const std::vector<std::string>& uplinks) const {
  LinkVerdict out;
  const HostLink* bridge = bridge_of(state, site);
  out.attached = bridge != nullptr;
  if (!bridge) {
    out.problems.push_back({"bridge-missing", "there is no interface " + site.interface, site.anew});
    return out;
  }
  if (!bridge->up) {
    out.problems.push_back({"bridge-down", bridge->name + " is down", "ip link set " + bridge->name + " up"});
    return out;
  }
  judge_addresses(site, *bridge, &out);
  judge_forwarding(site, state, *bridge, uplinks, &out);
  return out;
}

}  // namespace berth
