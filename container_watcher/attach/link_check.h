// SPDX-License-Identifier: GPL-2.0-or-later
//
// Judges a bridge network by the links, the addresses and the sysctls that the kernel has: is its bridge up, does it
// have its gateway's address, does it forward. Pure; any thread. A consequence is not listed beside its cause: of a
// bridge that is down nothing else is said.
#pragma once

#include <string>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/netlink/host_state.h"
#include "core/facts.h"

namespace berth {

// An address of ours that the kernel does not have.
struct MissingAddress {
  std::string interface;
  Prefix subnet;
  IpAddress address;
  auto operator<=>(const MissingAddress&) const = default;
};

struct LinkVerdict {
  bool attached = false;  // there is such a link
  std::vector<Problem> problems;
  std::vector<MissingAddress> missing;  // to be put back
};

LinkVerdict check_links(const HostState& state, const NetworkSite& site, const std::vector<std::string>& uplinks);

// A key of sysctl(8), which writes a dot in a link's name as a slash: "net.ipv4.conf.eth0/7.rp_filter".
std::string link_sysctl(bool v4, const std::string& link, const std::string& name);

}  // namespace berth
