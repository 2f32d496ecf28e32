// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/bridge_ports.h"

#include <linux/if_link.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <optional>

#include "container_watcher/netlink/netlink.h"

namespace berth {
namespace {

constexpr int kMostAsked = 128;  // at a look: some milliseconds
constexpr int kTries = 5;

Mac peer_of(Netlink& netlink, const HostLink& port) {
  ifinfomsg head{};
  head.ifi_index = port.peer;
  const auto request = Netlink::message(RTM_GETLINK, &head, sizeof head, 0);
  if (!request) return 0;
  if (port.peer_netns) nla_put_s32(request.get(), IFLA_TARGET_NETNSID, *port.peer_netns);
  nla_put_u32(request.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  Mac out = 0;
  static_cast<void>(netlink.get(request.get(), [&](nlmsghdr* message) {
    nlattr* back = nlmsg_find_attr(message, sizeof head, IFLA_LINK);
    nlattr* address = nlmsg_find_attr(message, sizeof head, IFLA_ADDRESS);
    // The number of a namespace that is gone may have been given to another.
    if (!back || static_cast<int>(nla_get_u32(back)) != port.index || !address || nla_len(address) != 6) return;
    const auto* bytes = static_cast<const std::uint8_t*>(nla_data(address));
    for (int i = 0; i < 6; ++i) out = out << 8 | bytes[i];
  }));
  return out;
}

}  // namespace

std::vector<BridgePort> BridgePorts::read(const HostState& state, const std::set<int>& bridges, const PortBook& book,
                                          bool* more) {
  std::vector<BridgePort> out;
  std::optional<Netlink> netlink;
  int asked = 0;
  *more = false;
  std::erase_if(known_, [&](const auto& each) { return !state.find(each.first); });
  for (const HostLink& port : state.links) {
    if (port.kind != "veth" || port.peer == 0 || !bridges.contains(port.master)) continue;
    Known& known = known_[port.index];
    const bool changed = known.tries == 0 || known.up != port.up || known.carrier != port.carrier;
    if (changed || (known.tries < kTries && !book.claimed(known.peer))) {
      if (++asked > kMostAsked) {
        *more = true;
        continue;
      }
      if (!netlink) {
        auto opened = Netlink::open();
        if (!opened) return out;
        netlink = std::move(*opened);
      }
      known = {peer_of(*netlink, port), port.up, port.carrier, changed ? 1 : known.tries + 1};
    }
    out.push_back({port.index, known.peer});
  }
  return out;
}

}  // namespace berth
