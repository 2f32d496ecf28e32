// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/fabric_ways.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <optional>

namespace berth {
namespace {

constexpr std::size_t kMostRoutes = 8192;  // of one family, at each look

struct Route {
  std::optional<Prefix> to;
  std::set<int> links;  // of next hops that are routers
};

std::optional<IpAddress> address_in(const rtattr* attribute) {
  return IpAddress::from_bytes(
      {static_cast<const std::uint8_t*>(RTA_DATA(attribute)), static_cast<std::size_t>(RTA_PAYLOAD(attribute))});
}

int number_in(const rtattr* attribute) {
  int out = 0;
  if (RTA_PAYLOAD(attribute) >= sizeof out) std::memcpy(&out, RTA_DATA(attribute), sizeof out);
  return out;
}

bool has_router(const rtattr* attribute, int size) {
  for (; RTA_OK(attribute, size); attribute = RTA_NEXT(attribute, size))
    if (attribute->rta_type == RTA_GATEWAY || attribute->rta_type == RTA_VIA) return true;
  return false;
}

void hops_in(const rtattr* attribute, std::set<int>* links) {
  const auto* hop = static_cast<const rtnexthop*>(RTA_DATA(attribute));
  for (std::size_t left = RTA_PAYLOAD(attribute);
       left >= sizeof *hop && hop->rtnh_len >= sizeof *hop && hop->rtnh_len <= left;) {
    if (has_router(RTNH_DATA(hop), static_cast<int>(hop->rtnh_len - sizeof *hop))) links->insert(hop->rtnh_ifindex);
    const std::size_t step = RTNH_ALIGN(hop->rtnh_len);
    if (step > left) return;
    left -= step;
    hop = RTNH_NEXT(hop);
  }
}

Route route_of(const nlmsghdr* message) {
  Route out;
  const auto* head = static_cast<const rtmsg*>(NLMSG_DATA(message));
  int size = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(sizeof *head));
  if (head->rtm_type != RTN_UNICAST || (head->rtm_flags & RTM_F_CLONED) != 0) return out;
  std::optional<IpAddress> destination = IpAddress::parse(head->rtm_family == AF_INET ? "0.0.0.0" : "::");
  int table = head->rtm_table, link = 0;
  for (const rtattr* each = RTM_RTA(head); RTA_OK(each, size); each = RTA_NEXT(each, size)) {
    if (each->rta_type == RTA_DST) destination = address_in(each);
    if (each->rta_type == RTA_TABLE) table = number_in(each);
    if (each->rta_type == RTA_OIF) link = number_in(each);
    if (each->rta_type == RTA_MULTIPATH) hops_in(each, &out.links);
  }
  size = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(sizeof *head));
  if (link != 0 && has_router(RTM_RTA(head), size)) out.links.insert(link);
  if (table == RT_TABLE_MAIN && destination && head->rtm_dst_len <= destination->bits())
    out.to = Prefix::of(*destination, head->rtm_dst_len);
  return out;
}

// Of this network namespace; not there without br_netfilter.
bool is_on(const std::string& name) {
  int value = 0;
  std::ifstream("/proc/sys/net/bridge/" + name) >> value;
  return value == 1;
}

bool ask(int fd, bool v4) {
  struct {
    nlmsghdr header;
    rtmsg message;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.message.rtm_family = v4 ? AF_INET : AF_INET6;
  return send(fd, &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request);
}

}  // namespace

std::set<int> routed_links(bool v4, const std::vector<Prefix>& fabric) {
  std::set<int> out;
  const auto of_family = [&](const Prefix& each) { return each.is_v4() == v4; };
  const bool any = std::none_of(fabric.begin(), fabric.end(), of_family);
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return out;
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  std::size_t seen = 0;
  for (bool more = ask(fd, v4); more;) {
    auto size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    auto left = static_cast<unsigned>(size);
    for (const auto* each = reinterpret_cast<const nlmsghdr*>(buffer.data()); more && NLMSG_OK(each, left);
         each = NLMSG_NEXT(each, left)) {
      more = each->nlmsg_type == RTM_NEWROUTE && ++seen < kMostRoutes;
      if (!more) break;
      const Route route = route_of(each);
      const auto leads_there = [&](const Prefix& prefix) { return of_family(prefix) && prefix.overlaps(*route.to); };
      if (route.to && (any || std::any_of(fabric.begin(), fabric.end(), leads_there)))
        out.insert(route.links.begin(), route.links.end());
    }
  }
  close(fd);
  return out;
}

firewall::Surroundings surroundings_of(const HostState& state, const std::vector<Prefix>& fabric,
                                       const std::vector<std::string>& uplinks, bool ports) {
  firewall::Surroundings out;
  out.fabric = fabric;
  out.host_addresses = state.addresses;
  for (const HostLink& link : state.links) {
    const HostLink* master = link.master != 0 ? state.find(link.master) : nullptr;
    if (link.kind == "veth" && master && !ports) continue;  // one comes and goes with each container
    if (!link.loopback && std::find(uplinks.begin(), uplinks.end(), link.name) == uplinks.end())
      for (const LinkAddress& each : link.addresses)
        if (each.length != 0 && each.length != each.address.bits())
          out.own.push_back(Prefix::of(each.address, each.length));
    out.interfaces.all.push_back({link.name, link.kind, master ? master->name : std::string(), link.group});
  }
  out.interfaces.bridge_calls_v4 = is_on("bridge-nf-call-iptables");
  out.interfaces.bridge_calls_v6 = is_on("bridge-nf-call-ip6tables");
  for (const bool v4 : {true, false}) {
    const std::set<int> routed = routed_links(v4, fabric);
    std::vector<std::string>& ways = v4 ? out.uplinks_v4 : out.uplinks_v6;
    for (const std::string& name : uplinks)
      if (const HostLink* link = state.find(name); link && routed.contains(link->index)) ways.push_back(name);
    if (ways.empty()) ways = uplinks;
  }
  return out;
}

}  // namespace berth
