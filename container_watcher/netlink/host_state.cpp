// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/host_state.h"

#include <algorithm>

#include "core/names.h"
#include "core/number.h"

namespace berth {

Mac parse_mac(std::string_view text) {
  if (text.size() != 17) return 0;
  Mac out = 0;
  for (std::size_t at = 0; at < 17; at += 3) {
    const auto byte = parse_number<std::uint8_t>(text.substr(at, 2), 16);
    if (!byte || (at < 15 && text[at + 2] != ':')) return 0;
    out = out << 8 | *byte;
  }
  return out;
}

std::string mac_text(Mac mac) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  for (int shift = 40; shift >= 0; shift -= 8) {
    if (!out.empty()) out += ':';
    out += kDigits[mac >> (shift + 4) & 15];
    out += kDigits[mac >> shift & 15];
  }
  return out;
}

const HostLink* HostState::find(const std::string& name) const {
  for (const HostLink& link : links)
    if (link.name == name) return &link;
  return nullptr;
}

const HostLink* HostState::find(int index) const {
  const auto at = std::lower_bound(links.begin(), links.end(), index,
                                   [](const HostLink& link, int wanted) { return link.index < wanted; });
  return at == links.end() || at->index != index ? nullptr : &*at;
}

int HostState::rp_filter(const HostLink& link) const {
  return std::max(all_v4.rp_filter.value_or(0), link.v4.rp_filter.value_or(0));
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
    if (!link.up || link.loopback || link.addresses.empty() || bridges.contains(link.master)) continue;
    if (link.alias.starts_with(kMark)) continue;  // it leads to containers
    if (link.kind == "bridge" && !bridges_out.contains(link.index)) continue;
    out.push_back(link.name);
  }
  return out;
}

}  // namespace berth
