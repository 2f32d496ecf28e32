// SPDX-License-Identifier: GPL-2.0-or-later
//
// The number that the kernel gives to each state of the rules of this namespace (NFT_MSG_GETGEN): the same number, the same
// rules. Nothing where it does not say. Blocks shortly; any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace berth {

std::optional<std::uint32_t> ruleset_generation();

}  // namespace berth
