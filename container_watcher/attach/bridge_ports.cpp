// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/bridge_ports.h"

#include <utility>

namespace berth {
namespace {

constexpr std::size_t kMostPorts = 128;  // at a look: some milliseconds
constexpr int kPortTries = 5;

}  // namespace

std::vector<BridgePort> BridgePorts::read(const HostState& state, const std::set<int>& bridges, const PortBook& book,
                                          bool* more) {
  *more = false;
  std::erase_if(known_, [&](const auto& each) { return !state.find(each.first); });
  std::vector<const HostLink*> ports;
  std::vector<HostLink> asked;
  for (const HostLink& port : state.links) {
    if (port.kind != "veth" || port.peer == 0 || !bridges.contains(port.master)) continue;
    const Known& known = known_[port.index];
    const bool changed = known.tries == 0 || known.up != port.up || known.carrier != port.carrier;
    const bool ask = changed || (known.tries < kPortTries && !book.claimed(known.peer));
    if (ask && asked.size() == kMostPorts) {
      *more = true;
      continue;
    }
    if (ask) asked.push_back(port);
    ports.push_back(&port);
  }
  const std::map<int, Mac> peers = observer_.peer_macs(asked);
  for (const HostLink& port : asked) {
    const auto peer = peers.find(port.index);
    if (peer == peers.end()) continue;
    Known& known = known_[port.index];
    const bool changed = known.tries == 0 || known.up != port.up || known.carrier != port.carrier;
    known = {peer->second, port.up, port.carrier, changed ? 1 : known.tries + 1};
  }
  std::vector<BridgePort> out;
  out.reserve(ports.size());
  for (const HostLink* port : ports) out.push_back({port->index, known_[port->index].peer});
  return out;
}

}  // namespace berth
