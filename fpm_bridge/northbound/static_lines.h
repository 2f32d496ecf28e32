// SPDX-License-Identifier: GPL-2.0-or-later
//
// Static routes as staticd's own shell has them, where FRR has no mgmtd: lines in, lines out. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fpm_bridge/northbound/static_route.h"

namespace berth {

// Those of the default VRF in the answer to `show running-config`. A line that is not understood to its end is a route that is not plain.
std::vector<StaticRoute> read_static_lines(std::string_view running_config);
// What is typed within `configure terminal`.
std::vector<std::string> static_commands(const StaticPlan& plan);

}  // namespace berth
