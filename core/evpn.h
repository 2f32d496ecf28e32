// SPDX-License-Identifier: GPL-2.0-or-later
//
// What this host's FRR does for segments over several hosts (EVPN, RFC 7432): which of it is missing. EvpnCheck is the real one. One
// thread: the daemon's io_context; nothing here blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "core/facts.h"
#include "core/ip.h"

namespace berth {

class Evpn {
 public:
  // By VNI: where this host's tunnel begins, as its kernel has it; nothing: it is not known yet.
  using Segments = std::map<std::uint32_t, std::optional<IpAddress>>;
  // By VNI, of all that are wanted. What FRR lacks keeps other hosts from hearing of the segment, and nothing else: it is told.
  using Problems = std::map<std::uint32_t, std::vector<Problem>>;
  using Listener = std::function<void(const Problems&)>;  // called when something is different
  virtual ~Evpn() = default;
  virtual void want(Segments segments) = 0;  // asks at once, and now and then; none: it asks nothing
  virtual void stop() = 0;
};

}  // namespace berth
