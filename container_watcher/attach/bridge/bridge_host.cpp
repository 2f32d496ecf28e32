// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of a network on a bridge: is the bridge up, does it have its gateway's address, does it forward. Of a
// bridge that is missing or down nothing else is said.
#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/link_checks.h"
#include "container_watcher/attach/options.h"
#include "container_watcher/attach/plug_steps.h"
#include "core/names.h"

namespace berth {
namespace {

const HostLink* bridge_of(const HostState& state, const NetworkSite& site) {
  return site.interface.empty() ? nullptr : state.find(site.interface);
}

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
  const std::string name = link_name("br-", config.name);
  LinkSettings settings = our_link(config);
  // Else it would be that of the port with the lowest one, and change with the ports.
  settings.mac = local_mac(name);
  if (!is_as(host.find(name), "bridge", settings)) {
    out.missing.emplace_back(PutLink{name, BridgeLink{}, settings});
    for (const SubnetConfig& each : config.subnets)
      if (each.gateway) out.missing.emplace_back(PutAddress{name, *each.gateway, each.subnet.length()});
  }
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
  LinkSettings settings = plug_link(config, site);
  settings.master = runtime_network(config).interface;
  settings.up = true;
  PlugPlan out;
  out.operations.emplace_back(PutLink{site.host_link, VethLink{site.inside, site.netns, site.mac}, settings});
  prepare_inside(config, site, &out.operations);
  out.operations.emplace_back(AwaitOperUp{site.host_link});
  put_addresses(config, site, &out.operations);
  return out;
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
