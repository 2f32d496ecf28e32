// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be done to this host through the kernel, as values: a plan is a list of them, in order. Each says how the thing
// should be, so that doing it twice is doing it once. Pure. Carried out by netlink/executor.h.
#pragma once

#include <string>
#include <variant>

#include "core/ip.h"

namespace berth {

// An address on a link, as rtnetlink(7) RTM_NEWADDR: of global scope; of IPv6 without duplicate address detection.
struct PutAddress {
  std::string link;
  IpAddress address;
  unsigned length = 0;  // of its prefix
  auto operator<=>(const PutAddress&) const = default;
};

// A file below /proc/sys: "net.ipv4.ip_forward". A dot in a link's name is written as a slash there, as sysctl(8) does.
struct SetSysctl {
  std::string key;
  std::string value;
  auto operator<=>(const SetSysctl&) const = default;
};

using Operation = std::variant<PutAddress, SetSysctl>;

}  // namespace berth
