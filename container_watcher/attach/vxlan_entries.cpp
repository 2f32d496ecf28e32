// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/vxlan_entries.h"

#include <algorithm>
#include <utility>

#include "core/names.h"

namespace berth {
namespace {

std::string host_of(Mac mac, const VxlanTables& tables, const NameOfHost& names) {
  for (const FdbEntry& each : tables.far_ends)
    if (each.mac == mac && each.far_end) return names(*each.far_end);
  return "another host";
}

// One look at one network.
class Entries {
 public:
  Entries(const NetworkSite& site, const HostState& host, const VxlanTables& tables,
          const std::vector<SegmentEndpoint>& endpoints, const NameOfHost& names)
      : site_(site), host_(host), tables_(tables), names_(names) {
    const HostLink* tunnel = host.find(site.tunnel);
    const HostLink* spare = host.find(site.spare);
    for (const FdbEntry& each : tables.fdb) {
      if (!each.of_bridge) continue;
      if (tunnel && each.port == tunnel->index)
        far_.insert(each.mac);
      else if (!spare || each.port != spare->index)
        near_.emplace(each.mac, &each);
    }
    for (const HostNeighbour& each : tables.neighbours)
      if (!each.proxy) neighbours_.emplace(each.address, &each);
    for (const SegmentEndpoint& each : endpoints) {
      if (!is_here(each)) continue;
      macs_.insert(each.mac);
      addresses_.insert(each.addresses.begin(), each.addresses.end());
    }
  }

  // Not: its port is gone.
  bool is_here(const SegmentEndpoint& endpoint) const { return endpoint.port == 0 || host_.find(endpoint.port); }

  // Which of its addresses zebra has from another host, or the first where it is the MAC address.
  std::optional<IpAddress> elsewhere(const SegmentEndpoint& endpoint) const {
    for (const IpAddress& each : endpoint.addresses)
      if (const auto found = neighbours_.find(each); found != neighbours_.end() && is_far(*found->second)) return each;
    if (!far_.contains(endpoint.mac) || endpoint.addresses.empty()) return {};
    return endpoint.addresses.front();
  }

  Problem told_elsewhere(const SegmentEndpoint& endpoint, const IpAddress& address) const {
    const auto neighbour = neighbours_.find(address);
    const Mac mac =
        neighbour != neighbours_.end() && is_far(*neighbour->second) ? neighbour->second->mac : endpoint.mac;
    const std::string where = host_of(mac, tables_, names_);
    const HostLink* tunnel = host_.find(site_.tunnel);
    const std::string here = tunnel && tunnel->local ? names_(*tunnel->local) : "this host";
    return {"overlay-elsewhere",
            address.to_string() + " of " + endpoint.container + " is on " + where + " and on " + here +
                "; the other hosts of the overlay take the first of them for its place",
            "stop one of the two containers", false};
  }

  void write(const SegmentEndpoint& endpoint, std::vector<Sequence>* out) const {
    const HostLink* port = host_.find(endpoint.port);
    const auto near = near_.find(endpoint.mac);
    if (near == near_.end() || near->second->learnt || near->second->port != port->index)
      out->push_back({PutFdb{port->name, endpoint.mac}});
    // Else each frame of a container would move its MAC address back to here, or any other one that it writes on it.
    if (port->port.learning.value_or(true)) {
      LinkSettings settings;
      settings.port.learning = false;
      out->push_back({SetLink{port->name, settings}});
    }
    for (const IpAddress& each : endpoint.addresses) {
      const auto found = neighbours_.find(each);
      if (found != neighbours_.end() && found->second->protocol == kRouteProtocol && is_gone(found->second->mac))
        out->push_back(farewell(found->second->mac));  // of who had the address before
      if (found == neighbours_.end() || found->second->mac != endpoint.mac || !found->second->permanent)
        out->push_back({PutNeighbour{.link = site_.interface, .address = each, .mac = endpoint.mac}});
    }
  }

  // Of nobody who is here. A MAC address that was learnt from a machine that is gone keeps its neighbours, and zebra with them.
  // `all`: else those of `owned` addresses alone.
  void sweep(bool all, const std::set<IpAddress>& owned, std::vector<Sequence>* out) const {
    for (const auto& [address, each] : neighbours_) {
      if (each->external) {
        if (!is_far(*each) && !addresses_.contains(address))
          out->push_back({DeleteNeighbour{.link = site_.interface, .address = address}});
        continue;
      }
      if (addresses_.contains(address) || (!all && !owned.contains(address))) continue;
      const auto near = near_.find(each->mac);
      if (each->protocol != kRouteProtocol) {
        if (!each->permanent && is_one_machine(each->mac) && is_gone(each->mac))
          out->push_back({DeleteNeighbour{.link = site_.interface, .address = address}});
      } else if (macs_.contains(each->mac) || far_.contains(each->mac)) {
        out->push_back({DeleteNeighbour{.link = site_.interface, .address = address}});
      } else if (near == near_.end()) {
        // The neighbour is last: as long as it is there, the rest is still to be done.
        Sequence gone = farewell(each->mac);
        gone.emplace_back(DeleteNeighbour{.link = site_.interface, .address = address});
        out->push_back(std::move(gone));
      } else if (const HostLink* port = host_.find(near->second->port); port && !near->second->learnt) {
        out->push_back({DeleteFdb{port->name, each->mac}});  // the rest when that is done
      }
    }
    // zebra leaves the tunnel's own entry of a machine that has moved here.
    for (const FdbEntry& each : tables_.far_ends)
      if (each.external && each.mac != 0 && each.far_end && !far_.contains(each.mac))
        out->push_back({DeleteFdb{site_.tunnel, each.mac, each.far_end}});
  }

 private:
  // zebra has a machine's MAC address before its IP address, and keeps it longer. Where only the latter is left, the machine was
  // here and there, and zebra (10.3) has lost sight of it.
  bool is_far(const HostNeighbour& neighbour) const { return neighbour.external && far_.contains(neighbour.mac); }
  bool is_gone(Mac mac) const { return !macs_.contains(mac) && !near_.contains(mac) && !far_.contains(mac); }

  // zebra (10.3) that hears of a port's end before it hears that the MAC address is gone from it keeps the address for ever, and
  // tells the fabric of it: so it goes once more, from a port that stays.
  Sequence farewell(Mac mac) const { return {PutFdb{site_.spare, mac}, DeleteFdb{site_.spare, mac}}; }

  const NetworkSite& site_;
  const HostState& host_;
  const VxlanTables& tables_;
  const NameOfHost& names_;
  std::set<Mac> far_;                                     // that zebra has from other hosts
  std::map<Mac, const FdbEntry*> near_;                   // behind ports of this host
  std::map<IpAddress, const HostNeighbour*> neighbours_;  // of the bridge
  std::set<Mac> macs_;                                    // of containers that are here
  std::set<IpAddress> addresses_;
};

// What is larger than the tunnel carries goes nowhere, and nobody is told so.
std::optional<Problem> too_large(const SegmentEndpoint& endpoint, const HostLink& tunnel) {
  const InnerEnd& inner = endpoint.inner;
  if (inner.mtu <= tunnel.mtu) return {};
  return Problem{
      "mtu-exceeds",
      endpoint.container + "'s " + inner.name.str() + " has an MTU of " + std::to_string(inner.mtu) +
          ", and the overlay carries " + std::to_string(tunnel.mtu) + " bytes: what is larger is lost",
      "nsenter --net=" + inner.netns.str() + " ip link set " + inner.name.str() + " mtu " + std::to_string(tunnel.mtu),
      false};
}

constexpr const char* kRefused = "entries-refused";

// The link in whose tables this is put; empty: nothing is.
std::string written_on(const Operation& operation) {
  if (const auto* fdb = std::get_if<PutFdb>(&operation)) return fdb->link;
  if (const auto* neighbour = std::get_if<PutNeighbour>(&operation)) return neighbour->link;
  return {};
}

}  // namespace

EntriesPlan plan_entries(const NetworkSite& site, const HostState& host, const VxlanTables& tables,
                         const std::vector<SegmentEndpoint>& endpoints, bool sweep, const NameOfHost& names,
                         EntriesMemory* memory) {
  EntriesPlan out;
  const Entries entries(site, host, tables, endpoints, names);
  const HostLink* bridge = host.find(site.interface);
  const HostLink* tunnel = host.find(site.tunnel);
  for (const SegmentEndpoint& each : endpoints) {
    const HostLink* port = each.port == 0 ? nullptr : host.find(each.port);
    if (!port || !bridge || port->master != bridge->index || each.mac == 0) continue;
    memory->owned.insert(each.addresses.begin(), each.addresses.end());
    const auto elsewhere = entries.elsewhere(each);
    const bool fresh = memory->claimed.insert(each.key).second;  // only its start is a reason to take an address over
    if (elsewhere && (!fresh || !each.started_here)) {
      out.problems.emplace(each.key, entries.told_elsewhere(each, *elsewhere));
      continue;
    }
    entries.write(each, &out.writes);
    if (auto problem = tunnel ? too_large(each, *tunnel) : std::nullopt)
      out.problems.emplace(each.key, std::move(*problem));
  }
  entries.sweep(sweep, memory->owned, &out.writes);
  std::erase_if(memory->owned, [&](const IpAddress& each) {  // what is left of it is done with
    return std::ranges::none_of(tables.neighbours, [&](const auto& one) { return one.address == each; }) &&
           std::ranges::none_of(endpoints,
                                [&](const auto& one) { return std::ranges::count(one.addresses, each) > 0; });
  });
  return out;
}

std::vector<Sequence> plan_leftovers(const HostState& host, const std::set<std::string>& segments,
                                     const std::map<int, std::vector<HostNeighbour>>& neighbours) {
  std::vector<Sequence> out;
  for (const HostLink& each : host.links) {
    if (each.kind != "vxlan" || !each.alias.starts_with(kMark) || segments.contains(each.alias.substr(kMark.size())))
      continue;
    const HostLink* bridge = host.find(each.master);
    if (const auto of = neighbours.find(each.master); bridge && of != neighbours.end())
      for (const HostNeighbour& one : of->second)
        if (!one.proxy && one.protocol == kRouteProtocol)
          out.push_back({DeleteNeighbour{.link = bridge->name, .address = one.address}});
    for (const HostLink& port : host.links)  // with what else it has of ours and no network any more
      if (port.alias == each.alias && port.master == each.master && port.index != each.index && port.kind == "veth" &&
          !port.up)
        out.push_back({DeleteLink{port.name, port.alias}});
    out.push_back({DeleteLink{each.name, each.alias}});
  }
  return out;
}

std::optional<Problem> foreign_in_range(const NetworkSite& site, const VxlanTables& tables, const NameOfHost& names) {
  const auto hands_out = [&](const IpAddress& address) {
    return std::ranges::find_if(site.range, [&](const Prefix& each) { return each.contains(address); });
  };
  std::map<std::string, Prefix> hosts;  // whose each is does not change the words, which would be told again
  for (const HostNeighbour& each : tables.neighbours)
    if (const auto range = hands_out(each.address); each.external && range != site.range.end())
      hosts.emplace(host_of(each.mac, tables, names), *range);
  if (hosts.empty()) return {};
  const auto& [host, range] = *hosts.begin();
  return Problem{
      "overlay-range",
      host + " has addresses of " + range.to_string() + ", which this host hands out: one may be handed out twice",
      "another ip-range on each host, in network " + site.name +
          " of berthd.conf; who is to move from host to host gets an address outside of them (docker run --ip)",
      false};
}

HostOverlay overlay_of(const NetworkSite& site, const HostState& host, const VxlanTables& tables,
                       const std::vector<SegmentEndpoint>& endpoints) {
  HostOverlay out;
  const HostLink* tunnel = host.find(site.tunnel);
  if (!tunnel) return out;
  out.vni = tunnel->vni.value_or(0);
  out.vtep = tunnel->local;
  out.mtu = tunnel->mtu;
  std::map<Mac, HostOverlay::Machine> machines;
  for (const FdbEntry& each : tables.far_ends) {
    if (!each.far_end) continue;
    if (each.mac == 0)
      out.far_vteps.push_back(*each.far_end);
    else
      machines[each.mac].vtep = each.far_end;
  }
  for (const SegmentEndpoint& each : endpoints)
    if (const auto far = machines.find(each.mac); each.port != 0 && (far == machines.end() || !far->second.vtep))
      machines[each.mac].container = each.container;
  for (const HostNeighbour& each : tables.neighbours)
    if (const auto of = machines.find(each.mac); of != machines.end() && !each.proxy)
      of->second.addresses.push_back(each.address);
  std::ranges::sort(out.far_vteps);
  for (auto& [mac, machine] : machines) {
    machine.mac = mac;
    std::ranges::sort(machine.addresses);
    out.machines.push_back(std::move(machine));
  }
  return out;
}

void VxlanEntries::leave(const std::set<std::string>& segments, const HostState& host, std::vector<Sequence>* out) {
  std::map<int, std::vector<HostNeighbour>> neighbours;
  for (const HostLink& each : host.links)
    if (const HostLink* bridge = host.find(each.master); bridge && each.kind == "vxlan" &&
                                                         each.alias.starts_with(kMark) &&
                                                         !segments.contains(each.alias.substr(kMark.size())))
      if (auto all = observer_.neighbours(bridge->name, {})) neighbours.emplace(each.master, std::move(*all));
  for (Sequence& each : plan_leftovers(host, segments, neighbours)) out->push_back(std::move(each));
}

VxlanEntries::Outcome VxlanEntries::look(const std::vector<const NetworkSite*>& sites,
                                         const std::set<std::string>& segments, const HostState& host,
                                         const PortBook& book, bool sweep) {
  Outcome out;
  std::vector<Sequence> writes;
  const NameOfHost names = [this](const IpAddress& vtep) { return names_.told(vtep); };
  std::map<std::string, std::string> network_of;  // by bridge, or by a port of it
  for (const NetworkSite* site : sites) {
    const std::vector<SegmentEndpoint> endpoints = book.on_segment(site->name);
    const HostLink *bridge = host.find(site->interface), *tunnel = host.find(site->tunnel);
    if (!bridge || !tunnel || tunnel->master != bridge->index) continue;  // it is being made, or is another's
    auto neighbours = observer_.neighbours(site->interface, {});
    // In this order: zebra has a machine of another host in the bridge's table before it has it in the tunnel's.
    auto far_ends = observer_.fdb(site->tunnel, {});
    auto fdb = observer_.fdb(site->interface, {});
    if (!neighbours || !fdb || !far_ends) {
      out.again = true;
      continue;
    }
    const VxlanTables tables{std::move(*neighbours), std::move(*fdb), std::move(*far_ends)};
    HostOverlay& overlay = out.overlays.emplace(site->name, overlay_of(*site, host, tables, endpoints)).first->second;
    for (const IpAddress& each : overlay.far_vteps) overlay.names[each] = names_.of(each);
    EntriesPlan plan = plan_entries(*site, host, tables, endpoints, sweep, names, &memory_[site->name]);
    if (auto problem = foreign_in_range(*site, tables, names)) out.networks[site->name].push_back(std::move(*problem));
    for (Sequence& each : plan.writes) {
      const std::string link = written_on(each.front());
      if (!link.empty()) ++out.written;
      network_of.emplace(link, site->name);
      writes.push_back(std::move(each));
    }
    out.problems.merge(plan.problems);
  }
  for (auto& [name, memory] : memory_)
    std::erase_if(memory.claimed, [&](const EndpointKey& each) { return !book.knows(each); });
  std::erase_if(memory_, [&](const auto& each) { return !segments.contains(each.first); });
  if (sweep) leave(segments, host, &writes);
  for (const Undone& each : repair_.apply(writes).undone) {
    const std::string link = written_on(each.operation);
    const auto network = network_of.find(link);
    if (link.empty() || network == network_of.end() || each.error.kind == ErrorKind::Stale)
      continue;  // it takes something away, or the link went meanwhile
    std::vector<Problem>& told = out.networks[network->second];
    if (std::ranges::any_of(told, [](const Problem& one) { return one.code == kRefused; }))
      continue;  // one stands for all
    const auto* neighbour = std::get_if<PutNeighbour>(&each.operation);
    const std::string what =
        neighbour ? neighbour->address.to_string() : mac_text(std::get<PutFdb>(each.operation).mac);
    told.push_back({kRefused,
                    each.too_often
                        ? "something takes " + what + " out of the tables of " + link +
                              " again and again; berthd goes on writing it, slower"
                        : "berthd can't write " + what + " into the tables of " + link + ": " + each.error.message,
                    !each.too_often ? "run berthd with CAP_NET_ADMIN"
                    : neighbour     ? "find who does, with ip monitor neigh"
                                    : "find who does, with bridge monitor fdb",
                    false});
  }
  return out;
}

}  // namespace berth
