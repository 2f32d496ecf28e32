// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/plug_steps.h"

#include <algorithm>

#include "core/names.h"

namespace berth {

LinkSettings plug_link(const NetworkConfig& config, const PlugSite& site) {
  LinkSettings out;
  out.alias = mark_of(config.name);
  if (site.mtu != 0) out.mtu = site.mtu;
  return out;
}

void prepare_inside(const NetworkConfig& config, const PlugSite& site, std::vector<Operation>* out) {
  // Docker switches IPv6 off in a namespace where nothing has any.
  if (std::any_of(site.addresses.begin(), site.addresses.end(), [](const IpAddress& each) { return each.is_v6(); }))
    out->emplace_back(SetSysctl{link_sysctl(false, site.inside, "disable_ipv6"), "0", site.netns});
  LinkSettings settings = plug_link(config, site);
  settings.up = true;
  out->emplace_back(SetLink{site.inside, settings, site.netns});
  out->emplace_back(AwaitOperUp{site.inside, site.netns});
}

void put_default_route(const IpAddress& router, bool onlink, const PlugSite& site, std::vector<Operation>* out) {
  PutRoute route{Prefix::of(router, 0), site.inside, router, onlink};
  route.netns = site.netns;
  out->emplace_back(std::move(route));
}

void put_addresses(const NetworkConfig& config, const PlugSite& site, std::vector<Operation>* out) {
  for (const IpAddress& address : site.addresses)
    for (const SubnetConfig& subnet : config.subnets) {
      if (!subnet.subnet.contains(address)) continue;
      out->emplace_back(PutAddress{site.inside, address, subnet.subnet.length(), site.netns, true});
      if (subnet.gateway) put_default_route(*subnet.gateway, false, site, out);
    }
}

PlugPlan plug_port(const NetworkConfig& config, const PlugSite& site, const std::string& bridge) {
  LinkSettings settings = plug_link(config, site);
  settings.master = bridge;
  settings.up = true;
  PlugPlan out;
  out.operations.emplace_back(PutLink{site.host_link, VethLink{site.inside, site.netns, site.mac}, settings});
  prepare_inside(config, site, &out.operations);
  out.operations.emplace_back(AwaitOperUp{site.host_link});
  put_addresses(config, site, &out.operations);
  return out;
}

}  // namespace berth
