// SPDX-License-Identifier: GPL-2.0-or-later
//
// What no single line tells: what a configuration still lacks, and which of its networks contradict each other. Pure; any
// thread. Costs O(n log n) for n networks, and what is found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace berth {

struct ConfigGap {
  std::string network;  // whose it is; empty: the top's
  std::string other;    // the network that it contradicts, if it does
  std::string expected;
};

inline constexpr std::size_t kMostContradictions =
    100;  // that are told; a thousand networks of one subnet have 499,500

// All of them, each pair of networks once (of several that name one network of a runtime, each with the first); none: the
// configuration may be acted upon.
std::vector<ConfigGap> config_gaps(const Config& config);
// The first of them, or empty.
std::string config_gap(const Config& config);
// The same for one network of it, or one that may become one. Costs O(n).
std::string network_gap(const Config& config, const NetworkConfig& network);

}  // namespace berth
