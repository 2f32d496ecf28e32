// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/routed/routed_driver.h"

#include "container_watcher/attach/link_checks.h"
#include "container_watcher/attach/options.h"
#include "container_watcher/attach/plug_steps.h"
#include "core/names.h"

namespace berth {
namespace {

// The router of the containers (RFC 3927, RFC 4291): the same for all, since each has a link of its own to it.
const IpAddress kRouterV4 = *IpAddress::parse("169.254.1.1"), kRouterV6 = *IpAddress::parse("fe80::1");

// How the links of one network begin: so can rules of a firewall name them all.
std::string beginning(const std::string& network) {
  return "rv" + short_hash(network, 5) + "-";
}

}  // namespace

const std::vector<NetworkOption>& RoutedDriver::options() const {
  static const std::vector<NetworkOption> kOptions = {
      ip_range_option(),
      mtu_option("MTU of the containers' links"),
      nat_check_option(),
  };
  return kOptions;
}

std::vector<std::string> RoutedDriver::gaps(const NetworkConfig& config) const {
  std::vector<std::string> out;
  const std::string of = "network " + config.name;
  if (!config.plugged)
    out.push_back("a runtime for " + of +
                  " whose containers berthd itself plugs in (runtime containerd …, and in the "
                  "network: runtime containerd)");
  if (!config.docker_network.empty()) out.push_back("no docker-network for " + of + ": none of Docker's is routed");
  if (advertises_subnet(config.advertise))
    out.push_back("advertise host for " + of + ": no link of this host has its subnet");
  return out;
}

RuntimeNetwork RoutedDriver::runtime_network(const NetworkConfig& config) const {
  return network_as_said(config, "routed");
}

NetworkSite RoutedDriver::site(const NetworkConfig& config, const NetworkFact& fact) const {
  NetworkSite out = bare_site(config, fact);
  out.interface = beginning(config.name) + "*";
  out.own_link = true;
  return out;
}

// There is no link before there is a container; the links' own sysctls are the host's defaults.
LinkVerdict RoutedDriver::judge(const NetworkSite& site, const HostState& host,
                                const std::vector<std::string>& uplinks) const {
  LinkVerdict out;
  out.attached = true;
  HostLink any;
  any.name = site.interface;
  any.up = true;
  judge_forwarding(site, host, any, uplinks, &out);
  return out;
}

std::optional<PlugPlan> RoutedDriver::plug(const NetworkConfig& config, const PlugSite& site) const {
  PlugPlan out;
  out.has_neighbours = false;
  out.routes_by = beginning(config.name) + site.host_link.substr(site.host_link.size() - 6);
  LinkSettings settings = plug_link(config, site);
  settings.mac = local_mac(out.routes_by);
  settings.up = true;
  out.operations.emplace_back(PutLink{out.routes_by, VethLink{site.inside, site.netns, site.mac}, settings});
  prepare_inside(config, site, &out.operations);
  out.operations.emplace_back(AwaitOperUp{out.routes_by});
  for (const IpAddress& address : site.addresses) {
    const IpAddress& router = address.is_v4() ? kRouterV4 : kRouterV6;
    // Nobody asks for the other end: each knows it, and so no address of this host's has to be on the link.
    out.operations.emplace_back(PutNeighbour{.link = out.routes_by, .address = address, .mac = site.mac});
    out.operations.emplace_back(PutAddress{site.inside, address, address.bits(), site.netns, true});
    out.operations.emplace_back(
        PutNeighbour{.link = site.inside, .address = router, .mac = *settings.mac, .netns = site.netns});
    put_default_route(router, true, site, &out.operations);
  }
  return out;
}

}  // namespace berth
