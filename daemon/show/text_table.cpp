// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/show/text_table.h"

#include <algorithm>

namespace berth {

std::string TextTable::text() const {
  const std::size_t columns = rows_.front().size();
  const auto is_note = [&](const std::vector<std::string>& row) { return columns > 1 && row.size() == 1; };
  std::vector<std::size_t> widths(columns);
  for (const auto& row : rows_)
    for (std::size_t at = 0; at < row.size() && !is_note(row); ++at) widths[at] = std::max(widths[at], row[at].size());
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t at = 0; at < row.size(); ++at) {
      line += row[at];
      if (at + 1 < row.size()) line.append(widths[at] - row[at].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace berth
