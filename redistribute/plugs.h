// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which containers ask berthd itself to plug them into a network: those that run without any, and whose label berth.network names
// one. The label asks; the network's `allow label network` allows (DESIGN, law 6). Pure; any thread.
#pragma once

#include <set>

#include "core/config.h"
#include "core/facts.h"
#include "redistribute/refusals.h"

namespace berth {

struct PlugWish {
  bool asked = false;                      // it bears the label, and has no network of its runtime's
  const NetworkConfig* network = nullptr;  // of the configuration; nullptr: none
  std::set<Refusal> refusals = {};
};
PlugWish plug_wish(const Config& config, const ContainerFact& fact);

}  // namespace berth
