// SPDX-License-Identifier: GPL-2.0-or-later
//
// What each kind of attachment asks of the link that leads to its containers: does it have its gateway's address, does it
// forward. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "container_watcher/attach/driver.h"
#include "container_watcher/attach/network_site.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/operation.h"

namespace berth {

// Addresses that are ours to put on the link and are not there.
std::vector<Operation> plan_addresses(const NetworkSite& site, const HostLink& link);
// "gateway-missing".
void judge_addresses(const NetworkSite& site, const HostLink& link, LinkVerdict* out);
// "forwarding-off", "uplink-forwarding-off", "forwarding-host": of the link and of the uplinks. Forwarding that is off for the
// whole host is told as that, elsewhere.
void judge_forwarding(const NetworkSite& site, const HostState& host, const HostLink& link,
                      const std::vector<std::string>& uplinks, LinkVerdict* out);

}  // namespace berth
