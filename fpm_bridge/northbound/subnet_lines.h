// SPDX-License-Identifier: GPL-2.0-or-later
//
// The subnets that are to be advertised, where no module can tag their connected routes: prefix-lists in the daemons that redistribute,
// one of each family and tag, BERTH-TAG. A route-map matches them (`match ip address prefix-list BERTH-100`); a list that is not there
// matches nothing, so that nothing is advertised before berthd has said so. Lines in, lines out; pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip.h"
#include "fpm_bridge/northbound/leaving.h"

namespace berth {

struct SubnetWishes : Leaving {
  std::map<Prefix, std::uint32_t> tags;
};

// What is typed within `configure terminal`, where that is the daemon's `show running-config`.
std::vector<std::string> subnet_commands(std::string_view running_config, const SubnetWishes& wishes);

}  // namespace berth
