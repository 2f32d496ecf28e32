// SPDX-License-Identifier: GPL-2.0-or-later
//
// The shell for people: readline with history, Tab, `?`, and pauses where `terminal length` asks for them.
#pragma once

#include "daemon/berthctl/connection.h"

namespace berth {

int interactive(Connection& berthd);  // the exit code

}  // namespace berth
