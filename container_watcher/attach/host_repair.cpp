// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_repair.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>

#include <array>
#include <fstream>
#include <memory>
#include <set>

#include "container_watcher/netlink/netlink.h"

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kDockerAtWork =
    1s;  // Docker that makes its bridge anew gives it the address itself, and fails if it's there
constexpr std::size_t kMostTimes = 5;
constexpr auto kTimesWindow = 60s;

std::string read_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// Whether the kernel took it; somebody may have written again since.
bool write_word(const std::string& path, const std::string& word) {
  std::ofstream file(path);
  file << word;
  file.close();
  return file.good();
}

std::string conf_v6(const std::string& link, const std::string& name) {
  return "/proc/sys/net/ipv6/conf/" + link + "/" + name;
}

// A default route, or an address for a limited time: what the next advertisements must keep alive.
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
    if (nlattr* link = nlmsg_find_attr(message, sizeof *head, RTA_OIF)) {
      out.insert(static_cast<int>(nla_get_u32(link)));
    } else if (nlattr* paths = nlmsg_find_attr(message, sizeof *head, RTA_MULTIPATH);
               paths && nla_len(paths) >= static_cast<int>(sizeof(rtnexthop))) {
      auto left = nla_len(paths);
      for (auto* path = static_cast<rtnexthop*>(nla_data(paths)); RTNH_OK(path, left); path = RTNH_NEXT(path)) {
        out.insert(path->rtnh_ifindex);
        left -= static_cast<int>(RTNH_ALIGN(path->rtnh_len));
      }
    }
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

// Empty: nothing that was learnt will be forgotten.
std::string keep_advertised() {
  const auto links = links_that_learn();
  if (!links) return "what the host learnt by router advertisements can't be read: " + links.error().message;
  for (const int index : *links) {
    std::array<char, IF_NAMESIZE> name{};
    if (!if_indextoname(static_cast<unsigned>(index), name.data())) continue;  // gone meanwhile
    const std::string path = conf_v6(name.data(), "accept_ra");
    if (read_word(path) != "1" || write_word(path, "2")) continue;
    return std::string(name.data()) +
           " would forget the routes that it learns by router advertisements, and berthd may not set " +
           link_sysctl(false, name.data(), "accept_ra") + " to 2";
  }
  return {};
}

Status put_address(const MissingAddress& what) {
  const unsigned index = if_nametoindex(what.interface.c_str());
  if (index == 0) return stale("there is no interface " + what.interface);
  auto netlink = Netlink::open();
  if (!netlink) return netlink.error();
  const bool v4 = what.address.is_v4();
  ifaddrmsg head{};
  head.ifa_family = v4 ? AF_INET : AF_INET6;
  head.ifa_prefixlen = static_cast<std::uint8_t>(what.subnet.length());
  head.ifa_scope = RT_SCOPE_UNIVERSE;
  head.ifa_index = index;
  const auto message = Netlink::message(RTM_NEWADDR, &head, sizeof head, NLM_F_CREATE | NLM_F_REPLACE);
  if (!message) return transient("there is no memory for a netlink message");
  const auto bytes = what.address.bytes();
  nla_put(message.get(), IFA_LOCAL, static_cast<int>(bytes.size()), bytes.data());
  nla_put(message.get(), IFA_ADDRESS, static_cast<int>(bytes.size()), bytes.data());
  if (v4 && what.subnet.length() < 31) {  // as Docker does
    std::array<std::uint8_t, 4> broadcast{};
    for (unsigned i = 0; i < 4; ++i) broadcast[i] = what.subnet.address().bytes()[i];
    for (unsigned bit = what.subnet.length(); bit < 32; ++bit) broadcast[bit / 8] |= 0x80 >> (bit % 8);
    nla_put(message.get(), IFA_BROADCAST, broadcast.size(), broadcast.data());
  }
  if (!v4) nla_put_u32(message.get(), IFA_FLAGS, IFA_F_NODAD);
  return netlink->order(message.get());
}

}  // namespace

std::vector<Problem> HostRepair::forward(bool v4, std::optional<int> now) {
  const std::string path = v4 ? "/proc/sys/net/ipv4/ip_forward" : conf_v6("all", "forwarding");
  const std::string key = v4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
  const auto off = [&](const std::string& why) {
    return std::vector<Problem>{
        {"forwarding-off", "the host does not forward " + std::string(v4 ? "IPv4" : "IPv6") + ": " + why,
         "sysctl -w " + key + "=1, and in /etc/sysctl.d for the next boot", true, v4 ? Family::V4 : Family::V6}};
  };
  const std::string word = read_word(path);
  if (word.empty() && now == 0) return off(key + " is 0, and berthd can't reach " + path);
  if (word != "0") return {};  // on; what can't be read is not off
  if (!(v4 ? forward_v4_ : forward_v6_).take())
    return off("something sets " + key + " to 0 again and again; berthd goes on setting it, slower");
  if (const std::string why = v4 ? "" : keep_advertised(); !why.empty()) return off(key + " is 0; " + why);
  if (!write_word(path, "1")) return off(key + " is 0, and berthd may not change it");
  return {};
}

HostRepair::Answer HostRepair::put_back(const std::vector<MissingAddress>& missing) {
  Answer out;
  const std::set<MissingAddress> now(missing.begin(), missing.end());
  const auto time = Budget::Clock::now();
  for (const MissingAddress& each : now) {
    const auto [known, fresh] = missing_.try_emplace(each, Missing{time, Budget(kMostTimes, kTimesWindow)});
    Missing& state = known->second;
    if (state.since == Budget::Clock::time_point{}) state.since = time;  // it is missing anew
    if (time - state.since < kDockerAtWork) {
      out.waiting = true;
      continue;
    }
    state.since = time;  // until it is missing for so long again
    if (!state.budget.take()) {
      out.refused[each] = "something takes it away again and again; berthd goes on putting it back, slower";
    } else if (const Status put = put_address(each); !put) {
      const bool disabled = !each.address.is_v4() && read_word(conf_v6(each.interface, "disable_ipv6")) == "1";
      out.refused[each] = disabled ? link_sysctl(false, each.interface, "disable_ipv6") + " is 1"
                                   : "berthd can't put it back: " + put.error().message;
    }
  }
  for (auto& [address, state] : missing_)
    if (!now.contains(address)) state.since = {};
  std::erase_if(missing_, [](auto& each) {
    return each.second.since == Budget::Clock::time_point{} && each.second.budget.idle();
  });
  return out;
}

Status repeat_addresses(const std::string& interface) {
  struct FreeCache {
    void operator()(nl_cache* cache) const { nl_cache_free(cache); }
  };
  const int index = static_cast<int>(if_nametoindex(interface.c_str()));
  if (index == 0) return stale("there is no interface " + interface);
  const std::unique_ptr<nl_sock, FreeNetlink> socket(nl_socket_alloc());
  if (!socket || nl_connect(socket.get(), NETLINK_ROUTE) != 0) return transient("netlink can't be opened");
  nl_cache* raw = nullptr;
  if (const int error = rtnl_addr_alloc_cache(socket.get(), &raw); error != 0)
    return transient(std::string("addresses can't be read: ") + nl_geterror(error));
  const std::unique_ptr<nl_cache, FreeCache> addresses(raw);
  for (nl_object* each = nl_cache_get_first(addresses.get()); each; each = nl_cache_get_next(each)) {
    auto* address = reinterpret_cast<rtnl_addr*>(each);
    if (rtnl_addr_get_ifindex(address) != index || rtnl_addr_get_scope(address) != RT_SCOPE_UNIVERSE) continue;
    if (const int error = rtnl_addr_add(socket.get(), address, NLM_F_REPLACE); error != 0)
      return transient("the addresses of " + interface + " can't be said again: " + nl_geterror(error));
  }
  return {};
}

}  // namespace berth
