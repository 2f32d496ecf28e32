// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/operation.h"

#include <algorithm>

namespace berth {

std::string link_sysctl(bool v4, const std::string& link, const std::string& name) {
  std::string written = link;
  std::replace(written.begin(), written.end(), '.', '/');
  return std::string("net.") + (v4 ? "ipv4" : "ipv6") + ".conf." + written + "." + name;
}

std::string sysctl_path(const std::string& key) {
  std::string out = "/proc/sys/";
  for (const char c : key) out += c == '.' ? '/' : c == '/' ? '.' : c;
  return out;
}

}  // namespace berth
