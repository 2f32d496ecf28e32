// SPDX-License-Identifier: GPL-2.0-or-later
//
// A box, cut by what one part of a rule asks. Private to firewall/. Pure; any thread.
#pragma once

#include <optional>
#include <vector>

#include "container_watcher/firewall/packet.h"
#include "container_watcher/firewall/program.h"

namespace berth::firewall {

// What of a packet is to be seen at one place of its way.
struct View {
  bool reply = false;
  bool tracked = true;      // conntrack has seen it
  bool ct_unknown = false;  // what conntrack says at this place can't be known
  // Of a flow whose source is changed: here the packet has the other address.
  bool source_hidden = false, destination_hidden = false;
  const IntervalSet* host = nullptr;   // one of these addresses it is; empty: not known
  std::optional<IntervalSet> in, out;  // other interfaces than the box's: none yet, or the ports of a bridge
};

using Boxes = std::vector<Box>;

void cut(const Box& box, const Part& part, const IntervalSet& set, bool negated, const View& view, Boxes* hits,
         Boxes* misses);
// Could `cut` hit anything?
bool touches(const Box& box, const Part& part, const IntervalSet& set, const View& view);
bool knows_connection(const Box& box, const View& view);
// What conntrack says of it is not followed.
bool connection_unknown(const Box& box, const View& view);
// The box may be hit and may be missed.
void both(const Box& box, bool unsure, Boxes* hits, Boxes* misses);

}  // namespace berth::firewall
