// SPDX-License-Identifier: GPL-2.0-or-later
//
// A container on several networks answers through the one that has its default route, and what it opens itself has that one's
// source. Where that is not the network of the address:
//  - a bridge with strict rp_filter (net.ipv4.conf.LINK.rp_filter 1) drops its answers. IPv4 alone;
//  - NAT there changes the source of what it opens. That holds nothing back, and is told: answers keep theirs, since NAT is for
//    the first packet of a connection alone.
//
// The container's own kernel is asked, in its network namespace, where that can be entered (inner_ends.h); else strict rp_filter is
// told and not acted upon. Blocks: on the worker's thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "container_watcher/attach/port_book.h"
#include "container_watcher/firewall/verdict.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/observer.h"

namespace berth {

class ReturnPaths {
 public:
  using Sources = std::function<std::vector<Nat>(const std::vector<firewall::Leaving>&)>;
  explicit ReturnPaths(Observer& observer) : observer_(observer) {}
  // `more`: some are to be asked again soon.
  std::map<EndpointKey, Problem> look(const HostState& state, const std::vector<ForkedEndpoint>& endpoints,
                                      const Sources& sources, bool* more);

 private:
  // A link of the container.
  struct Way {
    Mac mac = 0;
    bool veth = false;
    int outside = 0;  // index of its other end on this host, or of what it stands on
  };
  struct Known {
    int port = 0;
    int asked_times = 0;
    std::chrono::steady_clock::time_point asked{};
    std::optional<Way> answers;             // IPv4
    std::optional<Way> opens_v4, opens_v6;  // what the container begins itself
  };
  std::optional<Way> way(const ForkedEndpoint& endpoint, bool v4, const std::optional<IpAddress>& source) const;
  void ask(const ForkedEndpoint& endpoint, Known* known) const;
  void look_at_sources(const HostState& state, const std::vector<ForkedEndpoint>& endpoints, const Sources& sources,
                       std::map<EndpointKey, Problem>* out) const;

  Observer& observer_;
  std::map<EndpointKey, Known> known_;
};

}  // namespace berth
