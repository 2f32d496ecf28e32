// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/surroundings.h"

#include <algorithm>

namespace berth {

firewall::Surroundings surroundings_of(const HostState& state, const std::vector<Prefix>& fabric,
                                       const std::vector<std::string>& uplinks, bool ports) {
  firewall::Surroundings out;
  out.fabric = fabric;
  out.host_addresses = state.addresses;
  for (const HostLink& link : state.links) {
    const HostLink* master = link.master != 0 ? state.find(link.master) : nullptr;
    if (link.kind == "veth" && master && !ports) continue;  // one comes and goes with each container
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
