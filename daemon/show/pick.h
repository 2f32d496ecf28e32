// SPDX-License-Identifier: GPL-2.0-or-later
//
// What more than one show picks out of a View. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/show/view.h"

namespace berth {

// One of the routes by which the fabric is to reach an endpoint: its own, or its subnet's.
struct AttachmentRoute {
  Prefix prefix;
  bool subnet = false;
  const RouteView* route = nullptr;  // null: it is refused, explain says why
  std::string_view state() const { return route ? to_string(route->state) : "refused"; }
};

// One container's connection to one network, with all that is known of it.
struct AttachmentView {
  const ContainerFact* container = nullptr;
  const EndpointFact* endpoint = nullptr;
  const NetworkConfig* network = nullptr;  // null: not in berthd.conf
  std::string parent;                      // the bridge or the parent interface on the host
  std::uint32_t mtu = 0;                   // 0: unknown
  std::string advertise;                   // the network's word; "none" where it is not configured
  std::vector<AttachmentRoute> routes;     // of its addresses, in their order
  std::string route_state() const;         // the worst of them; empty: no route
  // The same for people: where a part of them is installed, the worst is named ("partly: IPv6 notBest").
  std::string route_text(const char* partly = "partly: ") const;
};

class Picker {
 public:
  explicit Picker(const View& view);
  std::vector<AttachmentView> attachments(const ContainerFact& container) const;
  const NetworkConfig* network_of(const EndpointFact& endpoint) const;
  std::vector<AttachmentRoute> routes_of(const AttachmentView& attachment) const;
  // Containers by the configured network's name.
  const std::map<std::string, std::size_t>& containers_in() const { return containers_in_; }

 private:
  const View& view_;
  std::map<std::string, const NetworkConfig*> by_runtime_name_;
  std::map<RibKey, const RouteView*> routes_;
  std::map<std::string, std::size_t> containers_in_;
};

WallTime since_of(const View& view, const RouteView& route);

}  // namespace berth
