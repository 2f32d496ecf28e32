// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of a network of macvlans: the parent, and the link by which this host reaches the containers.
#include "container_watcher/attach/link_checks.h"
#include "container_watcher/attach/macvlan/macvlan_driver.h"
#include "container_watcher/attach/plug_steps.h"
#include "core/names.h"

namespace berth {
namespace {

// Of a link of ours that was just made.
void put_addresses(const NetworkConfig& config, const MacvlanLines& lines, std::vector<Operation>* out) {
  for (const SubnetConfig& each : config.subnets)
    for (const SiteAddress& address : lines.addresses_in(each.subnet, each.gateway))
      if (address.gateway) out->emplace_back(PutAddress{lines.host, *address.gateway, address.subnet.length()});
}

Groundwork internal_ground(const NetworkConfig& config, const MacvlanLines& lines, const HostState& host) {
  Groundwork out;
  const LinkSettings settings = our_link(config);
  const HostLink* near = host.find(lines.host);
  const HostLink* far = host.find(lines.parent);
  if (!is_as(near, "veth", settings) || !far || near->peer != far->index || near->peer_netns) {
    out.missing.emplace_back(PutLink{lines.host, VethLink{lines.parent}, settings});
    put_addresses(config, lines, &out.missing);
  }
  if (!out.missing.empty() || !is_as(far, "veth", settings)) out.missing.emplace_back(SetLink{lines.parent, settings});
  out.ready = out.missing.empty();
  return out;
}

// What keeps the parent from carrying anything.
std::optional<Problem> trouble_of(const HostLink* parent, const std::string& name, const HostState& host) {
  if (!parent)
    return Problem{"parent-missing", "there is no interface " + name,
                   "ip link: has it another name now? then: parent NAME, in berthd.conf"};
  if (!parent->up) return Problem{"parent-down", name + " is down", "ip link set " + name + " up"};
  if (parent->kind == "macvlan")
    return Problem{"parent-taken", name + " is a macvlan itself, and the kernel puts others beside it, not on it",
                   "parent, in berthd.conf, with the link that it stands on (ip -d link show " + name + ")"};
  if (const HostLink* master = parent->master != 0 ? host.find(parent->master) : nullptr;
      master && master->kind != "vrf")
    return Problem{"parent-taken", name + " is a port of " + master->name + ", which takes all that comes in by it",
                   "parent " + master->name + ", in berthd.conf; or: ip link set " + name + " nomaster"};
  if (!parent->carrier)
    return Problem{"parent-no-carrier", name + " has no carrier", "look at its cable and at the port of the switch"};
  return {};
}

}  // namespace

std::optional<Groundwork> MacvlanDriver::groundwork(const NetworkConfig& config, const HostState& host) const {
  const MacvlanLines lines(config);
  if (lines.internal) return internal_ground(config, lines, host);
  Groundwork out;
  const HostLink* parent = host.find(lines.parent);
  if (auto trouble = trouble_of(parent, lines.parent, host)) out.problems.push_back(std::move(*trouble));
  if (lines.mode == MacvlanMode::Vepa)
    out.problems.push_back(
        {"vepa",
         "in mode vepa the switch behind " + lines.parent +
             " must send back what comes from it (reflective relay, "
             "IEEE 802.1Qbg); where it does not, the containers and this host do not reach each other",
         "mode bridge, unless the switch is set so", false});
  if (parent && parent->kind != "macvlan" && lines.shim) {
    const HostLink* shim = host.find(lines.host);
    const LinkSettings settings = our_link(config);
    const bool elsewhere =
        shim && shim->alias == *settings.alias && shim->kind == "macvlan" && shim->peer != parent->index;
    if (elsewhere) out.missing.emplace_back(DeleteLink{lines.host, *settings.alias});
    if (!is_as(shim, "macvlan", settings) || elsewhere || shim->macvlan_mode != lines.mode)
      out.missing.emplace_back(PutLink{lines.host, MacvlanLink{lines.parent, lines.mode}, settings});
    if (!out.missing.empty()) put_addresses(config, lines, &out.missing);
  }
  out.ready = parent && parent->kind != "macvlan" && out.missing.empty();
  return out;
}

bool MacvlanDriver::is_shared(const NetworkConfig& config) const {
  return !MacvlanLines(config).internal;
}

std::optional<PlugPlan> MacvlanDriver::plug(const NetworkConfig& config, const PlugSite& site) const {
  const MacvlanLines lines(config);
  LinkSettings settings = plug_link(config, site);
  if (lines.mode != MacvlanMode::Passthru) settings.mac = site.mac;  // there it is the parent's
  PlugPlan out;
  out.operations.emplace_back(PutLink{site.inside, MacvlanLink{lines.parent, lines.mode}, settings, site.netns});
  prepare_inside(config, site, &out.operations);
  put_addresses(config, site, &out.operations);
  return out;
}

std::vector<Operation> MacvlanDriver::plan(const NetworkSite& site, const HostState& host) const {
  std::vector<Operation> out;
  // What an earlier form of the network left on a link of ours: the kernel would go on sending to its dead end.
  for (const HostLink& each : host.links)
    if (each.alias.starts_with(kMark) && each.name != site.interface)
      for (const LinkAddress& has : each.addresses)
        for (const SiteAddress& wanted : site.addresses)
          if (wanted.ours && wanted.gateway == has.address)
            out.emplace_back(DeleteAddress{each.name, has.address, has.length});
  if (const HostLink* link = host.find(site.interface); link && link->up)
    for (Operation& each : plan_addresses(site, *link)) out.push_back(std::move(each));
  return out;
}

// What stands against the parent is told with the groundwork.
LinkVerdict MacvlanDriver::judge(const NetworkSite& site, const HostState& host,
                                 const std::vector<std::string>& uplinks) const {
  LinkVerdict out;
  const HostLink* link = host.find(site.interface);
  out.attached = link != nullptr;
  if (!link || !link->up || !site.own_link) return out;
  judge_addresses(site, *link, &out);
  judge_forwarding(site, host, *link, uplinks, &out);
  return out;
}

}  // namespace berth
