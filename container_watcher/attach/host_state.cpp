// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_state.h"

#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include <algorithm>
#include <memory>

namespace berth {
namespace {

struct FreeSocket {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct FreeCache {
  void operator()(nl_cache* cache) const { nl_cache_free(cache); }
};
using Cache = std::unique_ptr<nl_cache, FreeCache>;

HostLink link_of(rtnl_link* link) {
  HostLink out;
  out.index = rtnl_link_get_ifindex(link);
  out.master = rtnl_link_get_master(link);
  out.name = rtnl_link_get_name(link);
  if (const char* kind = rtnl_link_get_type(link)) out.kind = kind;
  const unsigned flags = rtnl_link_get_flags(link);
  out.up = (flags & IFF_UP) != 0;
  out.loopback = (flags & IFF_LOOPBACK) != 0;
  return out;
}

}  // namespace

const HostLink* HostState::find(const std::string& name) const {
  for (const HostLink& link : links)
    if (link.name == name) return &link;
  return nullptr;
}

Result<HostState> read_host_state() {
  const std::unique_ptr<nl_sock, FreeSocket> socket(nl_socket_alloc());
  if (!socket || nl_connect(socket.get(), NETLINK_ROUTE) != 0) return transient("netlink can't be opened");
  nl_cache* raw = nullptr;
  if (const int error = rtnl_link_alloc_cache(socket.get(), AF_UNSPEC, &raw); error != 0)
    return transient(std::string("links can't be read: ") + nl_geterror(error));
  const Cache links(raw);
  if (const int error = rtnl_addr_alloc_cache(socket.get(), &raw); error != 0)
    return transient(std::string("addresses can't be read: ") + nl_geterror(error));
  const Cache addresses(raw);

  HostState out;
  for (nl_object* each = nl_cache_get_first(links.get()); each; each = nl_cache_get_next(each))
    out.links.push_back(link_of(reinterpret_cast<rtnl_link*>(each)));
  for (nl_object* each = nl_cache_get_first(addresses.get()); each; each = nl_cache_get_next(each)) {
    auto* address = reinterpret_cast<rtnl_addr*>(each);
    const nl_addr* local = rtnl_addr_get_local(address);
    if (!local) continue;
    const auto value = IpAddress::from_bytes(
        {static_cast<const std::uint8_t*>(nl_addr_get_binary_addr(local)), nl_addr_get_len(local)});
    if (!value) continue;
    out.addresses.insert(*value);
    for (HostLink& link : out.links)
      if (link.index == rtnl_addr_get_ifindex(address)) link.addressed = true;
  }
  std::sort(out.links.begin(), out.links.end(), [](const HostLink& a, const HostLink& b) { return a.index < b.index; });
  return out;
}

Status repeat_addresses(const std::string& interface) {
  const int index = static_cast<int>(if_nametoindex(interface.c_str()));
  if (index == 0) return stale("there is no interface " + interface);
  const std::unique_ptr<nl_sock, FreeSocket> socket(nl_socket_alloc());
  if (!socket || nl_connect(socket.get(), NETLINK_ROUTE) != 0) return transient("netlink can't be opened");
  nl_cache* raw = nullptr;
  if (const int error = rtnl_addr_alloc_cache(socket.get(), &raw); error != 0)
    return transient(std::string("addresses can't be read: ") + nl_geterror(error));
  const Cache addresses(raw);
  for (nl_object* each = nl_cache_get_first(addresses.get()); each; each = nl_cache_get_next(each)) {
    auto* address = reinterpret_cast<rtnl_addr*>(each);
    if (rtnl_addr_get_ifindex(address) != index || rtnl_addr_get_scope(address) != RT_SCOPE_UNIVERSE) continue;
    if (const int error = rtnl_addr_add(socket.get(), address, NLM_F_REPLACE); error != 0)
      return transient("the addresses of " + interface + " can't be said again: " + nl_geterror(error));
  }
  return {};
}

std::vector<std::string> uplinks_of(const HostState& state) {
  std::set<int> bridges_out;  // with a port that leads somewhere
  for (const HostLink& link : state.links)
    if (link.master != 0 && link.kind != "veth" && link.kind != "vxlan" && link.kind != "tun")
      bridges_out.insert(link.master);
  std::set<int> bridges;
  for (const HostLink& link : state.links)
    if (link.kind == "bridge") bridges.insert(link.index);
  std::vector<std::string> out;
  for (const HostLink& link : state.links) {
    if (!link.up || link.loopback || !link.addressed || bridges.contains(link.master)) continue;
    if (link.kind == "bridge" && !bridges_out.contains(link.index)) continue;
    out.push_back(link.name);
  }
  return out;
}

}  // namespace berth
