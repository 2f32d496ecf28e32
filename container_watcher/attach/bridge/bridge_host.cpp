// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of a network on a bridge: is the bridge up, does it have its gateway's address, does it forward. Of a
// bridge that is missing or down nothing else is said.
#include <algorithm>

#include "container_watcher/attach/bridge/bridge_driver.h"

namespace berth {
namespace {

std::string with_length(const IpAddress& address, const Prefix& subnet) {
  return address.to_string() + "/" + std::to_string(subnet.length());
}

Family family_of(bool v4) {
  return v4 ? Family::V4 : Family::V6;
}

const HostLink* bridge_of(const HostState& state, const NetworkSite& site) {
  return site.interface.empty() ? nullptr : state.find(site.interface);
}

// Makes the connected route of the subnet.
bool serves(const LinkAddress& has, const BridgeAddress& wanted) {
  if (has.failed || has.length > wanted.subnet.length() || !wanted.subnet.contains(has.address)) return false;
  return !wanted.gateway || has.address == *wanted.gateway;
}

bool served(const HostLink& bridge, const BridgeAddress& wanted) {
  return std::any_of(bridge.addresses.begin(), bridge.addresses.end(),
                     [&](const LinkAddress& has) { return serves(has, wanted); });
}

// The bridge has the gateway's address, and does not use it: somebody else in the network has it too.
bool duplicate(const HostLink& bridge, const IpAddress& gateway) {
  return std::any_of(bridge.addresses.begin(), bridge.addresses.end(),
                     [&](const LinkAddress& has) { return has.failed && has.address == gateway; });
}

void addresses(const NetworkSite& site, const HostLink& bridge, LinkVerdict* out) {
  for (const BridgeAddress& wanted : site.addresses) {
    if (served(bridge, wanted)) continue;
    const Family family = family_of(wanted.subnet.is_v4());
    if (!wanted.gateway) {
      out->problems.push_back(
          {"gateway-missing",
           bridge.name + " has no address in " + wanted.subnet.to_string() + ", so the host has no route to it",
           "ip addr add GATEWAY/" + std::to_string(wanted.subnet.length()) + " dev " + bridge.name +
               ", with the gateway that the containers use (ip route, in one of them)",
           true, family});
      continue;
    }
    const std::string address = with_length(*wanted.gateway, wanted.subnet);
    const std::string here = address + " dev " + bridge.name;
    const std::string add = here + (wanted.subnet.is_v4() ? "" : " nodad");
    if (duplicate(bridge, *wanted.gateway)) {
      std::string remedy = "find who else has it, then: ip addr del ";
      remedy.append(here).append(" && ip addr add ").append(add);
      out->problems.push_back({"gateway-missing",
                               bridge.name + " has its gateway's address " + address +
                                   " and does not use it: duplicate address detection found another of it",
                               remedy, true, family});
      continue;
    }
    out->problems.push_back({"gateway-missing", bridge.name + " does not have its gateway's address " + address,
                             "ip addr replace " + add, true, family});
  }
}

// The kernel asks the link by which a packet comes in (ip_route_input_slow), in IPv4. The packets of a container come
// in by the bridge, those to it by an uplink.
void forwarding_v4(const HostState& state, const HostLink& bridge, const std::vector<std::string>& uplinks,
                   LinkVerdict* out) {
  const auto off = [](const HostLink& link) { return link.v4.forwarding == 0; };
  const auto key = [](const HostLink& link) { return link_sysctl(true, link.name, "forwarding"); };
  if (off(bridge))
    out->problems.push_back({"forwarding-off", bridge.name + " does not forward IPv4: " + key(bridge) + " is 0",
                             "sysctl -w " + key(bridge) + "=1", true, Family::V4});
  std::string names, remedy;
  bool all = true;
  for (const std::string& name : uplinks) {
    const HostLink* uplink = name == bridge.name ? nullptr : state.find(name);
    if (!uplink) continue;
    all = all && off(*uplink);
    if (!off(*uplink)) continue;
    names += (names.empty() ? "" : ", ") + name;
    remedy += (remedy.empty() ? "sysctl -w " : " ") + key(*uplink) + "=1";
  }
  if (names.empty()) return;
  out->problems.push_back({"uplink-forwarding-off",
                           "what comes in by " + names +
                               " is not forwarded: " + link_sysctl(true, "LINK", "forwarding") + " is 0" +
                               (all ? ", and there is no other uplink" : " there"),
                           remedy, all, Family::V4});
}

// In IPv6 net.ipv6.conf.all.forwarding alone decides; a link's own says whether the host speaks as a router there. So
// it is told and holds nothing back.
void forwarding_v6(const HostState& state, const HostLink& bridge, const std::vector<std::string>& uplinks,
                   LinkVerdict* out) {
  std::vector<const HostLink*> links{&bridge};
  for (const std::string& name : uplinks)
    if (const HostLink* uplink = state.find(name); uplink && uplink != &bridge) links.push_back(uplink);
  for (const HostLink* link : links) {
    if (link->v6.forwarding != 0) continue;
    const std::string key = link_sysctl(false, link->name, "forwarding");
    out->problems.push_back(
        {"forwarding-host",
         key + " is 0: the kernel forwards IPv6 all the same, and speaks as a host and not as a router on " +
             link->name,
         "none, if that is meant; else sysctl -w " + key + "=1", false, Family::V6});
  }
}

}  // namespace

NetworkSite BridgeDriver::site(const NetworkConfig& config, const NetworkFact& fact) const {
  return site_of(config, fact);
}

// Addresses alone: an operator's word on a single link (it is down, it does not forward) is told and not undone.
std::vector<Operation> BridgeDriver::plan(const NetworkSite& site, const HostState& host) const {
  std::vector<Operation> out;
  const HostLink* bridge = bridge_of(host, site);
  if (!bridge || !bridge->up) return out;
  for (const BridgeAddress& wanted : site.addresses)
    if (wanted.ours && wanted.gateway && !served(*bridge, wanted) && !duplicate(*bridge, *wanted.gateway))
      out.emplace_back(PutAddress{bridge->name, *wanted.gateway, wanted.subnet.length()});
  return out;
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
  addresses(site, *bridge, &out);
  const auto has = [&](bool v4) {
    return std::any_of(site.subnets.begin(), site.subnets.end(),
                       [&](const Prefix& each) { return each.is_v4() == v4; });
  };
  // Off for the whole host is told as that.
  if (has(true) && state.all_v4.forwarding != 0) forwarding_v4(state, *bridge, uplinks, &out);
  if (has(false) && state.all_v6.forwarding != 0) forwarding_v6(state, *bridge, uplinks, &out);
  return out;
}

}  // namespace berth
