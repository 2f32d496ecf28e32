// SPDX-License-Identifier: GPL-2.0-or-later
//
// What plugging a container in has in common, whatever its link is. Pure; any thread.
#pragma once

#include <vector>

#include "container_watcher/attach/driver.h"
#include "container_watcher/netlink/operation.h"
#include "core/config.h"

namespace berth {

// Of the link that is made, and of its end in the container: our mark, and the MTU. It is not set up.
LinkSettings plug_link(const NetworkConfig& config, const PlugSite& site);
// The link in the container is as plug_link() says, up, and may have IPv6 addresses.
void prepare_inside(const NetworkConfig& config, const PlugSite& site, std::vector<Operation>* out);
// `onlink`: no address of the link says that the router is there.
void put_default_route(const IpAddress& router, bool onlink, const PlugSite& site, std::vector<Operation>* out);
// All of it, by a veth whose end on the host is a port of that bridge.
PlugPlan plug_port(const NetworkConfig& config, const PlugSite& site, const std::string& bridge);
// Its addresses with the lengths of their subnets, and default routes by their gateways.
void put_addresses(const NetworkConfig& config, const PlugSite& site, std::vector<Operation>* out);

}  // namespace berth
