// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/macvlan/macvlan_driver.h"

#include <algorithm>

#include "container_watcher/attach/options.h"

namespace berth {
namespace {

std::string word_of(MacvlanMode mode) {
  switch (mode) {
    case MacvlanMode::Private: return "private";
    case MacvlanMode::Vepa: return "vepa";
    case MacvlanMode::Passthru: return "passthru";
    case MacvlanMode::Bridge: break;
  }
  return "bridge";
}

}  // namespace

RuntimeNetwork MacvlanDriver::runtime_network(const NetworkConfig& config) const {
  const MacvlanLines lines(config);
  RuntimeNetwork out = network_as_said(config, "macvlan");
  out.options = {{"parent", lines.parent}, {"macvlan_mode", word_of(lines.mode)}};
  out.defaults = {{"macvlan_mode", "bridge"}};
  for (const std::string& each : all_said(config, "aux-address")) {
    const std::size_t space = each.find(' ');
    if (const auto address = IpAddress::parse(each.substr(space + 1))) out.reserved[each.substr(0, space)] = *address;
  }
  // No container gets this host's own address there. (Docker keeps the gateway's back by itself.)
  for (const IpAddress& each : lines.shim_addresses)
    if (std::ranges::none_of(config.subnets, [&](const SubnetConfig& of) { return of.gateway == each; }))
      out.reserved["shim-" + each.to_string()] = each;
  return out;
}

NetworkSite MacvlanDriver::site(const NetworkConfig& config, const NetworkFact& fact) const {
  const MacvlanLines lines(config);
  NetworkSite out = bare_site(config, fact);
  out.interface = lines.host.empty() ? lines.parent : lines.host;
  if (lines.mode != MacvlanMode::Passthru) out.parent = lines.parent;
  out.mac_limit = lines.mac_limit;
  // Where this host has no link to the containers it opens nothing for them: the parent leads to others, too.
  out.closed_v4 = out.closed_v6 = fact.internal || lines.host.empty();
  out.own_link = !lines.host.empty();
  for (const SubnetFact& each : fact.subnets)
    for (const SiteAddress& address : lines.addresses_in(each.subnet, each.gateway)) out.addresses.push_back(address);
  return out;
}

// With the gateway's address this host is the subnet's router; with another one it is a host there, whose ways to the containers
// are routes of their own.
std::vector<SiteAddress> MacvlanLines::addresses_in(const Prefix& subnet,
                                                    const std::optional<IpAddress>& gateway) const {
  if (internal) return {{subnet, gateway, gateway.has_value()}};
  std::vector<SiteAddress> out;
  for (const IpAddress& address : shim_addresses)
    if (subnet.contains(address))
      out.push_back({gateway == address ? subnet : Prefix::of(address, address.bits()), address, true});
  return out;
}

}  // namespace berth
