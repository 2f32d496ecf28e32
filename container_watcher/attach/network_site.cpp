// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/network_site.h"

#include "container_watcher/attach/made_anew.h"

namespace berth {
namespace {

bool option_is(const NetworkFact& fact, const std::string& name, const std::string& value) {
  const auto found = fact.options.find("com.docker.network.bridge." + name);
  return found != fact.options.end() && found->second == value;
}

// Docker was told to give the bridge no address of this family.
bool unaddressed(const NetworkFact& fact, bool v4) {
  if (v4 && (option_is(fact, "inhibit_ipv4", "true") || option_is(fact, "inhibit_ipv4", "1"))) return true;
  return option_is(fact, v4 ? "gateway_mode_ipv4" : "gateway_mode_ipv6", "isolated");
}

}  // namespace

NetworkSite bare_site(const NetworkConfig& config, const NetworkFact& fact) {
  NetworkSite out;
  out.name = config.name;
  out.driver = config.driver;
  out.key = {fact.runtime, fact.id};
  out.lenient = config.nat_lenient;
  for (const SubnetFact& each : fact.subnets) out.subnets.push_back(each.subnet);
  return out;
}

NetworkSite site_of(const NetworkConfig& config, const NetworkFact& fact) {
  NetworkSite out = bare_site(config, fact);
  out.interface = fact.interface;
  out.closed_v4 = fact.internal || option_is(fact, "gateway_mode_ipv4", "isolated");
  out.closed_v6 = fact.internal || option_is(fact, "gateway_mode_ipv6", "isolated");
  out.anew = made_anew(config, fact);
  for (const SubnetFact& each : fact.subnets) {
    if (unaddressed(fact, each.subnet.is_v4())) continue;
    SiteAddress address{each.subnet, each.gateway, config.docker_network.empty()};
    for (const SubnetConfig& said : config.subnets)
      // Where the network has another gateway than was said, its containers use that one.
      if (said.subnet == each.subnet && said.gateway && (!each.gateway || each.gateway == said.gateway)) {
        address.gateway = said.gateway;
        address.ours = true;
      }
    out.addresses.push_back(address);
  }
  return out;
}

}  // namespace berth
