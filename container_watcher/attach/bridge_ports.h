// SPDX-License-Identifier: GPL-2.0-or-later
//
// The ports of bridges and whom they lead to: the MAC address of a veth's other end, which the kernel tells across
// network namespaces (IFLA_TARGET_NETNSID). So a container is found without a packet of its own and without its runtime.
//
// Asks once for each port, and again when the port's state changed (a runtime gives the other end its MAC after the
// port is there, and sets it up last) or, a few times, when no endpoint has that MAC. Bounded at each look. Blocks: on
// the worker's thread.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "container_watcher/attach/port_book.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/observer.h"

namespace berth {

class BridgePorts {
 public:
  explicit BridgePorts(Observer& observer) : observer_(observer) {}
  // Of the bridges with these indices. `more`: not all could be asked for yet.
  std::vector<BridgePort> read(const HostState& state, const std::set<int>& bridges, const PortBook& book, bool* more);

 private:
  struct Known {
    Mac peer = 0;
    bool up = false, carrier = false;
    int tries = 0;
  };
  Observer& observer_;
  std::map<int, Known> known_;  // by index
};

}  // namespace berth
