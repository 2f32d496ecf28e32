// SPDX-License-Identifier: GPL-2.0-or-later
//
// The connections of containers to networks, joined with what is configured, with the host and with the routes. Pure; any
// thread. The View outlives it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/show/rows.h"
#include "daemon/show/view.h"

namespace berth {

class AttachmentRows {
 public:
  explicit AttachmentRows(const View& view);
  std::vector<AttachmentRow> of(const ContainerFact& container) const;
  std::size_t containers_in(const std::string& network) const;  // a network of berthd.conf

 private:
  struct Route;
  const NetworkConfig* network_of(const ContainerFact& container, const EndpointFact& endpoint) const;
  AttachmentRow row(const ContainerFact& container, const EndpointFact& endpoint) const;
  std::vector<Route> routes_of(const ContainerFact& container, const EndpointFact& endpoint,
                               const NetworkConfig& network) const;

  const View& view_;
  std::map<NetworkName, const NetworkConfig*> networks_;  // by runtime and its name there
  std::map<RibKey, const RouteView*> routes_;
  std::map<std::string, std::size_t> containers_in_;  // by the configured network's name
};

}  // namespace berth
