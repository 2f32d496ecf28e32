// SPDX-License-Identifier: GPL-2.0-or-later
//
// Asks bgpd what it does for the segments of this host, and says what is missing.
//
// Thread: the io_context's. Owner: the daemon. A bgpd that is away is told, and asked again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/evpn.h"
#include "core/result.h"

namespace berth {

// What is wrong with one segment, whose tunnel begins at `vtep`, by the answers to `show bgp l2vpn evpn vni json` and `show bgp l2vpn evpn summary json`. Pure.
std::vector<Problem> judge_evpn(std::uint32_t vni, const std::optional<IpAddress>& vtep,
                                const Result<std::string>& vnis, const Result<std::string>& summary);

class EvpnCheck : public Evpn {
 public:
  // `folder`: where FRR's daemons have their sockets, "/run/frr".
  EvpnCheck(boost::asio::io_context& io, const std::string& folder, Listener listener);
  ~EvpnCheck() override;
  void want(Segments segments) override;
  void stop() override;

 private:
  struct State;
  const std::shared_ptr<State> state_;  // its coroutine may outlive this by one turn
};

}  // namespace berth
