// SPDX-License-Identifier: GPL-2.0-or-later
//
// A container on several networks answers through the one that has its default route. Where that is not the network of
// the address, a bridge with strict rp_filter (net.ipv4.conf.LINK.rp_filter 1) drops its answers. IPv4 alone.
//
// The container's own kernel is asked, in its network namespace, where that can be entered (its name in
// /run/docker/netns or /run/netns, CAP_SYS_ADMIN); else it is told and not acted upon. Blocks: on the worker's thread.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "container_watcher/attach/port_book.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/observer.h"

namespace berth {

class ReturnPaths {
 public:
  explicit ReturnPaths(Observer& observer) : observer_(observer) {}
  std::map<EndpointKey, Problem> look(const HostState& state, const std::vector<ForkedEndpoint>& endpoints);

 private:
  struct Known {
    int port = 0;
    std::optional<int> leaves_by;  // index of a link of this host
    std::chrono::steady_clock::time_point asked{};
  };
  Observer& observer_;
  std::map<EndpointKey, Known> known_;
};

}  // namespace berth
