// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kind of attachment that does as little as one can: containers hang on an interface that is there already. For
// tests/checks/tenants.py.
#pragma once

#include "container_watcher/attach/driver.h"

namespace berth {

class StubDriver : public Driver {
 public:
  std::string_view name() const override { return "stub"; }
  std::string_view help() const override { return "An interface that is there"; }
  const std::vector<NetworkOption>& options() const override;
  std::vector<std::string> gaps(const NetworkConfig& config) const override;
  RuntimeNetwork runtime_network(const NetworkConfig& config) const override;
  NetworkSite site(const NetworkConfig& config, const NetworkFact& fact) const override;
  std::vector<Operation> plan(const NetworkSite& site, const HostState& host) const override;
  LinkVerdict judge(const NetworkSite& site, const HostState& host,
                    const std::vector<std::string>& uplinks) const override;
  SubnetRoute subnet_route() const override { return SubnetRoute::None; }
};

}  // namespace berth
