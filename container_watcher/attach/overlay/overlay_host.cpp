// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of an overlay: its bridge, the tunnel in it, and what the underlay carries.
#include <algorithm>

#include "container_watcher/attach/link_checks.h"
#include "container_watcher/attach/overlay/overlay_driver.h"
#include "core/reserved.h"

namespace berth {
namespace {

constexpr unsigned kUsualMtu = 1500;  // of an Ethernet
constexpr std::uint16_t kPort = 4789;

// Of what a tunnel puts before each frame: Ethernet, VXLAN, UDP, IP (RFC 7348, 5).
unsigned overhead(bool v4) {
  return 14 + 8 + 8 + (v4 ? 20 : 40);
}

// Of the loopback: what a router calls itself.
std::optional<IpAddress> own_address(const HostState& host) {
  std::optional<IpAddress> out;
  for (const HostLink& link : host.links) {
    if (!link.loopback) continue;
    for (const LinkAddress& each : link.addresses) {
      if (is_reserved(each.address) || (out && (out->is_v4() || !each.address.is_v4()))) continue;
      out = each.address;
    }
  }
  return out;
}

// The least that an uplink carries. Those by which the fabric is reached count, where it is known which these are; a link without
// MAC addresses is a tunnel itself, such as a VPN's.
unsigned underlay_mtu(const HostState& host) {
  unsigned routed = 0, any = 0;
  const auto least = [](unsigned* of, unsigned mtu) { *of = *of == 0 ? mtu : std::min(*of, mtu); };
  for (const std::string& name : uplinks_of(host)) {
    const HostLink* link = host.find(name);
    if (link->mac == 0) continue;
    least(&any, link->mtu);
    if (host.routed_v4.contains(link->index) || host.routed_v6.contains(link->index)) least(&routed, link->mtu);
  }
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

// See NetworkSite::spare: neither end is up, and nothing ever goes by it.
void put_spare(const OverlayLines& lines, LinkSettings settings, const HostState& host, Groundwork* out) {
  settings.master = lines.bridge;
  settings.up = false;
  const HostLink* link = host.find(lines.spare);
  const HostLink* bridge = host.find(lines.bridge);
  if (!link || link->kind != "veth" || link->alias != *settings.alias || !bridge || link->master != bridge->index)
    out->missing.emplace_back(PutLink{lines.spare, VethLink{lines.spare_end}, settings});
}

}  // namespace

std::optional<Groundwork> OverlayDriver::groundwork(const NetworkConfig& config, const HostState& host) const {
  const OverlayLines lines(config);
  Groundwork out;
  out.base = lines.bridge;
  const std::optional<IpAddress> vtep = lines.vtep ? lines.vtep : own_address(host);
  if (!vtep) {
    out.problems.push_back({"vtep-missing", "the loopback has no address by which the other hosts reach this one",
                            "ip addr add ADDRESS/32 dev lo, with one that the fabric is told of; or vtep ADDRESS, in "
                            "berthd.conf"});
    return out;
  }
  if (!host.addresses.contains(*vtep)) {
    out.problems.push_back({"vtep-missing", "this host does not have its VTEP's address " + vtep->to_string(),
                            "ip addr add " + Prefix::host(*vtep).to_string() + " dev lo"});
    return out;
  }
  const unsigned carried = underlay_mtu(host) - std::min(underlay_mtu(host), overhead(vtep->is_v4()));
  out.mtu = config.mtu != 0 ? config.mtu : carried;
  if (out.mtu > carried)
    out.problems.push_back({"mtu-exceeds",
                            "its MTU is " + std::to_string(out.mtu) + ", and " + words_of(carried, *vtep) +
                                ": what is larger is lost on the way to other hosts",
                            "mtu " + std::to_string(carried) + ", in network " + config.name + " of berthd.conf",
                            false});
  LinkSettings settings = our_link(config);
  settings.mtu = out.mtu;
  LinkSettings bridge = settings;
  bridge.mac = lines.gateway_mac;
  ground_of_bridge(config, BridgeLink{false, false}, bridge, host, &out);
  put_tunnel(lines, *vtep, settings, host, &out);
  settings.mtu.reset();
  put_spare(lines, settings, host, &out);
  out.ready = out.missing.empty();
  return out;
}

}  // namespace berth
