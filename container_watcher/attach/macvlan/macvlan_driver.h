// SPDX-License-Identifier: GPL-2.0-or-later
//
// Containers with a MAC address of their own on a parent (linux/if_link.h, MACVLAN_MODE_*; Docker's macvlan driver makes the
// links). Three forms:
//   parent internal             the parent is one end of a veth of ours, this host is the router at its other end: the form for
//                               a network that the fabric reaches by this host alone
//   parent IF, shim [ADDRESS]   on a segment that others share. A parent and its macvlans can't talk to each other: the host
//                               gets a macvlan of its own there, the shim, and routes to each container go out by it
//   parent IF                   the same, without this host: nothing can be advertised
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "container_watcher/attach/driver.h"

namespace berth {

class MacvlanDriver : public Driver {
 public:
  std::string_view name() const override { return "macvlan"; }
  std::string_view help() const override {
    return "A macvlan for each container, on an interface or routed by this host";
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

// What the lines of a network say, and what its links are called. Private to macvlan/.
struct MacvlanLines {
  explicit MacvlanLines(const NetworkConfig& config);
  bool internal = false;
  std::string parent;  // of the containers: an interface of this host, or our end of the veth
  std::string host;    // this host's link to the containers: the other end, the shim, or nothing
  MacvlanMode mode = MacvlanMode::Bridge;
  bool shim = false;
  std::uint32_t mac_limit = 0;  // 0: any number
  // What `host` has of that subnet.
  std::vector<SiteAddress> addresses_in(const Prefix& subnet, const std::optional<IpAddress>& gateway) const;
  std::vector<IpAddress> shim_addresses;
};

}  // namespace berth
