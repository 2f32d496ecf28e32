// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an operator types so that Docker makes a network anew, with NAT off and nothing that Docker closes by itself: what a
// network is, it is from its making on. Pure; any thread. Typed as it stands by tests/fabric/test_docker29.py.
#pragma once

#include <string>

#include "core/config.h"
#include "core/facts.h"

namespace berth {

// One line for sh. Containers run on meanwhile, off that network, and are connected again, with the names and the fixed
// addresses that they had there. berthd makes its own network as soon as it is gone; another is made with the same options.
std::string made_anew(const NetworkConfig& config, const NetworkFact& fact);

}  // namespace berth
