// SPDX-License-Identifier: GPL-2.0-or-later
//
// The state of a network namespace, as the kernel has it now.
#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

#include "container_watcher/netlink/netlink.h"
#include "container_watcher/netlink/netns.h"
#include "container_watcher/netlink/observer.h"

namespace berth {
namespace {

constexpr int kOperUp = 6;                 // IF_OPER_UP, which <net/if.h> does not have
constexpr int kTries = 3;                  // a dump that the kernel's own changes broke is read again
constexpr std::size_t kMostRoutes = 8192;  // of one family, at each look

std::optional<MacvlanMode> mode_of(std::uint32_t bits) {
  switch (bits) {
    case MACVLAN_MODE_PRIVATE: return MacvlanMode::Private;
    case MACVLAN_MODE_VEPA: return MacvlanMode::Vepa;
    case MACVLAN_MODE_BRIDGE: return MacvlanMode::Bridge;
    case MACVLAN_MODE_PASSTHRU: return MacvlanMode::Passthru;
    default: return std::nullopt;
  }
}

std::optional<bool> flag_in(nlattr* attribute) {
  return attribute ? std::optional<bool>(nla_get_u8(attribute) != 0) : std::nullopt;
}

// What only links of one kind have.
void data_of(nlattr* data, HostLink* link) {
  if (link->kind == "macvlan") {
    const auto parts = nested<IFLA_MACVLAN_MAX + 1>(data);
    if (parts[IFLA_MACVLAN_MODE]) link->macvlan_mode = mode_of(nla_get_u32(parts[IFLA_MACVLAN_MODE]));
  } else if (link->kind == "vxlan") {
    const auto parts = nested<IFLA_VXLAN_MAX + 1>(data);
    if (parts[IFLA_VXLAN_ID]) link->vni = nla_get_u32(parts[IFLA_VXLAN_ID]);
    link->local = address_in(parts[IFLA_VXLAN_LOCAL] ? parts[IFLA_VXLAN_LOCAL] : parts[IFLA_VXLAN_LOCAL6]);
    if (parts[IFLA_VXLAN_PORT]) link->port_number = ntohs(nla_get_u16(parts[IFLA_VXLAN_PORT]));
    link->learns = flag_in(parts[IFLA_VXLAN_LEARNING]);
  } else if (link->kind == "bridge") {
    const auto parts = nested<IFLA_BR_MAX + 1>(data);
    link->vlan_filtering = flag_in(parts[IFLA_BR_VLAN_FILTERING]);
    link->multicast_snooping = flag_in(parts[IFLA_BR_MCAST_SNOOPING]);
  }
}

void kind_of(nlattr* info, HostLink* link) {
  const auto parts = nested<IFLA_INFO_MAX + 1>(info);
  if (parts[IFLA_INFO_KIND]) link->kind = nla_get_string(parts[IFLA_INFO_KIND]);
  data_of(parts[IFLA_INFO_DATA], link);
  if (!parts[IFLA_INFO_SLAVE_KIND] || std::string(nla_get_string(parts[IFLA_INFO_SLAVE_KIND])) != "bridge") return;
  const auto port = nested<IFLA_BRPORT_MAX + 1>(parts[IFLA_INFO_SLAVE_DATA]);
  if (port[IFLA_BRPORT_STATE]) link->forwards = nla_get_u8(port[IFLA_BRPORT_STATE]) == BR_STATE_FORWARDING;
  link->port = {flag_in(port[IFLA_BRPORT_ISOLATED]), flag_in(port[IFLA_BRPORT_MODE]),
                flag_in(port[IFLA_BRPORT_LEARNING]), flag_in(port[IFLA_BRPORT_NEIGH_SUPPRESS])};
}

// The links are in the order of their indices.
HostLink* link_of(HostState* state, int index) {
  return const_cast<HostLink*>(std::as_const(*state).find(index));
}

using Addresses = std::multimap<int, LinkAddress>;  // by the index of the link

Status read_addresses(Netlink& netlink, Addresses* out) {
  const ifaddrmsg any{};
  const auto request = Netlink::message(RTM_GETADDR, &any, sizeof any, 0);
  return netlink.dump(request.get(), [&](nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWADDR) return;
    const auto* head = static_cast<const ifaddrmsg*>(nlmsg_data(message));
    const auto parts = attributes<IFA_MAX + 1>(message, sizeof *head);
    nlattr* local = parts[IFA_LOCAL] ? parts[IFA_LOCAL] : parts[IFA_ADDRESS];
    if (!local) return;
    const auto address = address_in(local);
    if (!address) return;
    const std::uint32_t flags = parts[IFA_FLAGS] ? nla_get_u32(parts[IFA_FLAGS]) : head->ifa_flags;
    out->emplace(static_cast<int>(head->ifa_index),
                 LinkAddress{*address, head->ifa_prefixlen, (flags & IFA_F_DADFAILED) != 0});
  });
}

Status read_sysctls(Netlink& netlink, bool v4, HostState* out) {
  netconfmsg any{};
  any.ncm_family = v4 ? AF_INET : AF_INET6;
  const auto request = Netlink::message(RTM_GETNETCONF, &any, sizeof any, 0);
  return netlink.dump(request.get(), [&](nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWNETCONF) return;
    const auto parts = attributes<NETCONFA_MAX + 1>(message, sizeof any);
    if (!parts[NETCONFA_IFINDEX]) return;
    const int index = nla_get_s32(parts[NETCONFA_IFINDEX]);
    LinkSysctls found;
    if (parts[NETCONFA_FORWARDING]) found.forwarding = nla_get_s32(parts[NETCONFA_FORWARDING]);
    if (parts[NETCONFA_RP_FILTER]) found.rp_filter = nla_get_s32(parts[NETCONFA_RP_FILTER]);
    if (index == NETCONFA_IFINDEX_ALL)
      (v4 ? out->all_v4 : out->all_v6) = found;
    else if (HostLink* link = link_of(out, index))
      (v4 ? link->v4 : link->v6) = found;
  });
}

// Links by which a route through a router leads to one of `fabric` or to a part of it; no prefix of the family: to anything.
// The main table, the first some thousands of its routes: a host with a full table must not pay for all of it at each
// look, and its routes repeat the same few links. What can't be read is as absent.
std::set<int> routed_links(const Netns& where, bool v4, const std::vector<Prefix>& fabric) {
  std::set<int> out;
  const auto of_family = [&](const Prefix& each) { return each.is_v4() == v4; };
  const bool any = std::none_of(fabric.begin(), fabric.end(), of_family);
  auto netlink = Netlink::open(where);
  if (!netlink) return out;
  rtmsg main{};
  main.rtm_family = v4 ? AF_INET : AF_INET6;
  main.rtm_table = RT_TABLE_MAIN;
  const auto request = Netlink::message(RTM_GETROUTE, &main, sizeof main, 0);
  std::size_t seen = 0;
  static_cast<void>(netlink->dump_while(request.get(), [&](nlmsghdr* message) {
    const auto* head = static_cast<const rtmsg*>(nlmsg_data(message));
    if (message->nlmsg_type != RTM_NEWROUTE || head->rtm_type != RTN_UNICAST || (head->rtm_flags & RTM_F_CLONED) != 0 ||
        head->rtm_table != RT_TABLE_MAIN)
      return ++seen < kMostRoutes;
    auto to = IpAddress::parse(v4 ? "0.0.0.0" : "::");
    if (nlattr* said = nlmsg_find_attr(message, sizeof *head, RTA_DST)) to = address_in(said);
    if (!to || head->rtm_dst_len > to->bits()) return ++seen < kMostRoutes;
    const Prefix prefix = Prefix::of(*to, head->rtm_dst_len);
    const auto leads_there = [&](const Prefix& each) { return of_family(each) && each.overlaps(prefix); };
    if (any || std::any_of(fabric.begin(), fabric.end(), leads_there))
      for (const NextHop& hop : next_hops_in(message))
        if (hop.by_router) out.insert(hop.link);
    return ++seen < kMostRoutes;
  }));
  return out;
}

// Of this thread's network namespace; not there without br_netfilter.
bool bridge_calls(const std::string& name) {
  int value = 0;
  std::ifstream("/proc/sys/net/bridge/" + name) >> value;
  return value == 1;
}

Result<HostState> read_once(Netlink& netlink) {
  HostState out;
  // Before the links: what is marked first and then gets its addresses is not seen with them and without its mark.
  Addresses addresses;
  if (const Status read = read_addresses(netlink, &addresses); !read)
    return transient("addresses can't be read: " + read.error().message);
  auto links = all_links(netlink);
  if (!links) return transient("links can't be read: " + links.error().message);
  out.links = *std::move(links);
  std::sort(out.links.begin(), out.links.end(), [](const HostLink& a, const HostLink& b) { return a.index < b.index; });
  for (const auto& [index, each] : addresses) {
    out.addresses.insert(each.address);
    if (HostLink* link = link_of(&out, index)) link->addresses.push_back(each);
  }
  static_cast<void>(read_sysctls(netlink, true, &out));  // not known is not off
  static_cast<void>(read_sysctls(netlink, false, &out));
  return out;
}

}  // namespace

Result<std::vector<HostLink>> all_links(Netlink& netlink) {
  const ifinfomsg any{};
  const auto request = Netlink::message(RTM_GETLINK, &any, sizeof any, 0);
  if (request) nla_put_u32(request.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  std::vector<HostLink> out;
  const Status read = netlink.dump(request.get(), [&](nlmsghdr* message) {
    if (auto link = link_in(message)) out.push_back(std::move(*link));
  });
  if (!read) return read.error();
  return out;
}

std::optional<HostLink> link_in(nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWLINK) return std::nullopt;
  const auto* head = static_cast<const ifinfomsg*>(nlmsg_data(message));
  const auto parts = attributes<IFLA_MAX + 1>(message, sizeof *head);
  if (!parts[IFLA_IFNAME]) return std::nullopt;
  HostLink link;
  link.index = head->ifi_index;
  link.name = nla_get_string(parts[IFLA_IFNAME]);
  link.up = (head->ifi_flags & IFF_UP) != 0;
  link.carrier = (head->ifi_flags & 1U << 16) != 0;  // IFF_LOWER_UP, which <net/if.h> does not have
  link.loopback = (head->ifi_flags & IFF_LOOPBACK) != 0;
  if (parts[IFLA_OPERSTATE]) link.oper_up = nla_get_u8(parts[IFLA_OPERSTATE]) == kOperUp;
  if (parts[IFLA_IFALIAS]) link.alias = nla_get_string(parts[IFLA_IFALIAS]);
  if (parts[IFLA_MTU]) link.mtu = nla_get_u32(parts[IFLA_MTU]);
  link.mac = mac_in(parts[IFLA_ADDRESS]);
  if (parts[IFLA_MASTER]) link.master = static_cast<int>(nla_get_u32(parts[IFLA_MASTER]));
  if (parts[IFLA_GROUP]) link.group = nla_get_u32(parts[IFLA_GROUP]);
  if (parts[IFLA_LINK]) link.peer = static_cast<int>(nla_get_u32(parts[IFLA_LINK]));
  if (parts[IFLA_LINK_NETNSID]) link.peer_netns = nla_get_s32(parts[IFLA_LINK_NETNSID]);
  kind_of(parts[IFLA_LINKINFO], &link);
  return link;
}

Result<HostState> KernelObserver::state(const std::vector<Prefix>& fabric, const Netns& where) {
  Result<HostState> out = transient("");
  for (int i = 0; i < kTries && !out; ++i) {
    auto netlink = Netlink::open(where);
    if (!netlink) return netlink.error();
    out = read_once(*netlink);
    if (!out || where.own()) continue;
    const auto own = open_netns({});
    if (!own) return own.error();
    out->home = netns_number(*netlink, *own);
  }
  if (!out) return out;
  out->routed_v4 = routed_links(where, true, fabric);
  out->routed_v6 = routed_links(where, false, fabric);
  if (where.own()) {
    out->bridge_calls_v4 = bridge_calls("bridge-nf-call-iptables");
    out->bridge_calls_v6 = bridge_calls("bridge-nf-call-ip6tables");
  }
  return out;
}

Result<std::vector<HostLink>> KernelObserver::links(const Netns& where) {
  auto netlink = Netlink::open(where);
  if (!netlink) return netlink.error();
  return all_links(*netlink);
}

}  // namespace berth
