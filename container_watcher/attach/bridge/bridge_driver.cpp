// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/bridge/bridge_driver.h"

#include "container_watcher/attach/link_checks.h"
#include "container_watcher/attach/options.h"

namespace berth {

RuntimeNetwork BridgeDriver::runtime_network(const NetworkConfig& config) const {
  RuntimeNetwork out = network_as_said(config, "bridge");
  out.mtu = config.mtu;
  out.nat = false;
  if (const auto theirs = said(config, "interface")) {
    out.interface = *theirs;
    out.there_already = true;
    // Docker leaves the addresses of the bridge alone: they are the host's own.
    out.options["com.docker.network.bridge.inhibit_ipv4"] = "true";
  } else if (out.make) {
    out.interface = our_bridge(config);
  }
  return out;
}

}  // namespace berth
