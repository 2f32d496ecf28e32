// SPDX-License-Identifier: GPL-2.0-or-later
//
// Takes out of FRR what a berthd that is no more has left there: `berthd --sweep`. Where the module is in zebra it counts the grace time
// itself; through FRR's northbound nobody does.
#pragma once

#include <cstdint>
#include <string>

#include "core/config.h"
#include "core/result.h"

namespace berth {

// How many routes were there. `way`: the way into zebra by which they came, as in the tables of daemon/tenants.h; empty: the
// configuration's. `vty_socket`: where a berthd that runs would be found; empty: where the configuration says. Permanent: one runs by
// that way, whose they are; or there is no such way. Transient: FRR has not let go of all of them within ten seconds.
Result<std::uint32_t> sweep(const Config& config, const std::string& way, const std::string& vty_socket);

}  // namespace berth
