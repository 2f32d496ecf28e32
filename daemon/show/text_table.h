// SPDX-License-Identifier: GPL-2.0-or-later
//
// Tables as FRR prints them: a line of headings, columns aligned to the left, two spaces between. Pure; any thread.
#pragma once

#include <string>
#include <vector>

namespace berth {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headings) : rows_{std::move(headings)} {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // A line between the rows, not cut into columns.
  void note(std::string text) { rows_.push_back({std::move(text)}); }
  bool empty() const { return rows_.size() == 1; }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // a row of one cell in a table of more is a note
};

}  // namespace berth
