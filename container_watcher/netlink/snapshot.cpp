// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/snapshot.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <array>
#include <utility>

#include "container_watcher/netlink/netlink.h"

namespace berth {
namespace {

constexpr int kTries = 3;  // a dump that the kernel's own changes broke is read again

template <std::size_t N>
using Attributes = std::array<nlattr*, N>;

// Attributes that can't be parsed are as absent.
template <std::size_t N>
Attributes<N> attributes(nlmsghdr* message, std::size_t head) {
  Attributes<N> out{};
  if (nlmsg_parse(message, static_cast<int>(head), out.data(), N - 1, nullptr) != 0) out.fill(nullptr);
  return out;
}
template <std::size_t N>
Attributes<N> nested(nlattr* attribute) {
  Attributes<N> out{};
  if (!attribute || nla_parse_nested(out.data(), N - 1, attribute, nullptr) != 0) out.fill(nullptr);
  return out;
}

void kind_of(nlattr* info, HostLink* link) {
  const auto parts = nested<IFLA_INFO_MAX + 1>(info);
  if (parts[IFLA_INFO_KIND]) link->kind = nla_get_string(parts[IFLA_INFO_KIND]);
  if (!parts[IFLA_INFO_SLAVE_KIND] || std::string(nla_get_string(parts[IFLA_INFO_SLAVE_KIND])) != "bridge") return;
  const auto port = nested<IFLA_BRPORT_MAX + 1>(parts[IFLA_INFO_SLAVE_DATA]);
  if (port[IFLA_BRPORT_STATE]) link->forwards = nla_get_u8(port[IFLA_BRPORT_STATE]) == BR_STATE_FORWARDING;
}

Status read_links(Netlink& netlink, HostState* out) {
  const ifinfomsg any{};
  const auto request = Netlink::message(RTM_GETLINK, &any, sizeof any, 0);
  if (request) nla_put_u32(request.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return netlink.dump(request.get(), [&](nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWLINK) return;
    const auto* head = static_cast<const ifinfomsg*>(nlmsg_data(message));
    const auto parts = attributes<IFLA_MAX + 1>(message, sizeof *head);
    if (!parts[IFLA_IFNAME]) return;
    HostLink link;
    link.index = head->ifi_index;
    link.name = nla_get_string(parts[IFLA_IFNAME]);
    link.up = (head->ifi_flags & IFF_UP) != 0;
    link.carrier = (head->ifi_flags & 1U << 16) != 0;  // IFF_LOWER_UP, which <net/if.h> does not have
    link.loopback = (head->ifi_flags & IFF_LOOPBACK) != 0;
    if (parts[IFLA_MASTER]) link.master = static_cast<int>(nla_get_u32(parts[IFLA_MASTER]));
    if (parts[IFLA_GROUP]) link.group = nla_get_u32(parts[IFLA_GROUP]);
    if (parts[IFLA_LINK]) link.peer = static_cast<int>(nla_get_u32(parts[IFLA_LINK]));
    if (parts[IFLA_LINK_NETNSID]) link.peer_netns = nla_get_s32(parts[IFLA_LINK_NETNSID]);
    kind_of(parts[IFLA_LINKINFO], &link);
    out->links.push_back(std::move(link));
  });
}

// The links are in the order of their indices.
HostLink* link_of(HostState* state, int index) {
  return const_cast<HostLink*>(std::as_const(*state).find(index));
}

Status read_addresses(Netlink& netlink, HostState* out) {
  const ifaddrmsg any{};
  const auto request = Netlink::message(RTM_GETADDR, &any, sizeof any, 0);
  return netlink.dump(request.get(), [&](nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWADDR) return;
    const auto* head = static_cast<const ifaddrmsg*>(nlmsg_data(message));
    const auto parts = attributes<IFA_MAX + 1>(message, sizeof *head);
    nlattr* local = parts[IFA_LOCAL] ? parts[IFA_LOCAL] : parts[IFA_ADDRESS];
    if (!local) return;
    const auto address = IpAddress::from_bytes(
        {static_cast<const std::uint8_t*>(nla_data(local)), static_cast<std::size_t>(nla_len(local))});
    if (!address) return;
    const std::uint32_t flags = parts[IFA_FLAGS] ? nla_get_u32(parts[IFA_FLAGS]) : head->ifa_flags;
    out->addresses.insert(*address);
    if (HostLink* link = link_of(out, static_cast<int>(head->ifa_index)))
      link->addresses.push_back({*address, head->ifa_prefixlen, (flags & IFA_F_DADFAILED) != 0});
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

Result<HostState> read_once(Netlink& netlink) {
  HostState out;
  if (const Status links = read_links(netlink, &out); !links)
    return transient("links can't be read: " + links.error().message);
  std::sort(out.links.begin(), out.links.end(), [](const HostLink& a, const HostLink& b) { return a.index < b.index; });
  if (const Status addresses = read_addresses(netlink, &out); !addresses)
    return transient("addresses can't be read: " + addresses.error().message);
  static_cast<void>(read_sysctls(netlink, true, &out));  // not known is not off
  static_cast<void>(read_sysctls(netlink, false, &out));
  return out;
}

}  // namespace

Result<HostState> read_host_state() {
  Result<HostState> out = transient("");
  for (int i = 0; i < kTries && !out; ++i) {
    auto netlink = Netlink::open();
    if (!netlink) return netlink.error();
    out = read_once(*netlink);
  }
  return out;
}

}  // namespace berth
