// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/operation.h"

#include <algorithm>
#include <array>

namespace berth {

std::string_view name_of(const LinkKind& kind) {
  static constexpr std::array<std::string_view, std::variant_size_v<LinkKind>> kNames{"dummy", "bridge", "veth",
                                                                                      "macvlan", "vxlan"};
  return kNames[kind.index()];
}

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
