// SPDX-License-Identifier: GPL-2.0-or-later
//
// The containers' ends of their links, as their own kernels have them: for the shows. An endpoint's link is found by its MAC
// address in the container's network namespace, which its runtime names, or the number that the kernel has for the namespace of
// a veth's other end does. Of a macvlan neither is known on the host: the namespaces that have a name are gone through.
//
// Each is asked for once, a few times where it is not there yet, and again after a minute. Bounded at each look. Enters network
// namespaces (CAP_SYS_ADMIN): without that, of a veth the index alone is known. Blocks: on the worker's thread.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "container_watcher/attach/port_book.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/observer.h"

namespace berth {

class InnerEnds {
 public:
  explicit InnerEnds(Observer& observer) : observer_(observer) {}
  // Tells the book what it finds. `more`: not all could be asked for yet.
  void look(const HostState& state, PortBook& book, bool* more);

 private:
  using Clock = std::chrono::steady_clock;
  struct Known {
    int port = 0;
    int tries = 0;
    Clock::time_point asked{};
  };
  class Round;
  Observer& observer_;
  std::map<EndpointKey, Known> known_;
};

}  // namespace berth
