// SPDX-License-Identifier: GPL-2.0-or-later
//
// Links: made in one request, and set as they should be in a second one, so that a link that is there already is treated as
// one that was just made. A change that is none is not asked for: the kernel would tell everybody of it.
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "container_watcher/netlink/carry_out.h"
#include "container_watcher/netlink/netns.h"
#include "core/names.h"

namespace berth {
namespace {

NetlinkMessage link_message(int type, int index, int flags) {
  ifinfomsg head{};
  head.ifi_index = index;
  return Netlink::message(type, &head, sizeof head, flags);
}

// A nested attribute for as long as it lives.
class Nest {
 public:
  Nest(nl_msg* message, int type) : message_(message), start_(nla_nest_start(message, type)) {}
  ~Nest() {
    if (start_) nla_nest_end(message_, start_);
  }
  Nest(const Nest&) = delete;
  Nest& operator=(const Nest&) = delete;

 private:
  nl_msg* message_;
  nlattr* start_;
};

std::uint32_t mode_bits(MacvlanMode mode) {
  switch (mode) {
    case MacvlanMode::Private: return MACVLAN_MODE_PRIVATE;
    case MacvlanMode::Vepa: return MACVLAN_MODE_VEPA;
    case MacvlanMode::Passthru: return MACVLAN_MODE_PASSTHRU;
    case MacvlanMode::Bridge: break;
  }
  return MACVLAN_MODE_BRIDGE;
}

// What a link of that kind stands on, found before it is made.
struct Ground {
  Fd peer_netns;  // of a veth
  bool peer_is_here = false;
  int parent = 0;                  // of a macvlan
  std::optional<int> parent_at{};  // its namespace, as the socket's numbers it
};

bool same(const Fd& a, const Fd& b) {
  const auto one = netns_id(a), other = netns_id(b);
  return one && other && *one == *other;
}

// The number that the socket's namespace has for berthd's own; it gets one where it has none.
Result<int> number_for_own(Netlink& netlink) {
  const auto own = open_netns({});
  if (!own) return own.error();
  if (const auto number = netns_number(netlink, *own)) return *number;
  const rtgenmsg head{};
  const auto request = Netlink::message(RTM_NEWNSID, &head, sizeof head, 0);
  if (request) {
    nla_put_u32(request.get(), NETNSA_FD, static_cast<std::uint32_t>(own->get()));
    nla_put_s32(request.get(), NETNSA_NSID, -1);  // one of the kernel's choice
  }
  const Status given = netlink.order(request.get());
  if (const auto number = netns_number(netlink, *own)) return *number;
  return given ? stale("the network namespace has no number for berthd's own") : given.error();
}

Result<Ground> ground_of(const PutLink& what, Netlink& netlink) {
  Ground out;
  if (const auto* veth = std::get_if<VethLink>(&what.kind)) {
    auto there = open_netns(veth->peer_netns);
    if (!there) return there.error();
    const auto here = open_netns(what.netns);
    if (!here) return here.error();
    out.peer_is_here = same(*there, *here);
    out.peer_netns = std::move(*there);
  }
  if (const auto* macvlan = std::get_if<MacvlanLink>(&what.kind)) {
    auto own = Netlink::open();
    if (!own) return own.error();
    const auto parent = find_link(*own, macvlan->parent);
    if (!parent) return parent.error();
    out.parent = parent->index;
    if (!what.netns.own()) {
      const auto number = number_for_own(netlink);
      if (!number) return number.error();
      out.parent_at = *number;
    }
  }
  return out;
}

// `is`: of a link that is there.
void put_kind(nl_msg* message, const PutLink& what, const Ground& ground, const HostLink* is) {
  const Nest info(message, IFLA_LINKINFO);
  nla_put_string(message, IFLA_INFO_KIND, std::string(name_of(what.kind)).c_str());
  const Nest data(message, IFLA_INFO_DATA);
  // Said only where it is not so already: a kernel without it refuses the whole request.
  if (const auto* bridge = std::get_if<BridgeLink>(&what.kind)) {
    if (bridge->vlan_filtering != (is && is->vlan_filtering.value_or(false)))
      nla_put_u8(message, IFLA_BR_VLAN_FILTERING, bridge->vlan_filtering ? 1 : 0);
    if (bridge->multicast_snooping != (!is || is->multicast_snooping.value_or(true)))
      nla_put_u8(message, IFLA_BR_MCAST_SNOOPING, bridge->multicast_snooping ? 1 : 0);
  }
  if (const auto* macvlan = std::get_if<MacvlanLink>(&what.kind))
    nla_put_u32(message, IFLA_MACVLAN_MODE, mode_bits(macvlan->mode));
  if (const auto* vxlan = std::get_if<VxlanLink>(&what.kind)) {
    nla_put_u32(message, IFLA_VXLAN_ID, vxlan->vni);
    if (vxlan->local) put(message, vxlan->local->is_v4() ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, *vxlan->local);
    if (!is) nla_put_u16(message, IFLA_VXLAN_PORT, htons(vxlan->port));  // which no change may name
    nla_put_u8(message, IFLA_VXLAN_LEARNING, vxlan->learning ? 1 : 0);
  }
  if (const auto* veth = std::get_if<VethLink>(&what.kind)) {
    const Nest peer(message, VETH_INFO_PEER);
    const ifinfomsg head{};
    nlmsg_append(message, const_cast<ifinfomsg*>(&head), sizeof head, NLMSG_ALIGNTO);
    nla_put_string(message, IFLA_IFNAME, veth->peer.c_str());
    nla_put_u32(message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(ground.peer_netns.get()));
    if (veth->peer_mac != 0) put(message, IFLA_ADDRESS, veth->peer_mac);
    if (what.settings.mtu) nla_put_u32(message, IFLA_MTU, *what.settings.mtu);
  }
}

Status make(const PutLink& what, const Ground& ground, Netlink& netlink) {
  const auto message = link_message(RTM_NEWLINK, 0, NLM_F_CREATE | NLM_F_EXCL);
  if (message) {
    nla_put_string(message.get(), IFLA_IFNAME, what.name.c_str());
    if (what.settings.mtu) nla_put_u32(message.get(), IFLA_MTU, *what.settings.mtu);
    if (what.settings.mac) put(message.get(), IFLA_ADDRESS, *what.settings.mac);
    if (ground.parent != 0) nla_put_u32(message.get(), IFLA_LINK, static_cast<std::uint32_t>(ground.parent));
    if (ground.parent_at) nla_put_s32(message.get(), IFLA_LINK_NETNSID, *ground.parent_at);
    put_kind(message.get(), what, ground, nullptr);
  }
  return netlink.order(message.get());
}

// Of a link that is there already: can it become what is wanted?
Status same_kind(const PutLink& what, const Ground& ground, const HostLink& link, Netlink& netlink) {
  const auto other = [&](const std::string& why) {
    return permanent(what.name + " is there already, and " + why, "ip link del " + what.name + ", if nobody needs it");
  };
  // One without any word may be ours: berthd ended between making it and marking it.
  if (what.settings.alias && !link.alias.empty() && link.alias != *what.settings.alias)
    return other("is called \"" + link.alias + "\"");
  if (link.kind != name_of(what.kind))
    return other("is " + (link.kind.empty() ? std::string("a real device") : "a " + link.kind) + " and not a " +
                 std::string(name_of(what.kind)));
  if (const auto* veth = std::get_if<VethLink>(&what.kind)) {
    const auto at = ground.peer_is_here ? std::nullopt : netns_number(netlink, ground.peer_netns);
    if (link.peer_netns != at || (!ground.peer_is_here && !at)) return other("its other end is elsewhere");
    if (const auto peer = find_link(netlink, veth->peer); ground.peer_is_here && (!peer || peer->index != link.peer))
      return other("its other end is not " + veth->peer);
  }
  if (std::holds_alternative<MacvlanLink>(what.kind) &&
      (link.peer != ground.parent || link.peer_netns != ground.parent_at))
    return other("stands on another parent");
  if (const auto* vxlan = std::get_if<VxlanLink>(&what.kind)) {
    if (link.vni != vxlan->vni) return other("has another VNI");
    if (link.port_number != vxlan->port) return other("has another port");
  }
  return {};
}

// Kind data that may be changed while the link lives.
Status set_kind(const PutLink& what, const HostLink& link, Netlink& netlink) {
  const auto* macvlan = std::get_if<MacvlanLink>(&what.kind);
  const auto* bridge = std::get_if<BridgeLink>(&what.kind);
  const auto* vxlan = std::get_if<VxlanLink>(&what.kind);
  const bool differs = (macvlan && link.macvlan_mode != macvlan->mode) ||
                       (bridge && (link.vlan_filtering.value_or(false) != bridge->vlan_filtering ||
                                   link.multicast_snooping.value_or(true) != bridge->multicast_snooping)) ||
                       (vxlan && (link.local != vxlan->local || link.learns.value_or(false) != vxlan->learning));
  if (!differs) return {};
  const auto message = link_message(RTM_NEWLINK, link.index, 0);
  if (message) put_kind(message.get(), what, {}, &link);
  return netlink.order(message.get());
}

void put_flag(nl_msg* message, int type, const std::optional<bool>& wanted) {
  if (wanted) nla_put_u8(message, type, *wanted ? 1 : 0);
}

bool differs(const std::optional<bool>& wanted, const std::optional<bool>& is) {
  return wanted && is != wanted;
}

Status set_port(const PortSettings& wanted, const std::string& name, Netlink& netlink) {
  const auto link = find_link(netlink, name);
  if (!link) return link.error();
  if (!differs(wanted.isolated, link->port.isolated) && !differs(wanted.hairpin, link->port.hairpin) &&
      !differs(wanted.learning, link->port.learning) && !differs(wanted.neigh_suppress, link->port.neigh_suppress))
    return {};
  const auto message = link_message(RTM_NEWLINK, link->index, 0);
  if (message) {
    const Nest info(message.get(), IFLA_LINKINFO);
    nla_put_string(message.get(), IFLA_INFO_SLAVE_KIND, "bridge");
    const Nest data(message.get(), IFLA_INFO_SLAVE_DATA);
    put_flag(message.get(), IFLA_BRPORT_ISOLATED, wanted.isolated);
    put_flag(message.get(), IFLA_BRPORT_MODE, wanted.hairpin);
    put_flag(message.get(), IFLA_BRPORT_LEARNING, wanted.learning);
    put_flag(message.get(), IFLA_BRPORT_NEIGH_SUPPRESS, wanted.neigh_suppress);
  }
  return netlink.order(message.get());
}

Status set_link(const std::string& name, const LinkSettings& wanted, const HostLink& link, Netlink& netlink) {
  int master = link.master;
  if (wanted.master) {
    master = 0;
    if (!wanted.master->empty()) {
      const auto of = find_link(netlink, *wanted.master);
      if (!of) return of.error();
      master = of->index;
    }
  }
  const bool up = wanted.up.value_or(link.up);
  const bool alias = wanted.alias && *wanted.alias != link.alias, mtu = wanted.mtu && *wanted.mtu != link.mtu,
             mac = wanted.mac && *wanted.mac != link.mac;
  if (alias || mtu || mac || master != link.master || up != link.up) {
    ifinfomsg head{};
    head.ifi_index = link.index;
    head.ifi_change = up != link.up ? IFF_UP : 0;
    head.ifi_flags = up != link.up && up ? IFF_UP : 0;  // without a change it would be all of the flags
    const auto message = Netlink::message(RTM_NEWLINK, &head, sizeof head, 0);
    if (message) {
      if (alias) nla_put_string(message.get(), IFLA_IFALIAS, wanted.alias->c_str());
      if (mtu) nla_put_u32(message.get(), IFLA_MTU, *wanted.mtu);
      if (mac) put(message.get(), IFLA_ADDRESS, *wanted.mac);
      if (master != link.master) nla_put_u32(message.get(), IFLA_MASTER, static_cast<std::uint32_t>(master));
    }
    if (Status set = netlink.order(message.get()); !set) return set;
  }
  return wanted.port == PortSettings() ? Status() : set_port(wanted.port, name, netlink);
}

}  // namespace

Status carry_out(const PutLink& what, Netlink& netlink) {
  auto ground = ground_of(what, netlink);
  if (!ground) return ground.error();
  // Its bridge is there, or nothing is made that would then hang on none.
  if (what.settings.master && !what.settings.master->empty())
    if (const auto master = find_link(netlink, *what.settings.master); !master) return master.error();
  auto link = find_link(netlink, what.name);
  if (link) {
    if (Status same = same_kind(what, *ground, *link, netlink); !same) return same;
    if (Status set = set_kind(what, *link, netlink); !set) return set;
  } else {
    if (link.error().kind != ErrorKind::Stale) return link.error();
    if (Status made = make(what, *ground, netlink); !made) {
      const bool taken = netlink.last_errno() == EEXIST;
      const auto* veth = std::get_if<VethLink>(&what.kind);
      if (!taken || !veth || find_link(netlink, what.name)) return made;
      return permanent(veth->peer + " is there already, where the other end of " + what.name + " should be",
                       "ip link del " + veth->peer + " in that network namespace, if nobody needs it");
    }
    link = find_link(netlink, what.name);
    if (!link) return link.error();
  }
  return set_link(what.name, what.settings, *link, netlink);
}

Status carry_out(const AwaitOperUp& what, Netlink& netlink) {
  constexpr int kTries = 50;
  for (int tries = 0;; ++tries) {
    const auto link = find_link(netlink, what.link);
    if (!link) return link.error();
    const auto master = link->master != 0 ? find_link(netlink, link->master) : link;
    if (!master) return master.error();
    if ((link->oper_up && link->forwards && master->oper_up) || tries == kTries) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Status carry_out(const SetLink& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.name);
  if (!link) return link.error();
  return set_link(what.name, what.settings, *link, netlink);
}

namespace {

Status delete_link(int index, Netlink& netlink) {
  const auto message = link_message(RTM_DELLINK, index, 0);
  Status done = netlink.order(message.get());
  return netlink.last_errno() == ENODEV ? Status() : done;
}

}  // namespace

Status carry_out(const DeleteLink& what, Netlink& netlink) {
  const auto link = find_link(netlink, what.name);
  if (!link) return gone(link.error());
  if (!what.mark.empty() && link->alias != what.mark) return permanent(what.name + " is not a link of berth's");
  return delete_link(link->index, netlink);
}

// The end in a container is without a mark where berthd ended between making it and marking it, or where somebody in there took
// the mark off.
Status carry_out(const DeleteMarkedLinks& what, Netlink& netlink) {
  const auto own = open_netns({}), where = open_netns(what.netns);
  if (!own || !where) return own ? where.error() : own.error();
  if (same(*own, *where)) return permanent("the links of berthd's own network namespace are not a container's");
  const auto there = all_links(netlink);
  if (!there) return there.error();
  const auto number = netns_number(netlink, *own);
  auto home = Netlink::open();
  if (!home) return home.error();
  const auto is_ours = [&](const HostLink& link) -> Result<bool> {
    if (link.alias.starts_with(kMark)) return true;
    if (link.kind != "veth" || !link.peer_netns || link.peer_netns != number) return false;
    // Asked for alone: a dump of all the host's links fails where one of them comes or goes meanwhile.
    const auto end = find_link(*home, link.peer);
    if (!end && end.error().kind != ErrorKind::Stale) return end.error();
    return end && end->alias.starts_with(kMark);
  };
  int gone = 0;
  for (const HostLink& each : *there) {
    if (each.name == what.keep && each.alias == what.keep_mark) continue;
    const auto ours = is_ours(each);
    if (!ours) return ours.error();
    if (!*ours) continue;
    if (gone++ == kMostMarkedLinks)
      return transient("more than " + std::to_string(kMostMarkedLinks) +
                       " links in the container bear berthd's mark; they are taken away some at a time");
    if (Status done = delete_link(each.index, netlink); !done) return done;
  }
  return {};
}

}  // namespace berth
