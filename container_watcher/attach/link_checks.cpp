// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/link_checks.h"

#include <algorithm>

#include "core/names.h"

namespace berth {
namespace {

std::string with_length(const IpAddress& address, const Prefix& subnet) {
  return address.to_string() + "/" + std::to_string(subnet.length());
}

Family family_of(bool v4) {
  return v4 ? Family::V4 : Family::V6;
}

// Makes the connected route of the subnet.
bool serves(const LinkAddress& has, const SiteAddress& wanted) {
  if (has.failed || has.length > wanted.subnet.length() || !wanted.subnet.contains(has.address)) return false;
  return !wanted.gateway || has.address == *wanted.gateway;
}

bool served(const HostLink& link, const SiteAddress& wanted) {
  return std::any_of(link.addresses.begin(), link.addresses.end(),
                     [&](const LinkAddress& has) { return serves(has, wanted); });
}

// The bridge has the gateway's address, and does not use it: somebody else in the network has it too.
bool duplicate(const HostLink& link, const IpAddress& gateway) {
  return std::any_of(link.addresses.begin(), link.addresses.end(),
                     [&](const LinkAddress& has) { return has.failed && has.address == gateway; });
}

// The kernel asks the link by which a packet comes in (ip_route_input_slow), in IPv4. The packets of a container come
// in by its link, those to it by an uplink.
void forwarding_v4(const HostState& state, const HostLink& link, const std::vector<std::string>& uplinks,
                   LinkVerdict* out) {
  const auto off = [](const HostLink& each) { return each.v4.forwarding == 0; };
  const auto key = [](const HostLink& each) { return link_sysctl(true, each.name, "forwarding"); };
  if (off(link))
    out->problems.push_back({"forwarding-off", link.name + " does not forward IPv4: " + key(link) + " is 0",
                             "sysctl -w " + key(link) + "=1", true, Family::V4});
  std::string names, remedy;
  bool all = true;
  for (const std::string& name : uplinks) {
    const HostLink* uplink = name == link.name ? nullptr : state.find(name);
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
void forwarding_v6(const HostState& state, const HostLink& link, const std::vector<std::string>& uplinks,
                   LinkVerdict* out) {
  std::vector<const HostLink*> links{&link};
  for (const std::string& name : uplinks)
    if (const HostLink* uplink = state.find(name); uplink && uplink != &link) links.push_back(uplink);
  for (const HostLink* each : links) {
    if (each->v6.forwarding != 0) continue;
    const std::string key = link_sysctl(false, each->name, "forwarding");
    out->problems.push_back(
        {"forwarding-host",
         key + " is 0: the kernel forwards IPv6 all the same, and speaks as a host and not as a router on " +
             each->name,
         "none, if that is meant; else sysctl -w " + key + "=1", false, Family::V6});
  }
}

}  // namespace

LinkSettings our_link(const NetworkConfig& config) {
  LinkSettings out;
  out.alias = mark_of(config.name);
  out.up = true;
  if (config.mtu != 0) out.mtu = config.mtu;
  return out;
}

bool is_as(const HostLink* link, std::string_view kind, const LinkSettings& wanted) {
  return link && link->kind == kind && link->alias == *wanted.alias && link->up &&
         (!wanted.mtu || link->mtu == *wanted.mtu) && (!wanted.mac || link->mac == *wanted.mac);
}

std::string our_bridge(const NetworkConfig& config) {
  return link_name("br-", config.name);
}

void ground_of_bridge(const NetworkConfig& config, const BridgeLink& kind, const LinkSettings& settings,
                      const HostState& host, Groundwork* out) {
  const std::string name = our_bridge(config);
  const HostLink* link = host.find(name);
  if (is_as(link, "bridge", settings) && link->multicast_snooping.value_or(true) == kind.multicast_snooping) return;
  out->missing.emplace_back(PutLink{name, kind, settings});
  for (const SubnetConfig& each : config.subnets)
    if (each.gateway) out->missing.emplace_back(PutAddress{name, *each.gateway, each.subnet.length()});
  // Containers that are there have its old MAC address.
  if (!link || !settings.mac || link->mac == *settings.mac) return;
  for (const SubnetConfig& each : config.subnets)
    if (each.gateway) out->missing.emplace_back(AnnounceAddress{name, *each.gateway});
}

std::vector<Operation> plan_addresses(const NetworkSite& site, const HostLink& link) {
  std::vector<Operation> out;
  for (const SiteAddress& wanted : site.addresses)
    if (wanted.ours && wanted.gateway && !served(link, wanted) && !duplicate(link, *wanted.gateway))
      out.emplace_back(PutAddress{link.name, *wanted.gateway, wanted.subnet.length()});
  return out;
}

// Addresses alone: an operator's word on a single link (it is down, it does not forward) is told and not undone.
std::vector<Operation> plan_bridge(const NetworkSite& site, const HostState& host) {
  const HostLink* bridge = host.find(site.interface);
  return bridge && bridge->up ? plan_addresses(site, *bridge) : std::vector<Operation>();
}

LinkVerdict judge_bridge(const NetworkSite& site, const HostState& host, const std::vector<std::string>& uplinks) {
  LinkVerdict out;
  const HostLink* bridge = host.find(site.interface);
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
  judge_forwarding(site, host, *bridge, uplinks, &out);
  return out;
}

void judge_addresses(const NetworkSite& site, const HostLink& link, LinkVerdict* out) {
  for (const SiteAddress& wanted : site.addresses) {
    if (served(link, wanted)) continue;
    const Family family = family_of(wanted.subnet.is_v4());
    if (!wanted.gateway) {
      out->problems.push_back(
          {"gateway-missing",
           link.name + " has no address in " + wanted.subnet.to_string() + ", so the host has no route to it",
           "ip addr add GATEWAY/" + std::to_string(wanted.subnet.length()) + " dev " + link.name +
               ", with the gateway that the containers use (ip route, in one of them)",
           true, family});
      continue;
    }
    const std::string address = with_length(*wanted.gateway, wanted.subnet);
    const std::string here = address + " dev " + link.name;
    const std::string add = here + (wanted.subnet.is_v4() ? "" : " nodad");
    if (duplicate(link, *wanted.gateway)) {
      std::string remedy = "find who else has it, then: ip addr del ";
      remedy.append(here).append(" && ip addr add ").append(add);
      out->problems.push_back({"gateway-missing",
                               link.name + " has its gateway's address " + address +
                                   " and does not use it: duplicate address detection found another of it",
                               remedy, true, family});
      continue;
    }
    out->problems.push_back({"gateway-missing", link.name + " does not have its gateway's address " + address,
                             "ip addr replace " + add, true, family});
  }
}

void judge_forwarding(const NetworkSite& site, const HostState& host, const HostLink& link,
                      const std::vector<std::string>& uplinks, LinkVerdict* out) {
  const auto has = [&](bool v4) {
    return std::any_of(site.subnets.begin(), site.subnets.end(),
                       [&](const Prefix& each) { return each.is_v4() == v4; });
  };
  if (has(true) && host.all_v4.forwarding != 0) forwarding_v4(host, link, uplinks, out);
  if (has(false) && host.all_v6.forwarding != 0) forwarding_v6(host, link, uplinks, out);
}

}  // namespace berth
