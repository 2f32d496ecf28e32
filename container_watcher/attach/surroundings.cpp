// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/surroundings.h"

#include <algorithm>

namespace berth {

firewall::Surroundings surroundings_of(const HostState& state, const std::vector<NetworkSite>& sites,
                                       const std::vector<Prefix>& fabric, const std::vector<std::string>& uplinks,
                                       bool ports) {
  firewall::Surroundings out;
  out.fabric = fabric;
  out.host_addresses = state.addresses;
  // Links of which there is one for each container are one to the rules, by the beginning that their names have in common.
  std::vector<std::string> many;
  for (const NetworkSite& site : sites)
    if (site.interface.ends_with('*')) {
      many.push_back(site.interface.substr(0, site.interface.size() - 1));
      out.interfaces.all.push_back({site.interface, "veth", {}, 0});
    }
  for (const HostLink& link : state.links) {
    const HostLink* master = link.master != 0 ? state.find(link.master) : nullptr;
    if (link.kind == "veth" && master && !ports) continue;  // one comes and goes with each container
    if (std::any_of(many.begin(), many.end(), [&](const std::string& each) { return link.name.starts_with(each); }))
      continue;
    if (!link.loopback && std::find(uplinks.begin(), uplinks.end(), link.name) == uplinks.end())
      for (const LinkAddress& each : link.addresses)
        if (each.length != 0 && each.length != each.address.bits())
          out.own.push_back(Prefix::of(each.address, each.length));
    out.interfaces.all.push_back({link.name, link.kind, master ? master->name : std::string(), link.group});
  }
  out.interfaces.bridge_calls_v4 = state.bridge_calls_v4;
  out.interfaces.bridge_calls_v6 = state.bridge_calls_v6;
  for (const bool v4 : {true, false}) {
    const std::set<int>& routed = v4 ? state.routed_v4 : state.routed_v6;
    std::vector<std::string>& ways = v4 ? out.uplinks_v4 : out.uplinks_v6;
    for (const std::string& name : uplinks)
      if (const HostLink* link = state.find(name); link && routed.contains(link->index)) ways.push_back(name);
    if (ways.empty()) ways = uplinks;
  }
  return out;
}

}  // namespace berth
