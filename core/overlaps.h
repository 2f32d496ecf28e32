// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which prefixes of many share an address. Pure; any thread. In O(n log n), and what is found: not by all pairs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/ip.h"

namespace berth {

struct Overlaps {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;  // indexes; the containing prefix first
  std::uint64_t steps = 0;                                 // prefixes compared after sorting: the work done
};

// Stops after `most` pairs.
Overlaps find_overlaps(const std::vector<Prefix>& prefixes, std::size_t most);

}  // namespace berth
