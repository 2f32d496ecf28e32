// SPDX-License-Identifier: GPL-2.0-or-later
//
// How something hangs on the network of this host: a whole network by its bridge, or one endpoint by a link of its own. A
// route points at an attachment and lives no longer than it. Pure values.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/facts.h"
#include "core/ip.h"
#include "core/shared_text.h"

namespace berth {

struct AttachmentKey {
  SharedText network;         // NetworkConfig::name
  EndpointKey endpoint = {};  // without an id: the network's own, which all its endpoints share
  bool of_endpoint() const { return !endpoint.endpoint.empty(); }
  auto operator<=>(const AttachmentKey&) const = default;
};

// As it should be.
struct AttachmentSpec {
  SharedText driver;           // "bridge"
  SharedText runtime;          // whose network it is: a name of a runtime line
  SharedText runtime_network;  // its name there
  std::vector<SubnetConfig> subnets;
  std::uint32_t mtu = 0;                                 // bytes; 0: the runtime's default
  std::map<std::string, std::set<std::string>> options;  // the driver's own lines
  std::vector<Prefix> scope;                             // where routes by it can lie
  std::string incarnation = {};                          // of an endpoint: incarnation_of() its container
  bool operator==(const AttachmentSpec&) const = default;
};

// Nothing has to be there before an attachment.
inline std::monostate depends_on(const AttachmentSpec&) {
  return {};
}

// How the fabric is told of a whole subnet.
enum class SubnetRoute {
  ConnectedTag,  // our tag on the connected route that the host has, since it has an address of the subnet
  Route,         // a route of ours
  None,          // not at all
};

enum class AttachmentState {
  Requested,    // wanted, and not begun
  Configuring,  // under way, or not looked at yet
  Configured,   // there as it should be
  Failed,       // tried, and tried again; the network's problems say why
};
std::string_view to_string(AttachmentState state);  // "requested", …

// As it is, for who points at it. What stands against it is the health of its network (core/facts.h).
struct Attachment {
  AttachmentKey key;
  SharedText interface;               // on the host: what routes go out by
  std::optional<IpAddress> next_hop;  // absent: the destinations are on the interface itself
};

}  // namespace berth

template <>
struct std::hash<berth::AttachmentKey> {
  std::size_t operator()(const berth::AttachmentKey& key) const {
    return (std::hash<berth::SharedText>()(key.network) * 31 + std::hash<berth::SharedText>()(key.endpoint.endpoint)) *
               31 +
           std::hash<berth::SharedText>()(key.endpoint.container.id);
  }
};
