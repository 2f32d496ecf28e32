// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of an overlay: its bridge, the tunnel in it, and what the underlay carries.
#include <algorithm>
#include <vector>

#include "container_watcher/attach/link_checks.h"
#include "container_watcher/attach/overlay/overlay_driver.h"
#include "core/names.h"
#include "core/reserved.h"

namespace berth {
namespace {

constexpr unsigned kUsualMtu = 1500;  // of an Ethernet
constexpr std::uint16_t kPort = 4789;

// Of what a tunnel puts before each frame: Ethernet, VXLAN, UDP, IP (RFC 7348, 5).
unsigned overhead(bool v4) {
  return 14 + 8 + 8 + (v4 ? 20 : 40);
}

const HostLink* our_tunnel(const OverlayLines& lines, const NetworkConfig& config, const HostState& host) {
  const HostLink* link = host.find(lines.tunnel);
  return link && link->kind == "vxlan" && link->alias == mark_of(config.name) ? link : nullptr;
}

// Of the loopback, of one family: what a router calls itself. IPv4 before IPv6.
std::vector<IpAddress> own_addresses(const HostState& host) {
  std::vector<IpAddress> v4, v6;
  for (const HostLink& link : host.links)
    for (const LinkAddress& each : link.addresses)
      if (link.loopback && !is_reserved(each.address)) (each.address.is_v4() ? v4 : v6).push_back(each.address);
  return v4.empty() ? v6 : v4;
}

// As it is, for as long as the host has that address: the other hosts know it by it.
std::optional<IpAddress> vtep_of(const OverlayLines& lines, const HostLink* tunnel, const HostState& host,
                                 Groundwork* out) {
  if (lines.vtep) return lines.vtep;
  if (tunnel && tunnel->local && host.addresses.contains(*tunnel->local)) return tunnel->local;
  const std::vector<IpAddress> own = own_addresses(host);
  if (own.empty()) return {};
  std::string all;
  for (const IpAddress& each : own) all += (all.empty() ? "" : ", ") + each.to_string();
  if (own.size() > 1)
    out->problems.push_back({"vtep-unclear",
                             "the loopback has several addresses (" + all + "), and " + own.front().to_string() +
                                 " is taken for this host's VTEP; one that other hosts have, too, can't be it",
                             "vtep " + own.front().to_string() + ", in berthd.conf, or another one of them", false});
  return own.front();
}

// The least that an uplink carries. Those by which the fabric is reached count, where it is known which these are (`sure`); a link
// without MAC addresses is a tunnel itself, such as a VPN's.
unsigned underlay_mtu(const HostState& host, bool* sure) {
  unsigned routed = 0, any = 0;
  const auto least = [](unsigned* of, unsigned mtu) { *of = *of == 0 ? mtu : std::min(*of, mtu); };
  for (const std::string& name : uplinks_of(host)) {
    const HostLink* link = host.find(name);
    if (link->mac == 0) continue;
    least(&any, link->mtu);
    if (host.routed_v4.contains(link->index) || host.routed_v6.contains(link->index)) least(&routed, link->mtu);
  }
  *sure = routed != 0;
  return routed != 0 ? routed : any != 0 ? any : kUsualMtu;
}

std::string words_of(unsigned carried, const IpAddress& vtep) {
  return "the uplinks carry " + std::to_string(carried + overhead(vtep.is_v4())) +
         " bytes, of which the tunnel takes " + std::to_string(overhead(vtep.is_v4()));
}

void put_tunnel(const OverlayLines& lines, const IpAddress& vtep, LinkSettings settings, const HostState& host,
                Groundwork* out) {
  settings.master = lines.bridge;
  settings.port.learning = false;
  settings.port.neigh_suppress = true;
  const HostLink* link = host.find(lines.tunnel);
  const HostLink* bridge = host.find(lines.bridge);
  const bool same = link && link->vni == lines.vni && link->port_number == kPort && link->local &&
                    link->local->is_v4() == vtep.is_v4();
  if (link && !same && link->alias == *settings.alias) out->missing.emplace_back(DeleteLink{lines.tunnel, link->alias});
  if (!same || !is_as(link, "vxlan", settings) || link->local != vtep || link->learns.value_or(false) || !bridge ||
      link->master != bridge->index || link->port.learning.value_or(true) || !link->port.neigh_suppress.value_or(false))
    out->missing.emplace_back(PutLink{lines.tunnel, VxlanLink{lines.vni, vtep, kPort}, settings});
}

// A container has a port of its bridge, or somebody else does.
bool in_use(const OverlayLines& lines, const HostState& host) {
  const HostLink* bridge = host.find(lines.bridge);
  return bridge && std::ranges::any_of(host.links, [&](const HostLink& each) {
           return each.master == bridge->index && each.name != lines.tunnel && each.name != lines.spare;
         });
}

// What was said, or what the uplinks carry. What is there is lowered to that, and raised while nothing hangs on it: uplinks come and
// go, and containers keep the MTU with which they were made.
unsigned mtu_of(const NetworkConfig& config, const HostLink* tunnel, unsigned carried, bool sure, bool used) {
  if (config.mtu != 0) return config.mtu;
  if (!tunnel) return carried;
  if (!sure) return tunnel->mtu;
  return used ? std::min(tunnel->mtu, carried) : carried;
}

// See NetworkSite::spare: neither end is up, and nothing ever goes by it.
void put_spare(const OverlayLines& lines, LinkSettings settings, const HostState& host, Groundwork* out) {
  settings.master = lines.bridge;
  settings.up = false;
  const HostLink* link = host.find(lines.spare);
  const HostLink* bridge = host.find(lines.bridge);
  if (!link || link->kind != "veth" || link->alias != *settings.alias || !bridge || link->master != bridge->index)
    out->missing.emplace_back(PutLink{lines.spare, VethLink{lines.spare_end}, settings});
  LinkSettings other;
  other.alias = settings.alias;
  const HostLink* end = host.find(lines.spare_end);
  if (!end || end->alias != *other.alias) out->missing.emplace_back(SetLink{lines.spare_end, other});
}

}  // namespace

std::optional<Groundwork> OverlayDriver::groundwork(const NetworkConfig& config, const HostState& host) const {
  const OverlayLines lines(config);
  Groundwork out;
  out.base = lines.bridge;
  const HostLink* tunnel = our_tunnel(lines, config, host);
  const std::optional<IpAddress> vtep = vtep_of(lines, tunnel, host, &out);
  if (!vtep || !host.addresses.contains(*vtep)) {
    // Who is there already is reached by its own address all the same.
    const bool blocks = !host.find(lines.bridge);
    if (vtep)
      out.problems.push_back({"vtep-missing", "this host does not have its VTEP's address " + vtep->to_string(),
                              "ip addr add " + Prefix::host(*vtep).to_string() + " dev lo", blocks});
    else
      out.problems.push_back({"vtep-missing", "the loopback has no address by which the other hosts reach this one",
                              "ip addr add ADDRESS/32 dev lo, with one that the fabric is told of; or vtep ADDRESS, in "
                              "berthd.conf",
                              blocks});
    out.ready = !blocks;
    return out;
  }
  bool sure = false;
  const unsigned underlay = underlay_mtu(host, &sure);
  const unsigned carried = underlay - std::min(underlay, overhead(vtep->is_v4()));
  out.mtu = mtu_of(config, tunnel, carried, sure, in_use(lines, host));
  if (out.mtu > carried && sure)
    out.problems.push_back({"mtu-exceeds",
                            "its MTU is " + std::to_string(out.mtu) + ", and " + words_of(carried, *vtep) +
                                ": what is larger is lost on the way to other hosts",
                            "mtu " + std::to_string(carried) + ", in network " + config.name + " of berthd.conf",
                            false});
  LinkSettings settings = our_link(config);
  settings.mtu = out.mtu;
  LinkSettings bridge = settings;
  bridge.mac = lines.gateway_mac;
  // Every host's has the same link-local address, and is to use it all the same.
  const auto v6 = [](const SubnetConfig& each) { return !each.subnet.is_v4(); };
  if (!host.find(lines.bridge) && std::ranges::any_of(config.subnets, v6)) {
    LinkSettings down = bridge;
    down.up = false;
    out.missing.emplace_back(PutLink{lines.bridge, BridgeLink{false, false}, down});
    out.missing.emplace_back(SetSysctl{link_sysctl(false, lines.bridge, "accept_dad"), "0"});
  }
  ground_of_bridge(config, BridgeLink{false, false}, bridge, host, &out);
  put_tunnel(lines, *vtep, settings, host, &out);
  settings.mtu.reset();
  put_spare(lines, settings, host, &out);
  out.ready = out.missing.empty();
  return out;
}

}  // namespace berth
