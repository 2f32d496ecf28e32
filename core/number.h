// SPDX-License-Identifier: GPL-2.0-or-later
//
// A number as somebody wrote it. Pure; any thread.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace berth {

// All of the text, nothing before and nothing behind it; nullopt for anything else, and for what does not fit into T.
template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace berth
