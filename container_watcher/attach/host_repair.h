// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets right on the host what is ours to set: forwarding of the whole host, the gateway's address of a bridge of ours.
// Blocks for some netlink messages and files in /proc/sys: on HostAgent's worker thread. What somebody undoes again and
// again is set a few times a minute and told. What an operator set on a single link is never touched, but for accept_ra
// (below).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "container_watcher/attach/budget.h"
#include "container_watcher/attach/link_check.h"
#include "core/facts.h"
#include "core/result.h"

namespace berth {

class HostRepair {
 public:
  // net.ipv4.ip_forward or net.ipv6.conf.all.forwarding on. Where it can't be: a problem that blocks that family. A host
  // that forwards IPv6 forgets what it learnt by router advertisements on links with accept_ra 1 (ip-sysctl.rst): such
  // links get accept_ra 2 first, or forwarding stays off.
  // `now`: what netlink says of it.
  std::vector<Problem> forward(bool v4, std::optional<int> now);

  struct Answer {
    std::map<MissingAddress, std::string> refused;  // with why
    bool waiting = false;                           // something is missing for so short a time that Docker may be at it
  };
  // All that is missing now.
  Answer put_back(const std::vector<MissingAddress>& missing);

 private:
  struct Missing {
    Budget::Clock::time_point since;
    Budget budget;
  };
  Budget forward_v4_{5, std::chrono::minutes(1)}, forward_v6_{5, std::chrono::minutes(1)};
  std::map<MissingAddress, Missing> missing_;
};

// Sets each global address of the interface to what it is: nothing changes, and the kernel announces it anew (RTM_NEWADDR,
// rtnetlink(7)) to those who missed it. Stale where there is no such interface.
Status repeat_addresses(const std::string& interface);

}  // namespace berth
