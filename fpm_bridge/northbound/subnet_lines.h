// SPDX-License-Identifier: GPL-2.0-or-later
//
// The subnets that are to be advertised, where no module can tag their connected routes: prefix-lists in the daemons that redistribute,
// one of each family and tag, BERTH-TAG. A route-map matches them (`match ip address prefix-list BERTH-100`); a list that is not there
// matches nothing, so that nothing is advertised before berthd has said so. Lines in, lines out; pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip.h"

namespace berth {

struct SubnetWishes {
  std::map<Prefix, std::uint32_t> tags;
  std::set<Prefix> unwanted;  // said to be taken back
  bool sweep = false;         // what nobody has named goes, but for what is within `keep`
  std::vector<Prefix> keep;
};

// What is typed within `configure terminal`, where that is the daemon's `show running-config`.
std::vector<std::string> subnet_commands(std::string_view running_config, const SubnetWishes& wishes);

}  // namespace berth
