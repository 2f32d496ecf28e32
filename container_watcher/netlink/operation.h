// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be done to this host through the kernel, as values: a plan is a list of them, in order. Each says how the thing
// should be, so that doing it twice is doing it once, and taking away what is not there is done already. Pure; any thread.
// Carried out by netlink/executor.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "container_watcher/netlink/host_state.h"
#include "core/ip.h"

namespace berth {

class Fd;

// Where a thing is. Without a word: in the network namespace of berthd itself.
struct Netns {
  std::string path = {};                   // of a file that holds the namespace: "/run/docker/netns/0a1b2c"
  std::shared_ptr<const Fd> process = {};  // or that of this process (open_process()): a later one of its pid is not it
  bool own() const { return path.empty() && !process; }
  auto operator<=>(const Netns&) const = default;
};

// An address on a link, as rtnetlink(7) RTM_NEWADDR: of global scope; of IPv6 without duplicate address detection.
struct PutAddress {
  std::string link;
  IpAddress address;
  unsigned length = 0;  // of its prefix
  Netns netns = {};
  auto operator<=>(const PutAddress&) const = default;
};

struct DeleteAddress {
  std::string link;
  IpAddress address;
  unsigned length = 0;
  Netns netns = {};
  auto operator<=>(const DeleteAddress&) const = default;
};

// Sets each global address of the link to what it is: nothing changes, and the kernel announces it anew (RTM_NEWADDR) to
// those who missed it.
struct RepeatAddresses {
  std::string link;
  Netns netns = {};
  auto operator<=>(const RepeatAddresses&) const = default;
};

// A file below /proc/sys: "net.ipv4.ip_forward". A dot in a link's name is written as a slash there, as sysctl(8) does.
struct SetSysctl {
  std::string key;
  std::string value;
  Netns netns = {};
  auto operator<=>(const SetSysctl&) const = default;
};

using Operation = std::variant<PutAddress, DeleteAddress, RepeatAddresses, SetSysctl>;

// A key of sysctl(8), which writes a dot in a link's name as a slash: "net.ipv4.conf.eth0/7.rp_filter".
std::string link_sysctl(bool v4, const std::string& link, const std::string& name);
// Where it is: "/proc/sys/net/ipv4/conf/eth0.7/rp_filter".
std::string sysctl_path(const std::string& key);

}  // namespace berth
