// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/facts.h"

#include <algorithm>

namespace berth {

// Docker calls one that was made without a network so even when it was connected to one later.
bool is_bare(const ContainerFact& fact) {
  return fact.network_mode.view() == "none" && std::ranges::all_of(fact.endpoints, &EndpointFact::plugged) &&
         (fact.state.view() == "running" || fact.state.view() == "paused" || !fact.netns.empty());
}

bool asks_for_a_plug(const ContainerFact& fact) {
  return is_bare(fact) && fact.labels.contains("berth.network");
}

// containerd's task has another pid each time.
std::string incarnation_of(const ContainerFact& fact) {
  return fact.netns + " " + fact.start;
}

}  // namespace berth
