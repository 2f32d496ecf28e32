// SPDX-License-Identifier: GPL-2.0-or-later
//
// A veth for each container and no bridge at all: the container has its address alone (/32, /128), and a default route by a
// link-local address of which this host has no more than the MAC address, in the container's own table. What containers of one
// host say to each other is routed, too. Only for containers that berthd itself plugs in. Pure; any thread.
#pragma once

#include "container_watcher/attach/driver.h"

namespace berth {

class RoutedDriver : public Driver {
 public:
  std::string_view name() const override { return "routed"; }
  std::string_view help() const override { return "A link for each container, routed by this host, without a bridge"; }
  const std::vector<NetworkOption>& options() const override;
  std::vector<std::string> gaps(const NetworkConfig& config) const override;
  RuntimeNetwork runtime_network(const NetworkConfig& config) const override;
  NetworkSite site(const NetworkConfig& config, const NetworkFact& fact) const override;
  std::vector<Operation> plan(const NetworkSite&, const HostState&) const override { return {}; }
  LinkVerdict judge(const NetworkSite& site, const HostState& host,
                    const std::vector<std::string>& uplinks) const override;
  SubnetRoute subnet_route() const override { return SubnetRoute::None; }
  std::optional<PlugPlan> plug(const NetworkConfig& config, const PlugSite& site) const override;
};

}  // namespace berth
