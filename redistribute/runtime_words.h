// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an operator types at a container's runtime so that the container gets what explain misses. Pure; any thread.
#pragma once

#include <string>

#include "core/config.h"
#include "core/facts.h"

namespace berth {

bool makes_networks(const Config& config, const ContainerKey& container);      // its runtime does
std::string list_command(const Config& config);                                // of every kind that is configured
std::string start_command(const Config& config, const ContainerFact& fact);    // of one that does not run
std::string connect_command(const Config& config, const ContainerFact& fact);  // of one that runs, without a network
std::string inspect_command(const Config& config, const ContainerFact& fact);  // of one that does neither

}  // namespace berth
