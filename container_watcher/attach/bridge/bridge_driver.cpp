// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/bridge/bridge_driver.h"

#include "core/names.h"

namespace berth {

RuntimeNetwork BridgeDriver::runtime_network(const NetworkConfig& config) const {
  RuntimeNetwork out = network_as_said(config, "bridge");
  out.mtu = config.mtu;
  out.nat = false;
  if (out.make) out.interface = link_name("br-", config.name);
  return out;
}

}  // namespace berth
