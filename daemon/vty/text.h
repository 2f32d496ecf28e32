// SPDX-License-Identifier: GPL-2.0-or-later
//
// Bytes of strangers, for a terminal: lines that were typed or are in a file, names that containers have. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace berth {

// Where a line stops to be text: the column of its first control character. A tab is text.
std::optional<std::size_t> not_text(std::string_view line);
// The line, and under it a caret below that column; without a line's end behind it.
std::string pointed_at(std::string_view line, std::size_t column);
// Nothing of it moves a cursor or ends an answer early: what is no UTF-8, and control characters other than a line's end
// and a tab, become '?'.
std::string for_terminal(std::string_view text);

}  // namespace berth
