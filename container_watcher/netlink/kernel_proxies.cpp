// SPDX-License-Identifier: GPL-2.0-or-later
//
// Addresses that are elsewhere, and proxies for them.
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "container_watcher/netlink/netlink.h"
#include "container_watcher/netlink/observer.h"

namespace berth {
namespace {

Status read_host_routes(bool v4, const std::vector<Prefix>& within, HostProxies* out) {
  auto netlink = Netlink::open();
  if (!netlink) return netlink.error();
  rtmsg main{};
  main.rtm_family = v4 ? AF_INET : AF_INET6;
  main.rtm_table = RT_TABLE_MAIN;
  const auto request = Netlink::message(RTM_GETROUTE, &main, sizeof main, 0);
  return netlink->dump(request.get(), [&](nlmsghdr* message) {
    const auto* head = static_cast<const rtmsg*>(nlmsg_data(message));
    if (message->nlmsg_type != RTM_NEWROUTE || head->rtm_type != RTN_UNICAST || (head->rtm_flags & RTM_F_CLONED) != 0 ||
        head->rtm_table != RT_TABLE_MAIN || head->rtm_dst_len != (v4 ? 32 : 128))
      return;
    const auto to = address_in(nlmsg_find_attr(message, sizeof *head, RTA_DST));
    if (!to || std::ranges::none_of(within, [&](const Prefix& each) { return each.contains(*to); })) return;
    std::set<int>& links = out->routes[*to];
    for (const NextHop& hop : next_hops_in(message)) links.insert(hop.link);
  });
}

Status read_entries(bool v4, HostProxies* out) {
  auto netlink = Netlink::open();
  if (!netlink) return netlink.error();
  ndmsg head{};
  head.ndm_family = v4 ? AF_INET : AF_INET6;
  head.ndm_flags = NTF_PROXY;
  const auto request = Netlink::message(RTM_GETNEIGH, &head, sizeof head, 0);
  return netlink->dump(request.get(), [&](nlmsghdr* message) {
    const auto* of = static_cast<const ndmsg*>(nlmsg_data(message));
    const auto parts = attributes<NDA_MAX + 1>(message, sizeof *of);
    const auto address = address_in(parts[NDA_DST]);
    if (message->nlmsg_type != RTM_NEWNEIGH || (of->ndm_flags & NTF_PROXY) == 0 || !address) return;
    if (parts[NDA_PROTOCOL] && nla_get_u8(parts[NDA_PROTOCOL]) == kRouteProtocol)
      out->links[of->ndm_ifindex].ours.insert(*address);
  });
}

std::optional<int> number_in(const std::string& key) {
  int value = 0;
  return std::ifstream(sysctl_path(key)) >> value ? std::optional(value) : std::nullopt;
}

}  // namespace

Result<HostProxies> KernelObserver::proxies(const std::vector<Prefix>& within, const std::set<int>& links) {
  HostProxies out;
  for (const bool v4 : {true, false}) {
    if (Status read = read_entries(v4, &out); !read) return read.error();
    if (std::ranges::none_of(within, [&](const Prefix& each) { return each.is_v4() == v4; })) continue;
    if (Status read = read_host_routes(v4, within, &out); !read) return read.error();
  }
  for (const int index : links) {
    std::array<char, IF_NAMESIZE> name{};
    if (!if_indextoname(static_cast<unsigned>(index), name.data())) continue;  // gone meanwhile
    LinkProxies& of = out.links[index];
    of.delay_v4 = number_in(proxy_delay(true, name.data()));
    of.delay_v6 = number_in(proxy_delay(false, name.data()));
    of.ndp = number_in(link_sysctl(false, name.data(), "proxy_ndp"));
  }
  return out;
}

}  // namespace berth
