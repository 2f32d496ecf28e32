// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where a network's routes can lie: what zebra must not sweep while it is not known what should be there. Pure; any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "core/config.h"

namespace berth {

// Its subnets and allowed prefixes; everything where it has none.
std::vector<Prefix> scope_of(const NetworkConfig& network);
// At most `most` prefixes (two or more) that cover all of these: none within another, and the longest cut shorter where
// they are too many. Covering more than was asked for only keeps more.
std::vector<Prefix> covering(std::vector<Prefix> prefixes, std::size_t most);
bool overlap(const std::vector<Prefix>& some, const std::vector<Prefix>& others);

}  // namespace berth
