// SPDX-License-Identifier: GPL-2.0-or-later
//
// A plain Linux bridge of the runtime's own, without NAT: the runtime makes it and plugs the containers in, this host routes
// to it. Pure; any thread.
#pragma once

#include "container_watcher/attach/driver.h"

namespace berth {

class BridgeDriver : public Driver {
 public:
  std::string_view name() const override { return "bridge"; }
  std::string_view help() const override {
    return "A bridge, without NAT: the runtime's, berthd's or the operator's own";
  }
  const std::vector<NetworkOption>& options() const override;
  std::vector<std::string> gaps(const NetworkConfig& config) const override;
  RuntimeNetwork runtime_network(const NetworkConfig& config) const override;
  std::optional<Groundwork> groundwork(const NetworkConfig& config, const HostState& host) const override;
  NetworkSite site(const NetworkConfig& config, const NetworkFact& fact) const override;
  std::vector<Operation> plan(const NetworkSite& site, const HostState& host) const override;
  LinkVerdict judge(const NetworkSite& site, const HostState& host,
                    const std::vector<std::string>& uplinks) const override;
  SubnetRoute subnet_route() const override { return SubnetRoute::ConnectedTag; }
  bool is_shared(const NetworkConfig& config) const override;
  std::optional<PlugPlan> plug(const NetworkConfig& config, const PlugSite& site) const override;
};

}  // namespace berth
