// SPDX-License-Identifier: GPL-2.0-or-later
//
// Of what is ours and not wanted: what goes. Pure.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "core/ip.h"

namespace berth {

struct Leaving {
  std::set<Prefix> unwanted;  // said to be taken back
  bool sweep = false;         // what nobody has named goes as well, but for what is within `keep`
  std::vector<Prefix> keep;
  bool goes(const Prefix& prefix) const {
    const auto kept = [&](const Prefix& each) { return each.contains(prefix); };
    return unwanted.contains(prefix) || (sweep && std::none_of(keep.begin(), keep.end(), kept));
  }
};

}  // namespace berth
