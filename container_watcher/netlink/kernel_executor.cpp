// SPDX-License-Identifier: GPL-2.0-or-later
//
// Addresses and sysctls, and who carries out what.
#include <linux/if_addr.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "container_watcher/netlink/address_probe.h"
#include "container_watcher/netlink/carry_out.h"
#include "container_watcher/netlink/executor.h"
#include "container_watcher/netlink/netlink.h"
#include "container_watcher/netlink/netns.h"

namespace berth {
namespace {

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

template <class Work>
Status in(const Netns& where, Work work) {
  if (where.own()) return work();
  const auto netns = open_netns(where);
  if (!netns) return netns.error();
  Status done;
  const Status entered = within(*netns, [&] { done = work(); });
  return entered ? done : entered;
}

NetlinkMessage address_message(int type, int index, const IpAddress& address, unsigned length, int flags) {
  ifaddrmsg head{};
  head.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  head.ifa_prefixlen = static_cast<std::uint8_t>(length);
  head.ifa_scope = RT_SCOPE_UNIVERSE;
  head.ifa_index = static_cast<unsigned>(index);
  auto out = Netlink::message(type, &head, sizeof head, flags);
  if (!out) return out;
  put(out.get(), IFA_LOCAL, address);
  put(out.get(), IFA_ADDRESS, address);
  return out;
}

Status set_sysctl(const SetSysctl& what) {
  const std::string path = sysctl_path(what.key);
  const std::string word = read_word(path);
  if (word.empty()) return stale("berthd can't reach " + path);
  if (word == what.value || write_word(path, what.value)) return {};
  return permanent("berthd may not set " + what.key + " to " + what.value);
}

Status drop_other_lengths(const PutAddress& what, int index, Netlink& netlink) {
  const int family = what.address.is_v4() ? AF_INET : AF_INET6;
  ifaddrmsg head{};
  head.ifa_family = static_cast<std::uint8_t>(family);
  head.ifa_index = static_cast<unsigned>(index);
  const auto request = Netlink::message(RTM_GETADDR, &head, sizeof head, 0);
  std::vector<unsigned> others;
  Status read = netlink.dump(request.get(), [&](nlmsghdr* message) {
    const auto* of = static_cast<const ifaddrmsg*>(nlmsg_data(message));
    if (message->nlmsg_type != RTM_NEWADDR || static_cast<int>(of->ifa_index) != index || of->ifa_family != family ||
        of->ifa_prefixlen == what.length)
      return;
    const auto parts = attributes<IFA_MAX + 1>(message, sizeof *of);
    if (address_in(parts[IFA_LOCAL] ? parts[IFA_LOCAL] : parts[IFA_ADDRESS]) == what.address)
      others.push_back(of->ifa_prefixlen);
  });
  for (const unsigned each : others) {
    const auto message = address_message(RTM_DELADDR, index, what.address, each, 0);
    if (Status gone = netlink.order(message.get()); !gone) return gone;
  }
  return read;
}

}  // namespace

Status carry_out(const PutAddress& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.link);
  if (!link) return link.error();
  const bool v4 = what.address.is_v4();
  if (!v4)  // of which the kernel has an address once, and leaves its length as it was when it is put again
    if (Status room = drop_other_lengths(what, link->index, netlink); !room) return room;
  const auto message =
      address_message(RTM_NEWADDR, link->index, what.address, what.length, NLM_F_CREATE | NLM_F_REPLACE);
  if (message && v4 && what.length < 31)  // as Docker does
    put(message.get(), IFA_BROADCAST, Prefix::of(what.address, what.length).last());
  if (message && !v4) nla_put_u32(message.get(), IFA_FLAGS, IFA_F_NODAD);
  Status done = netlink.order(message.get());
  // The other one is there meanwhile, so that no route goes for want of an address.
  if (done && v4 && what.alone) return drop_other_lengths(what, link->index, netlink);
  if (done || v4) return done;
  const std::string key = link_sysctl(false, what.link, "disable_ipv6");
  bool disabled = false;
  static_cast<void>(in(what.netns, [&] { return disabled = read_word(sysctl_path(key)) == "1", Status(); }));
  return disabled ? permanent(key + " is 1", "sysctl -w " + key + "=0") : done;
}

Status carry_out(const DeleteAddress& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.link);
  if (!link) return gone(link.error());  // its addresses went with it
  const auto message = address_message(RTM_DELADDR, link->index, what.address, what.length, 0);
  Status done = netlink.order(message.get());
  return netlink.last_errno() == EADDRNOTAVAIL ? Status() : done;
}

Status carry_out(const RepeatAddresses& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.link);
  if (!link) return link.error();
  const ifaddrmsg any{};
  const auto request = Netlink::message(RTM_GETADDR, &any, sizeof any, 0);
  std::vector<NetlinkMessage> all;
  const Status read = netlink.dump(request.get(), [&](nlmsghdr* message) {
    const auto* head = static_cast<const ifaddrmsg*>(nlmsg_data(message));
    if (message->nlmsg_type != RTM_NEWADDR || static_cast<int>(head->ifa_index) != link->index ||
        head->ifa_scope != RT_SCOPE_UNIVERSE)
      return;
    auto again = Netlink::message(RTM_NEWADDR, head, sizeof *head, NLM_F_REPLACE);
    if (again)
      nlmsg_append(again.get(), nlmsg_attrdata(message, sizeof *head),
                   static_cast<std::size_t>(nlmsg_attrlen(message, sizeof *head)), NLMSG_ALIGNTO);
    all.push_back(std::move(again));
  });
  if (!read) return transient("addresses can't be read: " + read.error().message);
  for (const auto& each : all)
    if (const Status said = netlink.order(each.get()); !said)
      return transient("the addresses of " + what.link + " can't be said again: " + said.error().message);
  return {};
}

Status carry_out(const AnnounceAddress& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.link);
  if (!link) return link.error();
  return in(what.netns, [&] { return announce(link->index, what.address, link->mac); });
}

Status KernelExecutor::apply(const Operation& operation) {
  return std::visit(
      [](const auto& what) -> Status {
        if constexpr (std::is_same_v<std::decay_t<decltype(what)>, SetSysctl>) {
          return in(what.netns, [&] { return set_sysctl(what); });
        } else {
          auto netlink = Netlink::open(what.netns);
          if (!netlink) return netlink.error();
          return carry_out(what, *netlink);
        }
      },
      operation);
}

}  // namespace berth
