// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/overlay/overlay_driver.h"

#include "container_watcher/attach/link_checks.h"
#include "container_watcher/attach/options.h"
#include "container_watcher/attach/plug_steps.h"

namespace berth {

// The bridge is there before Docker is asked: Docker takes it, and gives the containers ports of it.
RuntimeNetwork OverlayDriver::runtime_network(const NetworkConfig& config) const {
  RuntimeNetwork out = network_as_said(config, "bridge");
  out.mtu = config.mtu;
  out.nat = false;
  out.interface = our_bridge(config);
  out.there_already = true;
  return out;
}

NetworkSite OverlayDriver::site(const NetworkConfig& config, const NetworkFact& fact) const {
  NetworkSite out = site_of(config, fact);
  out.own_link = config.plugged;
  out.anew = "none: berthd makes it again";
  const OverlayLines lines(config);
  out.tunnel = lines.tunnel;
  out.spare = lines.spare;
  for (const SubnetConfig& each : config.subnets) out.range.push_back(each.ip_range.value_or(each.subnet));
  return out;
}

std::vector<Operation> OverlayDriver::plan(const NetworkSite& site, const HostState& host) const {
  return plan_bridge(site, host);
}

LinkVerdict OverlayDriver::judge(const NetworkSite& site, const HostState& host,
                                 const std::vector<std::string>& uplinks) const {
  return judge_bridge(site, host, uplinks);
}

std::optional<std::uint32_t> OverlayDriver::vni(const NetworkConfig& config) const {
  const OverlayLines lines(config);
  return lines.vni != 0 ? std::optional(lines.vni) : std::nullopt;
}

bool OverlayDriver::isolates(const NetworkConfig& config, const NetworkConfig& other) const {
  return other.driver == name() && other.name != config.name &&
         !(said(config, kRouteBetween) && said(other, kRouteBetween));
}

std::optional<PlugPlan> OverlayDriver::plug(const NetworkConfig& config, const PlugSite& site) const {
  return plug_port(config, site, our_bridge(config));
}

}  // namespace berth
