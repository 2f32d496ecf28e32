// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_file.h"

#include <sstream>

#include "daemon/config/config_edit.h"

namespace berth {

Result<Config> parse_config(std::string_view text, const std::string& file_name) {
  ConfigEdit edit;
  std::istringstream in{std::string(text)};
  std::string raw, errors;
  for (unsigned number = 1; std::getline(in, raw); ++number) {
    if (is_comment(raw)) continue;
    const auto words = split_words(raw);
    if (words.size() == 1 && (words[0].text == "exit" || words[0].text == "end")) {
      edit.network.clear();
      continue;
    }
    if (const auto failure = apply_config_line(edit, raw)) {
      errors.append(file_name)
          .append(":")
          .append(std::to_string(number))
          .append(": expected ")
          .append(failure->expected);
      errors.append("\n  ").append(raw).append("\n  ").append(failure->column, ' ').append("^\n");
    }
  }
  if (errors.empty()) {
    const std::string gap = config_gap(edit.config);
    if (!gap.empty()) errors = file_name + ": expected " + gap + "\n";
  }
  if (!errors.empty()) return permanent(errors, "correct the file; berthd -C -f FILE checks it");
  return edit.config;
}

}  // namespace berth
