// SPDX-License-Identifier: GPL-2.0-or-later
//
// Asks the segment behind a link whether somebody there has an address: an ARP probe (RFC 5227, 2.1.1) or a Neighbor
// Solicitation from :: (RFC 4862, 5.4.2). Neither says that the address is ours, so that nobody's tables change by it, and no
// proxy of ARP answers. What the link itself sends does not reach the macvlans on it: who answers us, or all, is on the wire.
// What macvlans say to each other is left aside.
//
// And tells it who has one, which is the opposite: whoever has another MAC address in his tables takes the new one.
//
// Nothing blocks; one thread at a time. Stale: the link is gone or down. Permanent: no CAP_NET_RAW.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "container_watcher/netlink/host_state.h"
#include "core/ip.h"
#include "core/result.h"

namespace berth {

// Who says of which address that it is his.
struct ProbeAnswer {
  IpAddress address;
  Mac mac = 0;
  bool operator==(const ProbeAnswer&) const = default;
};

struct ProbeAnswers {
  std::vector<ProbeAnswer> all;
  bool reflected = false;  // what we sent came back: the switch reflects, and macvlans of the link hear us, too
};

class ProbeSocket {
 public:
  virtual ~ProbeSocket() = default;
  virtual Status ask(const IpAddress& address) = 0;
  virtual ProbeAnswers answers() = 0;  // that came since the last call, or since it was opened
};

// Sends from the MAC address `mac`, which is the link's own.
Result<std::unique_ptr<ProbeSocket>> open_probe(int index, Mac mac);

// Tells all on the link that the address is at `mac`, which is the link's own, in the namespace that the caller is in.
Status announce(int index, const IpAddress& address, Mac mac);

// What is on the wire, and what is read from there. Pure.
std::vector<std::uint8_t> probe_frame(const IpAddress& address, Mac source);
std::vector<std::uint8_t> announcement_frame(const IpAddress& address, Mac mac);
std::optional<ProbeAnswer> answer_in(std::span<const std::uint8_t> frame);

}  // namespace berth
