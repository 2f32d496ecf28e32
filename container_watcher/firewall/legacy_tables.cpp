// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/legacy_tables.h"

#include <netinet/in.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>

namespace berth::firewall {
namespace {

// An empty table has one entry for each hook's policy and one that ends it.
template <class Info, class Entries, class Entry>
bool in_use(int socket, int level, int get_info, int get_entries, const std::string& table) {
  Info info{};
  std::strncpy(info.name, table.c_str(), sizeof info.name - 1);
  socklen_t size = sizeof info;
  if (getsockopt(socket, level, get_info, &info, &size) != 0) return true;  // it is loaded, and can't be read
  if (info.num_entries > static_cast<unsigned>(std::popcount(info.valid_hooks)) + 1) return true;
  std::vector<std::uint8_t> buffer(sizeof(Entries) + info.size);
  std::memcpy(buffer.data(), info.name, sizeof info.name);
  std::memcpy(buffer.data() + offsetof(Entries, size), &info.size, sizeof info.size);
  size = static_cast<socklen_t>(buffer.size());
  if (getsockopt(socket, level, get_entries, buffer.data(), &size) != 0) return true;
  const std::uint8_t* rules = buffer.data() + offsetof(Entries, entrytable);
  for (unsigned hook = 0; hook < NF_INET_NUMHOOKS; ++hook) {
    if ((info.valid_hooks & (1U << hook)) == 0) continue;
    const std::size_t at = info.underflow[hook] + sizeof(Entry);
    xt_standard_target policy{};
    if (at + sizeof policy > info.size) return true;
    std::memcpy(&policy, rules + at, sizeof policy);
    if (policy.verdict != -NF_ACCEPT - 1) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> legacy_tables_in_use() {
  std::vector<std::string> out;
  for (const bool v4 : {true, false}) {
    std::ifstream names(v4 ? "/proc/thread-self/net/ip_tables_names" : "/proc/thread-self/net/ip6_tables_names");
    const int socket = ::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    for (std::string table; names >> table;) {
      const bool used = socket < 0 ? true
                        : v4 ? in_use<ipt_getinfo, ipt_get_entries, ipt_entry>(socket, IPPROTO_IP, IPT_SO_GET_INFO,
                                                                               IPT_SO_GET_ENTRIES, table)
                             : in_use<ip6t_getinfo, ip6t_get_entries, ip6t_entry>(
                                   socket, IPPROTO_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES, table);
      if (used) out.push_back((v4 ? "ip " : "ip6 ") + table);
    }
    if (socket >= 0) close(socket);
  }
  return out;
}

}  // namespace berth::firewall
