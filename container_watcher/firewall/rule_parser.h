// SPDX-License-Identifier: GPL-2.0-or-later
//
// The words of a listing (tokens.cpp), the inside of one nftables rule, and the elements of a set. Private to firewall/: see ruleset.h for the promise.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/firewall/ruleset.h"

namespace berth::firewall {

struct Token {
  std::string_view text;  // quotes taken off; lives as long as the listing
  bool quoted = false;
  std::size_t begin = 0, end = 0;  // where in the listing
  bool is(std::string_view word) const { return !quoted && text == word; }
};

// Words, and { } , ; and line ends as tokens of their own. nft does not escape a quote inside of quoted text, and iptables
// allows one: a comment, which ends its rule, goes to the last quote of the line, and so does a log prefix with more quotes
// than two behind it, which is iptables' and ends its rule as well.
std::vector<Token> tokens_of(std::string_view listing);

// A payload by its place: "@nh,96,32", with its commas.
bool is_raw(std::string_view word);

Rule rule_of(const std::vector<Token>& tokens, std::string_view listing);

// From the token after "{" to the one behind the matching "}"; `at` is moved there.
std::vector<Element> elements_of(const std::vector<Token>& tokens, std::size_t* at);

}  // namespace berth::firewall
