// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/spread.h"

#include <algorithm>
#include <set>

namespace berth {
namespace {

// Those of the network's addresses that leave by other links alone.
std::set<IpAddress> elsewhere(const NetworkSite& site, const HostLink& link, const HostState& host) {
  std::set<IpAddress> out;
  for (const auto& [address, links] : host.proxies->routes)
    if (!links.contains(link.index) && !host.addresses.contains(address) &&
        std::ranges::any_of(site.subnets, [&to = address](const Prefix& each) { return each.contains(to); }))
      out.insert(address);
  return out;
}

bool has(const NetworkSite& site, bool v4) {
  return std::ranges::any_of(site.subnets, [&](const Prefix& each) { return each.is_v4() == v4; });
}

// A proxy is made to wait up to 0.8 s with each answer, which is for links on which somebody else may answer.
void plan_sysctls(const NetworkSite& site, const HostLink& link, const LinkProxies& is, std::vector<Sequence>* out) {
  if (has(site, true) && is.delay_v4.value_or(0) != 0) out->push_back({SetSysctl{proxy_delay(true, link.name), "0"}});
  if (!has(site, false)) return;
  if (is.delay_v6.value_or(0) != 0) out->push_back({SetSysctl{proxy_delay(false, link.name), "0"}});
  if (is.ndp == 0) out->push_back({SetSysctl{link_sysctl(false, link.name, "proxy_ndp"), "1"}});
}

}  // namespace

std::vector<Sequence> plan_spread(const NetworkSite& site, const HostLink& link, const HostState& host) {
  std::vector<Sequence> out;
  if (!host.proxies) return out;
  const auto at = host.proxies->links.find(link.index);
  const LinkProxies is = at == host.proxies->links.end() ? LinkProxies() : at->second;
  const std::set<IpAddress> wanted = site.spread ? elsewhere(site, link, host) : std::set<IpAddress>();
  if (site.spread) plan_sysctls(site, link, is, &out);
  for (const IpAddress& each : is.ours)
    if (!wanted.contains(each)) out.push_back({DeleteNeighbour{link.name, each, true}});
  for (const IpAddress& each : wanted)
    if (!is.ours.contains(each))  // and those are told who knew it on this host
      out.push_back({PutNeighbour{link.name, each, 0, true}, AnnounceAddress{link.name, each}});
  return out;
}

std::vector<Operation> plan_unspread(const std::vector<NetworkSite>& sites, const HostState& host) {
  std::vector<Operation> out;
  if (!host.proxies) return out;
  for (const auto& [index, is] : host.proxies->links) {
    const HostLink* link = host.find(index);
    if (!link || std::ranges::any_of(sites, [&](const auto& each) { return each.interface == link->name; })) continue;
    for (const IpAddress& each : is.ours) out.emplace_back(DeleteNeighbour{link->name, each, true});
  }
  return out;
}

bool is_of_spread(const Operation& operation) {
  if (const auto* sysctl = std::get_if<SetSysctl>(&operation))
    return sysctl->key.ends_with(".proxy_delay") || sysctl->key.ends_with(".proxy_ndp");
  return std::holds_alternative<PutNeighbour>(operation) || std::holds_alternative<DeleteNeighbour>(operation);
}

std::vector<Problem> spread_problems(const std::string& interface, const std::vector<Undone>& undone) {
  for (const Undone& each : undone) {
    if (!is_of_spread(each.operation)) continue;
    const auto* sysctl = std::get_if<SetSysctl>(&each.operation);
    const auto* put = std::get_if<PutNeighbour>(&each.operation);
    const auto* taken = std::get_if<DeleteNeighbour>(&each.operation);
    const bool concerned = sysctl ? sysctl->key == proxy_delay(true, interface) ||
                                        sysctl->key == proxy_delay(false, interface) ||
                                        sysctl->key == link_sysctl(false, interface, "proxy_ndp")
                                  : (put ? put->link : taken->link) == interface;
    if (!concerned) continue;
    const std::string what = sysctl ? sysctl->key : (put ? put->address : taken->address).to_string();
    return {{"spread-refused",
             each.too_often ? "something sets " + what + " back again and again; berthd goes on setting it, slower"
                            : "berthd can't have " + interface + " answer for the other hosts' addresses: " + what +
                                  ": " + each.error.message,
             !each.error.remedy.empty() ? each.error.remedy : "run berthd with CAP_NET_ADMIN; ip neigh show proxy",
             false}};
  }
  return {};
}

}  // namespace berth
