// SPDX-License-Identifier: GPL-2.0-or-later
//
// One segment over several hosts: a bridge on each, tied together by a VXLAN (RFC 7348) whose far ends FRR's bgpd tells by EVPN
// (RFC 7432, RFC 8365). The bridge has the same gateway on every host, with the same MAC address. Nothing is learnt from traffic:
// where the containers are is written into the bridge's tables (vxlan_entries.h), and zebra reads it there. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "container_watcher/attach/driver.h"
#include "core/ip.h"

namespace berth {

class OverlayDriver : public Driver {
 public:
  std::string_view name() const override { return "overlay"; }
  std::string_view help() const override { return "One segment over several hosts: VXLAN, with EVPN by FRR"; }
  const std::vector<NetworkOption>& options() const override;
  std::vector<std::string> gaps(const NetworkConfig& config) const override;
  RuntimeNetwork runtime_network(const NetworkConfig& config) const override;
  std::optional<Groundwork> groundwork(const NetworkConfig& config, const HostState& host) const override;
  NetworkSite site(const NetworkConfig& config, const NetworkFact& fact) const override;
  std::vector<Operation> plan(const NetworkSite& site, const HostState& host) const override;
  LinkVerdict judge(const NetworkSite& site, const HostState& host,
                    const std::vector<std::string>& uplinks) const override;
  SubnetRoute subnet_route() const override { return SubnetRoute::ConnectedTag; }
  std::optional<std::uint32_t> vni(const NetworkConfig& config) const override;
  bool isolates(const NetworkConfig& config, const NetworkConfig& other) const override;
  std::optional<PlugPlan> plug(const NetworkConfig& config, const PlugSite& site) const override;
};

inline constexpr const char* kRouteBetween = "route-between";

// What a network's lines say of the overlay.
struct OverlayLines {
  explicit OverlayLines(const NetworkConfig& config);
  std::uint32_t vni = 0;          // 0: not said
  std::optional<IpAddress> vtep;  // of this host; nothing: the loopback's
  Mac gateway_mac = 0;            // the bridge's, on every host
  std::string bridge, tunnel;
  std::string spare, spare_end;  // a port behind which nothing is, and its other end
};

}  // namespace berth
