// SPDX-License-Identifier: GPL-2.0-or-later
//
// One rtnetlink socket for questions and orders to the kernel of the namespace that it was opened in. Blocks until the
// kernel has answered: on the worker's thread. Private to netlink/.
#pragma once

#include <linux/rtnetlink.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "container_watcher/netlink/operation.h"
#include "core/ip.h"
#include "core/result.h"

struct nl_msg;
struct nl_sock;
struct nlattr;

namespace berth {

struct FreeNetlink {
  void operator()(nl_sock* socket) const;
  void operator()(nl_msg* message) const;
};
using NetlinkMessage = std::unique_ptr<nl_msg, FreeNetlink>;

class Netlink {
 public:
  using Handler = std::function<void(nlmsghdr*)>;
  static Result<Netlink> open();
  static Result<Netlink> open(const Netns& where);
  // Head of a message: its type and the fixed structure of that type. nullptr: no memory.
  static NetlinkMessage message(int type, const void* head, std::size_t size, int flags);
  // All that the kernel has; transient where the list changed under the reading, since something may be missing then.
  Status dump(nl_msg* request, const Handler& each);
  // The same until `each` says no; the socket is of no use afterwards.
  Status dump_while(nl_msg* request, const std::function<bool(nlmsghdr*)>& each);
  Status get(nl_msg* request, const Handler& answer);  // one answer
  Status order(nl_msg* request);                       // acknowledged
  int last_errno() const { return *error_; }           // of what failed last; 0: it was not the kernel that refused it

 private:
  explicit Netlink(nl_sock* socket);
  Status exchange(nl_msg* request, int flags);
  std::unique_ptr<nl_sock, FreeNetlink> socket_;
  // On the heap, since libnl keeps their addresses.
  std::unique_ptr<std::function<bool(nlmsghdr*)>> each_ = std::make_unique<std::function<bool(nlmsghdr*)>>();
  std::unique_ptr<int> error_ = std::make_unique<int>(0);
  std::unique_ptr<std::string> said_ = std::make_unique<std::string>();  // the kernel's words for it
};

// Attributes by their type. Those that can't be parsed are as absent.
template <std::size_t N>
using Attributes = std::array<nlattr*, N>;
void parse(nlmsghdr* message, std::size_t head, nlattr** out, std::size_t size);
void parse(nlattr* nest, nlattr** out, std::size_t size);
template <std::size_t N>
Attributes<N> attributes(nlmsghdr* message, std::size_t head) {
  Attributes<N> out{};
  parse(message, head, out.data(), N);
  return out;
}
template <std::size_t N>
Attributes<N> nested(nlattr* attribute) {
  Attributes<N> out{};
  if (attribute) parse(attribute, out.data(), N);
  return out;
}

std::optional<IpAddress> address_in(nlattr* attribute);
Mac mac_in(nlattr* attribute);  // 0: it is no MAC address
void put(nl_msg* message, int type, const IpAddress& address);
void put(nl_msg* message, int type, Mac mac);

// A route's next hop, of one or of several (RTA_OIF, RTA_MULTIPATH).
struct NextHop {
  int link = 0;
  bool by_router = false;  // not on the link itself
};
std::vector<NextHop> next_hops_in(nlmsghdr* route);

Result<std::vector<HostLink>> all_links(Netlink& netlink);  // without their addresses and sysctls
std::optional<HostLink> link_in(nlmsghdr* message);         // of an RTM_NEWLINK, without its addresses and sysctls
Result<HostLink> find_link(Netlink& netlink, const std::string& name);  // stale: there is none
Result<HostLink> find_link(Netlink& netlink, int index);
HostRoute route_in(nlmsghdr* message);
// The number that the socket's namespace has for another; nothing: it has none.
std::optional<int> netns_number(Netlink& netlink, const Fd& netns);

}  // namespace berth
