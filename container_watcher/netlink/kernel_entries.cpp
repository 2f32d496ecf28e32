// SPDX-License-Identifier: GPL-2.0-or-later
//
// Entries of tables: routes, neighbours, and where MAC addresses are.
#include <linux/neighbour.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "container_watcher/netlink/carry_out.h"

namespace berth {
namespace {

constexpr unsigned kMetricV6 = 1024;  // the kernel's, where nothing is said (IP6_RT_PRIO_USER)

unsigned metric_of(const Prefix& to, unsigned said) {
  return !to.is_v4() && said == 0 ? kMetricV6 : said;
}

NetlinkMessage route_message(int type, const Prefix& to, std::uint32_t table, unsigned metric, unsigned char scope,
                             unsigned flags, int how) {
  rtmsg head{};
  head.rtm_family = to.is_v4() ? AF_INET : AF_INET6;
  head.rtm_dst_len = static_cast<unsigned char>(to.length());
  head.rtm_protocol = kRouteProtocol;
  head.rtm_scope = scope;
  head.rtm_type = RTN_UNICAST;
  head.rtm_flags = flags;
  auto out = Netlink::message(type, &head, sizeof head, how);
  if (!out) return out;
  if (!to.is_default()) put(out.get(), RTA_DST, to.address());
  nla_put_u32(out.get(), RTA_TABLE, table);
  if (const unsigned number = metric_of(to, metric); number != 0) nla_put_u32(out.get(), RTA_PRIORITY, number);
  return out;
}

NetlinkMessage route_message(const PutRoute& what, int link, int how) {
  auto out = route_message(RTM_NEWROUTE, what.to, what.table, what.metric,
                           what.via || !what.to.is_v4() ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                           what.onlink ? RTNH_F_ONLINK : 0, how);
  if (!out) return out;
  nla_put_u32(out.get(), RTA_OIF, static_cast<std::uint32_t>(link));
  if (what.via && what.via->is_v4() == what.to.is_v4()) {
    put(out.get(), RTA_GATEWAY, *what.via);
  } else if (what.via) {  // RFC 5549: the family's number, and the address behind it
    std::array<std::uint8_t, 18> bytes{};
    const std::uint16_t family = what.via->is_v4() ? AF_INET : AF_INET6;
    std::memcpy(bytes.data(), &family, sizeof family);
    std::copy(what.via->bytes().begin(), what.via->bytes().end(), bytes.begin() + 2);
    nla_put(out.get(), RTA_VIA, static_cast<int>(2 + what.via->bytes().size()), bytes.data());
  }
  return out;
}

// The route of ours that stands there.
Result<std::optional<HostRoute>> our_route(const Prefix& to, std::uint32_t table, unsigned metric, Netlink& netlink) {
  rtmsg head{};
  head.rtm_family = to.is_v4() ? AF_INET : AF_INET6;
  head.rtm_protocol = kRouteProtocol;
  const auto request = Netlink::message(RTM_GETROUTE, &head, sizeof head, 0);
  if (request) nla_put_u32(request.get(), RTA_TABLE, table);
  std::optional<HostRoute> out;
  const Status read = netlink.dump(request.get(), [&](nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWROUTE) return;
    const HostRoute route = route_in(message);
    if (route.to == to && route.table == table && route.protocol == kRouteProtocol &&
        route.metric == metric_of(to, metric))
      out = route;
  });
  if (!read) return read.error();
  return out;
}

struct Entry {
  unsigned char family = 0;
  unsigned char flags = 0;
  std::uint16_t state = 0;
};

NetlinkMessage neighbour_message(int type, int link, const Entry& entry, int how) {
  ndmsg head{};
  head.ndm_family = entry.family;
  head.ndm_ifindex = link;
  head.ndm_state = entry.state;
  head.ndm_flags = entry.flags;
  return Netlink::message(type, &head, sizeof head, how);
}

unsigned char family_of(const IpAddress& address) {
  return address.is_v4() ? AF_INET : AF_INET6;
}

// A tunnel has its own table; of any other link it is its bridge's.
Entry fdb_entry(const HostLink& link, bool external) {
  Entry out;
  out.family = AF_BRIDGE;
  const bool own = link.kind == "vxlan";
  out.flags = static_cast<unsigned char>((own ? NTF_SELF : NTF_MASTER) | (external ? NTF_EXT_LEARNED : 0));
  out.state = own ? NUD_NOARP | NUD_PERMANENT : NUD_NOARP;
  return out;
}

}  // namespace

// Asked for as a new one first: only so the kernel says that another hand's stands there.
Status carry_out(const PutRoute& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.link);
  if (!link) return link.error();
  const auto fresh = route_message(what, link->index, NLM_F_CREATE | NLM_F_EXCL);
  Status made = netlink.order(fresh.get());
  if (made || netlink.last_errno() != EEXIST) return made;
  const auto ours = our_route(what.to, what.table, what.metric, netlink);
  if (!ours) return ours.error();
  if (!*ours)
    return permanent("a route to " + what.to.to_string() + " of another hand is there already",
                     "ip route show " + what.to.to_string());
  const HostRoute& is = **ours;
  if (is.link == link->index && is.via == what.via && is.onlink == what.onlink) return {};
  const auto other = route_message(what, link->index, NLM_F_CREATE | NLM_F_REPLACE);
  return netlink.order(other.get());
}

Status carry_out(const DeleteRoute& what, Netlink& netlink) {
  const auto message = route_message(RTM_DELROUTE, what.to, what.table, what.metric, RT_SCOPE_NOWHERE, 0, 0);
  Status done = netlink.order(message.get());
  return netlink.last_errno() == ESRCH || netlink.last_errno() == ENOENT ? Status() : done;
}

Status carry_out(const PutNeighbour& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.link);
  if (!link) return link.error();
  const Entry entry{family_of(what.address),
                    static_cast<unsigned char>((what.proxy ? NTF_PROXY : 0) | (what.external ? NTF_EXT_LEARNED : 0)),
                    NUD_PERMANENT};
  const auto message = neighbour_message(RTM_NEWNEIGH, link->index, entry, NLM_F_CREATE | NLM_F_REPLACE);
  if (message) {
    put(message.get(), NDA_DST, what.address);
    nla_put_u8(message.get(), NDA_PROTOCOL, kRouteProtocol);
    if (!what.proxy) put(message.get(), NDA_LLADDR, what.mac);
  }
  return netlink.order(message.get());
}

Status carry_out(const DeleteNeighbour& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.link);
  if (!link) return gone(link.error());
  const Entry entry{family_of(what.address), static_cast<unsigned char>(what.proxy ? NTF_PROXY : 0), 0};
  const auto message = neighbour_message(RTM_DELNEIGH, link->index, entry, 0);
  if (message) put(message.get(), NDA_DST, what.address);
  Status done = netlink.order(message.get());
  return netlink.last_errno() == ENOENT ? Status() : done;
}

Status carry_out(const PutFdb& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.link);
  if (!link) return link.error();
  const int how = NLM_F_CREATE | (what.mac == 0 ? NLM_F_APPEND : NLM_F_REPLACE);
  const auto message = neighbour_message(RTM_NEWNEIGH, link->index, fdb_entry(*link, what.external), how);
  if (message) {
    put(message.get(), NDA_LLADDR, what.mac);
    if (what.far_end) put(message.get(), NDA_DST, *what.far_end);
  }
  return netlink.order(message.get());
}

Status carry_out(const DeleteFdb& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.link);
  if (!link) return gone(link.error());
  const auto message = neighbour_message(RTM_DELNEIGH, link->index, fdb_entry(*link, false), 0);
  if (message) {
    put(message.get(), NDA_LLADDR, what.mac);
    if (what.far_end) put(message.get(), NDA_DST, *what.far_end);
  }
  Status done = netlink.order(message.get());
  return netlink.last_errno() == ENOENT ? Status() : done;
}

}  // namespace berth
