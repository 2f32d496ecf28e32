// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be said of a network on a bridge.
#include "container_watcher/attach/bridge/bridge_driver.h"

namespace berth {

const std::vector<NetworkOption>& BridgeDriver::options() const {
  static const std::vector<NetworkOption> kOptions;
  return kOptions;
}

std::vector<std::string> BridgeDriver::gaps(const NetworkConfig&) const {
  return {};
}

}  // namespace berth
