// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/reserved.h"

#include <array>

namespace berth {
namespace {

// RFC 6890 and RFC 4291. The kernel takes most of them as a bridge's subnet; no router forwards them.
constexpr std::array<std::pair<const char*, const char*>, 7> kRanges{
    {{"0.0.0.0/8", "this network"},
     {"127.0.0.0/8", "loopback"},
     {"169.254.0.0/16", "link-local"},
     {"224.0.0.0/3", "multicast, reserved and the broadcast"},
     // with ::, ::1, and IPv4 in IPv6
     {"::/8", "loopback and IPv4 in IPv6"},
     {"fe80::/10", "link-local"},
     {"ff00::/8", "multicast"}}};

}  // namespace

std::span<const ReservedRange> reserved_ranges() {
  static const auto ranges = [] {
    std::array<ReservedRange, kRanges.size()> out;
    for (std::size_t at = 0; at < out.size(); ++at) out[at] = {*Prefix::parse(kRanges[at].first), kRanges[at].second};
    return out;
  }();
  return ranges;
}

const ReservedRange* reserved_range(const Prefix& prefix) {
  for (const ReservedRange& range : reserved_ranges())
    if (range.prefix.overlaps(prefix)) return &range;
  return nullptr;
}

bool is_subnet_edge(const Prefix& subnet, const IpAddress& address) {
  if (subnet.length() + 1 >= subnet.address().bits()) return false;
  return address == subnet.address() || (subnet.is_v4() && address == subnet.last());
}

}  // namespace berth
