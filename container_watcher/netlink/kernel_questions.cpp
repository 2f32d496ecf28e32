// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the kernel is asked when somebody wants to know, beside the state that is read at each look.
#include <dirent.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <set>
#include <utility>

#include "container_watcher/netlink/netlink.h"
#include "container_watcher/netlink/netns.h"
#include "container_watcher/netlink/observer.h"

namespace berth {
namespace {

constexpr const char *kOutsideV4 = "192.0.2.1", *kOutsideV6 = "2001:db8::1";  // anywhere outside (RFC 5737, RFC 3849)

// Links with a default route, or an address for a limited time: what the next advertisements must keep alive.
Result<std::set<int>> links_that_learn() {
  auto netlink = Netlink::open();
  if (!netlink) return netlink.error();
  std::set<int> out;
  rtmsg routes{};
  routes.rtm_family = AF_INET6;
  const auto for_routes = Netlink::message(RTM_GETROUTE, &routes, sizeof routes, 0);
  Status read = netlink->dump(for_routes.get(), [&](nlmsghdr* message) {
    const auto* head = static_cast<const rtmsg*>(nlmsg_data(message));
    if (message->nlmsg_type != RTM_NEWROUTE || head->rtm_protocol != RTPROT_RA) return;
    for (const NextHop& hop : next_hops_in(message)) out.insert(hop.link);
  });
  if (!read) return read.error();
  ifaddrmsg addresses{};
  addresses.ifa_family = AF_INET6;
  const auto for_addresses = Netlink::message(RTM_GETADDR, &addresses, sizeof addresses, 0);
  read = netlink->dump(for_addresses.get(), [&](nlmsghdr* message) {
    const auto* head = static_cast<const ifaddrmsg*>(nlmsg_data(message));
    if (message->nlmsg_type != RTM_NEWADDR || head->ifa_family != AF_INET6 || head->ifa_scope != RT_SCOPE_UNIVERSE)
      return;
    if ((head->ifa_flags & IFA_F_PERMANENT) == 0) out.insert(static_cast<int>(head->ifa_index));
  });
  if (!read) return read.error();
  return out;
}

Mac peer_mac(Netlink& netlink, const HostLink& port) {
  ifinfomsg head{};
  head.ifi_index = port.peer;
  const auto request = Netlink::message(RTM_GETLINK, &head, sizeof head, 0);
  if (!request) return 0;
  if (port.peer_netns) nla_put_s32(request.get(), IFLA_TARGET_NETNSID, *port.peer_netns);
  nla_put_u32(request.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  Mac out = 0;
  static_cast<void>(netlink.get(request.get(), [&](nlmsghdr* message) {
    nlattr* back = nlmsg_find_attr(message, sizeof head, IFLA_LINK);
    // The number of a namespace that is gone may have been given to another.
    if (!back || static_cast<int>(nla_get_u32(back)) != port.index) return;
    out = mac_in(nlmsg_find_attr(message, sizeof head, IFLA_ADDRESS));
  }));
  return out;
}

}  // namespace

HostRoute route_in(nlmsghdr* message) {
  const auto* head = static_cast<const rtmsg*>(nlmsg_data(message));
  const auto parts = attributes<RTA_MAX + 1>(message, sizeof *head);
  HostRoute out;
  auto to = IpAddress::parse(head->rtm_family == AF_INET ? "0.0.0.0" : "::");
  if (parts[RTA_DST]) to = address_in(parts[RTA_DST]);
  if (to && head->rtm_dst_len <= to->bits()) out.to = Prefix::of(*to, head->rtm_dst_len);
  out.table = parts[RTA_TABLE] ? nla_get_u32(parts[RTA_TABLE]) : head->rtm_table;
  out.protocol = head->rtm_protocol;
  if (parts[RTA_PRIORITY]) out.metric = nla_get_u32(parts[RTA_PRIORITY]);
  if (parts[RTA_OIF]) out.link = nla_get_s32(parts[RTA_OIF]);
  out.via = address_in(parts[RTA_GATEWAY]);
  if (parts[RTA_VIA] && nla_len(parts[RTA_VIA]) > 2) {  // of the other family (RFC 5549): behind its family's number
    const auto* bytes = static_cast<const std::uint8_t*>(nla_data(parts[RTA_VIA]));
    out.via = IpAddress::from_bytes({bytes + 2, static_cast<std::size_t>(nla_len(parts[RTA_VIA]) - 2)});
  }
  out.onlink = (head->rtm_flags & RTNH_F_ONLINK) != 0;
  return out;
}

std::optional<int> netns_number(Netlink& netlink, const Fd& netns) {
  const rtgenmsg head{};
  const auto request = Netlink::message(RTM_GETNSID, &head, sizeof head, 0);
  if (!request) return std::nullopt;
  nla_put_u32(request.get(), NETNSA_FD, static_cast<std::uint32_t>(netns.get()));
  std::optional<int> out;
  static_cast<void>(netlink.get(request.get(), [&](nlmsghdr* message) {
    if (nlattr* number = nlmsg_find_attr(message, sizeof head, NETNSA_NSID); number && nla_get_s32(number) >= 0)
      out = nla_get_s32(number);
  }));
  return out;
}

namespace {

Result<HostLink> find_link(Netlink& netlink, int index, const std::string& name) {
  ifinfomsg head{};
  head.ifi_index = index;
  const auto request = Netlink::message(RTM_GETLINK, &head, sizeof head, 0);
  if (request) {
    if (index == 0) nla_put_string(request.get(), IFLA_IFNAME, name.c_str());
    nla_put_u32(request.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  }
  std::optional<HostLink> out;
  const Status asked = netlink.get(request.get(), [&](nlmsghdr* message) { out = link_in(message); });
  if (!asked && netlink.last_errno() != ENODEV) return asked.error();
  return asked && out ? Result<HostLink>(std::move(*out)) : stale("there is no interface " + name);
}

}  // namespace

Result<HostLink> find_link(Netlink& netlink, const std::string& name) {
  if (name.empty() || name.size() >= IF_NAMESIZE) return stale("there is no interface " + name);
  return find_link(netlink, 0, name);
}

Result<HostLink> find_link(Netlink& netlink, int index) {
  return find_link(netlink, index, "with index " + std::to_string(index));
}

Result<std::vector<std::string>> KernelObserver::forgetful_links() {
  const auto links = links_that_learn();
  if (!links) return links.error();
  std::vector<std::string> out;
  for (const int index : *links) {
    std::array<char, IF_NAMESIZE> name{};
    if (!if_indextoname(static_cast<unsigned>(index), name.data())) continue;  // gone meanwhile
    std::string accepts;
    std::ifstream(sysctl_path(link_sysctl(false, name.data(), "accept_ra"))) >> accepts;
    if (accepts == "1") out.emplace_back(name.data());
  }
  return out;
}

std::map<int, Mac> KernelObserver::peer_macs(const std::vector<HostLink>& ports) {
  std::map<int, Mac> out;
  if (ports.empty()) return out;
  auto netlink = Netlink::open();
  if (!netlink) return out;
  for (const HostLink& port : ports) out[port.index] = peer_mac(*netlink, port);
  return out;
}

std::map<int, std::string> KernelObserver::named_netns() {
  std::map<int, std::string> out;
  auto netlink = Netlink::open();
  if (!netlink) return out;
  for (const std::string folder : {"/run/docker/netns", "/run/netns"}) {
    const std::unique_ptr<DIR, int (*)(DIR*)> names(opendir(folder.c_str()), closedir);
    if (!names) continue;
    while (const dirent* name = readdir(names.get())) {
      if (name->d_name[0] == '.') continue;
      const std::string path = folder + "/" + name->d_name;
      const auto netns = open_netns({path, {}});
      if (!netns) continue;
      if (const auto number = netns_number(*netlink, *netns)) out.emplace(*number, path);
    }
  }
  return out;
}

std::optional<HostLink> KernelObserver::way_out(const Netns& where, bool v4, const std::optional<IpAddress>& source) {
  auto netlink = Netlink::open(where);
  if (!netlink) return std::nullopt;
  const auto outside = IpAddress::parse(v4 ? kOutsideV4 : kOutsideV6);
  rtmsg head{};
  head.rtm_family = v4 ? AF_INET : AF_INET6;
  head.rtm_dst_len = static_cast<unsigned char>(outside->bits());
  if (source) head.rtm_src_len = static_cast<unsigned char>(source->bits());
  const auto route = Netlink::message(RTM_GETROUTE, &head, sizeof head, 0);
  if (!route) return std::nullopt;
  put(route.get(), RTA_DST, *outside);
  if (source) put(route.get(), RTA_SRC, *source);
  ifinfomsg link{};
  static_cast<void>(netlink->get(route.get(), [&](nlmsghdr* message) {
    const auto* of = static_cast<const rtmsg*>(nlmsg_data(message));
    if (nlattr* out = nlmsg_find_attr(message, sizeof head, RTA_OIF); out && of->rtm_type == RTN_UNICAST)
      link.ifi_index = nla_get_s32(out);
  }));
  if (link.ifi_index == 0) return std::nullopt;
  const auto request = Netlink::message(RTM_GETLINK, &link, sizeof link, 0);
  std::optional<HostLink> out;
  static_cast<void>(netlink->get(request.get(), [&](nlmsghdr* message) { out = link_in(message); }));
  return out;
}

Result<std::vector<HostRoute>> KernelObserver::routes(std::uint32_t table, int protocol, const Netns& where) {
  std::vector<HostRoute> out;
  for (const bool v4 : {true, false}) {
    auto netlink = Netlink::open(where);
    if (!netlink) return netlink.error();
    rtmsg head{};
    head.rtm_family = v4 ? AF_INET : AF_INET6;
    head.rtm_protocol = static_cast<unsigned char>(protocol);
    const auto request = Netlink::message(RTM_GETROUTE, &head, sizeof head, 0);
    if (request) nla_put_u32(request.get(), RTA_TABLE, table);
    const Status read = netlink->dump(request.get(), [&](nlmsghdr* message) {
      const auto* of = static_cast<const rtmsg*>(nlmsg_data(message));
      if (message->nlmsg_type != RTM_NEWROUTE || of->rtm_type != RTN_UNICAST || (of->rtm_flags & RTM_F_CLONED) != 0)
        return;
      const HostRoute route = route_in(message);
      if (route.table == table && (protocol == 0 || route.protocol == protocol)) out.push_back(route);
    });
    if (!read && netlink->last_errno() != ENOENT) return read.error();  // ENOENT: there is no such table yet
  }
  return out;
}

Result<std::vector<HostNeighbour>> KernelObserver::neighbours(const std::string& link, const Netns& where) {
  auto netlink = Netlink::open(where);
  if (!netlink) return netlink.error();
  const auto found = find_link(*netlink, link);
  if (!found) return found.error();
  std::vector<HostNeighbour> out;
  for (const unsigned char family : {AF_INET, AF_INET6})
    for (const unsigned char kind : {0, NTF_PROXY}) {
      ndmsg head{};
      head.ndm_family = family;
      head.ndm_flags = kind;
      const auto request = Netlink::message(RTM_GETNEIGH, &head, sizeof head, 0);
      if (request) nla_put_u32(request.get(), NDA_IFINDEX, static_cast<std::uint32_t>(found->index));
      const Status read = netlink->dump(request.get(), [&](nlmsghdr* message) {
        const auto* of = static_cast<const ndmsg*>(nlmsg_data(message));
        const auto parts = attributes<NDA_MAX + 1>(message, sizeof *of);
        const auto address = address_in(parts[NDA_DST]);
        if (message->nlmsg_type != RTM_NEWNEIGH || of->ndm_ifindex != found->index || !address) return;
        out.push_back({*address, mac_in(parts[NDA_LLADDR]), (of->ndm_state & NUD_PERMANENT) != 0,
                       (of->ndm_flags & NTF_PROXY) != 0, (of->ndm_flags & NTF_EXT_LEARNED) != 0,
                       parts[NDA_PROTOCOL] ? nla_get_u8(parts[NDA_PROTOCOL]) : 0});
      });
      if (!read) return read.error();
    }
  return out;
}

Result<std::vector<FdbEntry>> KernelObserver::fdb(const std::string& link, const Netns& where) {
  auto netlink = Netlink::open(where);
  if (!netlink) return netlink.error();
  const auto found = find_link(*netlink, link);
  if (!found) return found.error();
  std::vector<FdbEntry> out;
  // The kernel looks at the entries of one link, or at those of one bridge's ports.
  const auto read = [&](int by) {
    ndmsg head{};
    head.ndm_family = AF_BRIDGE;
    const auto request = Netlink::message(RTM_GETNEIGH, &head, sizeof head, 0);
    if (request) nla_put_u32(request.get(), by, static_cast<std::uint32_t>(found->index));
    return netlink->dump(request.get(), [&](nlmsghdr* message) {
      const auto* of = static_cast<const ndmsg*>(nlmsg_data(message));
      const auto parts = attributes<NDA_MAX + 1>(message, sizeof *of);
      const bool named = of->ndm_ifindex == found->index;
      const bool in_table =
          parts[NDA_MASTER] && nla_get_u32(parts[NDA_MASTER]) == static_cast<std::uint32_t>(found->index);
      if (message->nlmsg_type != RTM_NEWNEIGH || !(by == NDA_IFINDEX ? named : in_table && !named)) return;
      if (parts[NDA_VLAN]) return;  // a copy for each VLAN of its port, of an entry that is of all
      out.push_back({mac_in(parts[NDA_LLADDR]), address_in(parts[NDA_DST]),
                     (of->ndm_state & (NUD_PERMANENT | NUD_NOARP)) == 0, parts[NDA_MASTER] != nullptr,
                     (of->ndm_flags & NTF_EXT_LEARNED) != 0, of->ndm_ifindex});
    });
  };
  if (const Status done = read(NDA_IFINDEX); !done) return done.error();
  if (found->kind == "bridge")
    if (const Status done = read(NDA_MASTER); !done) return done.error();
  return out;
}

}  // namespace berth
