// SPDX-License-Identifier: GPL-2.0-or-later
//
// What each kind of attachment asks of the link that leads to its containers: does it have its gateway's address, does it
// forward. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/attach/driver.h"
#include "container_watcher/attach/network_site.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/operation.h"

namespace berth {

// A link of ours for this network, up, of the network's MTU where one is said.
LinkSettings our_link(const NetworkConfig& config);
// As it was made; a link of another hand in its place is left to the executor to refuse.
bool is_as(const HostLink* link, std::string_view kind, const LinkSettings& wanted);

// A bridge of ours under the network's containers, with its gateways' addresses: what is missing of it.
void ground_of_bridge(const NetworkConfig& config, const BridgeLink& kind, const LinkSettings& settings,
                      const HostState& host, Groundwork* out);
std::string our_bridge(const NetworkConfig& config);  // its name

// Addresses that are ours to put on the link and are not there.
std::vector<Operation> plan_addresses(const NetworkSite& site, const HostLink& link);
// The same, of a bridge that is up.
std::vector<Operation> plan_bridge(const NetworkSite& site, const HostState& host);
// "bridge-missing", "bridge-down"; of one that is neither, the rest of this page.
LinkVerdict judge_bridge(const NetworkSite& site, const HostState& host, const std::vector<std::string>& uplinks);
// "gateway-missing".
void judge_addresses(const NetworkSite& site, const HostLink& link, LinkVerdict* out);
// "forwarding-off", "uplink-forwarding-off", "forwarding-host": of the link and of the uplinks. Forwarding that is off for the
// whole host is told as that, elsewhere.
void judge_forwarding(const NetworkSite& site, const HostState& host, const HostLink& link,
                      const std::vector<std::string>& uplinks, LinkVerdict* out);

}  // namespace berth
