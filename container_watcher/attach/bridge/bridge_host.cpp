// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of a network on a bridge.
#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/link_checks.h"
#include "container_watcher/attach/options.h"
#include "container_watcher/attach/plug_steps.h"
#include "core/names.h"

namespace berth {
namespace {

// Of a bridge that berthd does not make.
std::string make_theirs(const NetworkConfig& config, const std::string& bridge) {
  const std::string make = "ip link add " + bridge + " type bridge";
  return config.plugged ? "none where CNI makes it, with the next container; else " + make
                        : make + "; or another interface, in berthd.conf";
}

}  // namespace

// The bridge comes before the containers where it is berthd's own to make, and before the runtime is asked where it is the
// operator's: Docker would make one that is not there.
std::optional<Groundwork> BridgeDriver::groundwork(const NetworkConfig& config, const HostState& host) const {
  const auto theirs = said(config, "interface");
  if (!theirs && !config.plugged) return std::nullopt;
  Groundwork out;
  if (theirs) {
    const HostLink* link = host.find(*theirs);
    if (!link)
      out.problems.push_back({"bridge-missing", "there is no interface " + *theirs, make_theirs(config, *theirs)});
    else if (link->kind != "bridge")
      out.problems.push_back(
          {"no-bridge", *theirs + " is no bridge", "interface, in berthd.conf, with a bridge's name"});
    out.ready = out.problems.empty();
    return out;
  }
  LinkSettings settings = our_link(config);
  // Else it would be that of the port with the lowest one, and change with the ports.
  settings.mac = local_mac(our_bridge(config));
  ground_of_bridge(config, BridgeLink{}, settings, host, &out);
  out.ready = out.missing.empty();
  return out;
}

NetworkSite BridgeDriver::site(const NetworkConfig& config, const NetworkFact& fact) const {
  NetworkSite out = site_of(config, fact);
  const bool theirs = said(config, "interface").has_value();
  if (config.plugged) {
    out.own_link = !theirs;
    out.anew = theirs ? make_theirs(config, *said(config, "interface")) : "none: berthd makes it again";
  }
  out.spread = said(config, "spread").has_value();
  if (theirs)
    for (SiteAddress& each : out.addresses) each.ours = false;
  return out;
}

bool BridgeDriver::is_shared(const NetworkConfig& config) const {
  return said(config, "interface").has_value();
}

std::optional<PlugPlan> BridgeDriver::plug(const NetworkConfig& config, const PlugSite& site) const {
  return plug_port(config, site, runtime_network(config).interface);
}

std::vector<Operation> BridgeDriver::plan(const NetworkSite& site, const HostState& host) const {
  return plan_bridge(site, host);
}

LinkVerdict BridgeDriver::judge(const NetworkSite& site, const HostState& host,
                                const std::vector<std::string>& uplinks) const {
  return judge_bridge(site, host, uplinks);
}

}  // namespace berth
