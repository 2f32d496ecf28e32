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

namespace {

std::string sysctl_of(bool v4, const std::string& kind, const std::string& link, const std::string& name) {
  std::string written = link;
  std::replace(written.begin(), written.end(), '.', '/');
  return std::string("net.") + (v4 ? "ipv4." : "ipv6.") + kind + "." + written + "." + name;
}

}  // namespace

std::string link_sysctl(bool v4, const std::string& link, const std::string& name) {
  return sysctl_of(v4, "conf", link, name);
}

std::string proxy_delay(bool v4, const std::string& link) {
  return sysctl_of(v4, "neigh", link, "proxy_delay");
}

std::string sysctl_path(const std::string& key) {
  std::string out = "/proc/sys/";
  for (const char c : key) out += c == '.' ? '/' : c == '/' ? '.' : c;
  return out;
}

}  // namespace berth
