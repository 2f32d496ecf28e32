// SPDX-License-Identifier: GPL-2.0-or-later
//
// A Config as berthd.conf: parse_config(print_config(c)) is c again. Pure; any thread.
#pragma once

#include <string>

#include "core/config.h"

namespace berth {

std::string print_config(const Config& config);
std::string print_network(const NetworkConfig& network);  // from `network NAME` to `exit`

}  // namespace berth
