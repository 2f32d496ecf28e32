// SPDX-License-Identifier: GPL-2.0-or-later
//
// What one configuration has that another has not, for the log: "network green added; network blue: -tag 100 +tag 200; +limit
// routes 7". Pure; any thread.
#pragma once

#include <string>

#include "core/config.h"

namespace berth {

// One line, which names the first of many and counts the rest. Empty: they are the same.
std::string config_changes(const Config& before, const Config& now);

}  // namespace berth
