// SPDX-License-Identifier: GPL-2.0-or-later
//
// The lines of `network NAME` that each network has, whatever its driver. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "container_watcher/attach/driver.h"
#include "core/network_option.h"

namespace berth {

// `drivers`: those that `driver …` can name; they outlive the rows.
std::vector<NetworkOption> common_network_options(const std::vector<const Driver*>& drivers);

// One of these words, as a syntax: "bridge", "<bridge|macvlan>".
std::string one_of(const std::vector<std::string>& words);

}  // namespace berth
