// SPDX-License-Identifier: GPL-2.0-or-later
//
// The inside of one nftables rule. Private to attach/, in a namespace of its own: see ruleset.h for the promise. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/attach/ruleset.h"

namespace berth::nft {

struct Token {
  std::string text;  // quotes taken off
  bool quoted = false;
  std::size_t begin = 0, end = 0;  // where in the listing
};

std::vector<Token> tokens_of(std::string_view text);
// A verdict map becomes one rule for each of its elements.
std::vector<Rule> rules_of(const std::vector<Token>& tokens, std::string_view listing);

}  // namespace berth::nft
