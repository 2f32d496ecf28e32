// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/vty/text.h"

#include <algorithm>

namespace berth {
namespace {

// RFC 3629, table 3-7 of Unicode in short: how many bytes from here are one character; 0: it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
  const unsigned first = byte(0), second = byte(1);
  const auto follows = [&](std::size_t at) { return (byte(at) & 0xc0) == 0x80; };
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool good = first == 0xe0 ? second >= 0xa0 : first == 0xed ? second <= 0x9f : true;
    return follows(1) && good && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool good = first == 0xf0 ? second >= 0x90 : first == 0xf4 ? second <= 0x8f : true;
    return follows(1) && good && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::optional<std::size_t> not_text(std::string_view line) {
  for (std::size_t at = 0; at < line.size(); ++at)
    if ((static_cast<unsigned char>(line[at]) < 0x20 && line[at] != '\t') || line[at] == 0x7f) return at;
  return std::nullopt;
}

std::string pointed_at(std::string_view line, std::size_t column) {
  std::string caret = "  ";
  for (std::size_t at = 0; at < column; ++at) {
    const char byte = at < line.size() ? line[at] : ' ';
    if ((byte & 0xc0) != 0x80) caret += byte == '\t' ? '\t' : ' ';  // a character, however many bytes it takes
  }
  std::string shown = for_terminal(line);
  std::replace(shown.begin(), shown.end(), '\n', '?');
  return "  " + shown + "\n" + caret + "^";
}

std::string for_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = byte < 0x80 ? 1 : utf8_length(text.substr(at));
    bool shown = length > 0;
    if (byte < 0x20 || byte == 0x7f) shown = byte == '\n' || byte == '\t';
    // C1: as an escape and a letter
    if (byte == 0xc2 && length == 2) shown = static_cast<unsigned char>(text[at + 1]) >= 0xa0;
    if (shown)
      out += text.substr(at, length);
    else
      out += '?';
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

}  // namespace berth
