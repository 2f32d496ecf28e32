// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which addresses a container can have at all, whatever the operator allows: the one place that knows it. berthd.conf, the
// policy and Docker's limits are judged by it; the module keeps the same list in C (fpm_bridge/zebra/reserved.h, a test
// holds them together). Pure; any thread.
#pragma once

#include <span>
#include <string_view>

#include "core/ip.h"

namespace berth {

struct ReservedRange {
  Prefix prefix;
  std::string_view what;  // for an operator
};

std::span<const ReservedRange> reserved_ranges();
// The first of them that shares an address with this prefix, be it inside of it or around it; nullptr: there is none.
const ReservedRange* reserved_range(const Prefix& prefix);
inline bool is_reserved(const IpAddress& address) {
  return reserved_range(Prefix::host(address)) != nullptr;
}

// The first address of a subnet names the network (IPv6: its routers, RFC 4291), the last one of IPv4 is the broadcast:
// neither is a container's or a gateway's. Subnets of one or two addresses have no such (RFC 3021, RFC 6164).
bool is_subnet_edge(const Prefix& subnet, const IpAddress& address);

// The longest subnet in which Docker 20.10 and later find an address for the gateway and one for a container.
inline unsigned longest_subnet(const Prefix& subnet) {
  return subnet.is_v4() ? 30 : 126;
}

}  // namespace berth
