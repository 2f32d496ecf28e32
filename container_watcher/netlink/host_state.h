// SPDX-License-Identifier: GPL-2.0-or-later
//
// The links of a network namespace, their addresses and how they forward, as the kernel had them at one moment. Pure
// values; any thread. Read by netlink/observer.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip.h"

namespace berth {

using Mac = std::uint64_t;             // in the lower 48 bits; 0: none
Mac parse_mac(std::string_view text);  // "02:42:0a:…"; 0: it is none
std::string mac_text(Mac mac);
inline bool is_multicast(Mac mac) {  // of many machines, or of all (IEEE 802: the I/G bit)
  return (mac >> 40 & 1) != 0;
}
inline bool is_one_machine(Mac mac) {
  return mac != 0 && !is_multicast(mac);
}

// net.ipv4.conf.LINK.* or net.ipv6.conf.LINK.*; nothing where the kernel does not say.
struct LinkSysctls {
  std::optional<int> forwarding;
  std::optional<int> rp_filter;  // IPv4 alone
  bool operator==(const LinkSysctls&) const = default;
};

struct LinkAddress {
  IpAddress address;
  unsigned length = 0;  // of its prefix
  bool failed = false;  // duplicate address detection found another of it: it is not in use
  bool operator==(const LinkAddress&) const = default;
};

// Whom the containers of one parent can talk to without leaving the host (linux/if_link.h, MACVLAN_MODE_*).
enum class MacvlanMode { Private, Vepa, Bridge, Passthru };

// What a bridge does at one of its ports; nothing: not said, or not read.
struct PortSettings {
  std::optional<bool> isolated;        // nothing passes to other isolated ports
  std::optional<bool> hairpin;         // what came in by it may go out by it
  std::optional<bool> learning;        // of MAC addresses
  std::optional<bool> neigh_suppress;  // the bridge answers ARP and ND for what it knows
  auto operator<=>(const PortSettings&) const = default;
};

struct HostLink {
  int index = 0;
  int master = 0;
  unsigned group = 0;  // ip link set LINK group N
  std::string name;
  std::string kind;   // "veth", "bridge"; empty: a real device
  std::string alias;  // ifalias: our mark on a link of ours
  unsigned mtu = 0;
  Mac mac = 0;
  bool up = false;
  bool carrier = false;
  bool oper_up = true;  // IF_OPER_UP of RFC 2863: its queue sends, which is a moment later than its carrier
  bool loopback = false;
  bool forwards = true;           // of a bridge's port: it is in the state "forwarding"
  PortSettings port;              // of a bridge's port
  int peer = 0;                   // a veth's other end, or the parent of a macvlan, in the namespace `peer_netns`
  std::optional<int> peer_netns;  // the number that this namespace has for it; nothing: this one
  std::optional<MacvlanMode> macvlan_mode;
  std::optional<std::uint32_t> vni;                        // of a vxlan
  std::optional<IpAddress> local;                          // of a vxlan: its address in the underlay
  std::uint16_t port_number = 0;                           // of a vxlan: UDP
  std::optional<bool> learns;                              // of a vxlan: far ends, from traffic
  std::optional<bool> vlan_filtering, multicast_snooping;  // of a bridge
  LinkSysctls v4, v6;
  std::vector<LinkAddress> addresses;
  bool operator==(const HostLink&) const = default;
};

// The entries of a link by which the host answers ARP and ND for addresses that it is not itself.
struct LinkProxies {
  std::set<IpAddress> ours;  // those that berth put there
  // net.ipv4.neigh.LINK.proxy_delay (jiffies), net.ipv6.neigh.LINK.proxy_delay, net.ipv6.conf.LINK.proxy_ndp; nothing where the
  // kernel does not say.
  std::optional<int> delay_v4, delay_v6, ndp;
  bool operator==(const LinkProxies&) const = default;
};

// Which addresses are elsewhere, and for which of them the host answers.
struct HostProxies {
  std::map<IpAddress, std::set<int>> routes;  // host routes of the main table: indices of the links that they leave by
  std::map<int, LinkProxies> links;           // by index: those with entries of ours, and those that were asked for
  bool operator==(const HostProxies&) const = default;
};

struct HostState {
  std::vector<HostLink> links;    // by index
  std::set<IpAddress> addresses;  // of all links
  LinkSysctls all_v4, all_v6;     // net.ipv4.conf.all.*: its forwarding is net.ipv4.ip_forward
  // Indices of links by which a route through a router leads to the fabric, of the routes that were looked at.
  std::set<int> routed_v4, routed_v6;
  bool bridge_calls_v4 = false, bridge_calls_v6 = false;  // net.bridge.bridge-nf-call-iptables, -ip6tables
  std::optional<HostProxies> proxies;                     // nothing: they were not read
  std::optional<int> home;  // of another namespace: the number that it has for berthd's own, where a link leads there
  bool operator==(const HostState&) const = default;
  const HostLink* find(const std::string& name) const;
  const HostLink* find(int index) const;
  // What the kernel does: the stricter of the link's own and the one for all. 1: strict, 2: loose.
  int rp_filter(const HostLink& link) const;
};

// An entry of a routing table, in the form in which berth writes them: one next hop.
struct HostRoute {
  Prefix to;
  std::uint32_t table = 0;
  int protocol = 0;     // RTPROT_*: who wrote it
  unsigned metric = 0;  // where nothing is said the kernel makes 1024 of it in IPv6
  int link = 0;         // index
  std::optional<IpAddress> via;
  bool onlink = false;
  bool operator==(const HostRoute&) const = default;
};

// An entry of the tables of ARP and ND. One that is a proxy's says that the host answers for that address.
struct HostNeighbour {
  IpAddress address;
  Mac mac = 0;
  bool permanent = false;
  bool proxy = false;
  bool external = false;  // a routing protocol's word (NTF_EXT_LEARNED): the kernel does not age it
  int protocol = 0;       // who wrote it, where that was said
  bool operator==(const HostNeighbour&) const = default;
};

// Behind which port of a bridge, or at which far end of a tunnel, a MAC address is.
struct FdbEntry {
  Mac mac = 0;
  std::optional<IpAddress> far_end;  // of a vxlan
  bool learnt = false;               // from traffic; it goes by itself
  bool of_bridge = false;            // in the table of the link's bridge, and not in the link's own
  bool external = false;             // a routing protocol's word
  int port = 0;                      // index of the link that it names
  bool operator==(const FdbEntry&) const = default;
};

// Interfaces that lead out of the host: up, addressed (a link-local address does: BGP unnumbered), no port of a bridge,
// no bridge that has only containers and tunnels as ports, no link of ours.
std::vector<std::string> uplinks_of(const HostState& state);

}  // namespace berth
