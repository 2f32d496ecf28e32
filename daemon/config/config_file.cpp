// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_file.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "daemon/config/config_edit.h"
#include "daemon/config/config_gaps.h"
#include "daemon/vty/text.h"

namespace berth {
namespace {

// A line that begins a network, or is a mistake.
struct SourceLine {
  unsigned number = 0;
  std::string raw;
  std::size_t column = 0;
};

// FILE:LINE, the line, and the caret; without a line the file alone.
std::string error_text(const std::string& file_name, const SourceLine& line, const std::string& expected) {
  if (!line.number) return file_name + ": expected " + expected + "\n";
  return file_name + ":" + std::to_string(line.number) + ": expected " + expected + "\n" +
         pointed_at(line.raw, line.column) + "\n";
}

// What is missing or contradictory, with the lines that begin the networks.
std::string gap_errors(const Config& config, std::map<std::string, SourceLine>& networks,
                       const std::string& file_name) {
  std::vector<std::pair<SourceLine, std::string>> gaps;
  for (const ConfigGap& gap : config_gaps(config)) {
    SourceLine line = networks[gap.network];
    // What contradicts an earlier network is said of the later one.
    if (!gap.other.empty() && networks[gap.other].number > line.number) line = networks[gap.other];
    gaps.emplace_back(std::move(line), gap.expected);
  }
  std::stable_sort(gaps.begin(), gaps.end(),
                   [](const auto& a, const auto& b) { return a.first.number < b.first.number; });
  std::string out;
  for (const auto& [line, expected] : gaps) out += error_text(file_name, line, expected);
  return out;
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file_name) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // UTF-8's, as some editors write it
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  ConfigEdit edit;
  std::string errors;
  std::map<std::string, SourceLine> networks;  // where each begins
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string raw(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (raw.ends_with('\r')) raw.pop_back();
    if (is_comment(raw)) continue;
    const auto words = split_words(raw);
    if (words.size() == 1 && (words[0].text == "exit" || words[0].text == "end")) {
      edit.network.clear();
      continue;
    }
    const std::size_t before = edit.config.networks.size();
    if (const auto failure = apply_config_line(edit, raw))
      errors += error_text(file_name, {number, raw, failure->column}, failure->expected);
    else if (edit.config.networks.size() > before)
      networks[edit.network] = {number, raw, words[1].column};
  }
  if (errors.empty()) errors = gap_errors(edit.config, networks, file_name);
  if (!errors.empty()) return permanent(errors, "correct the file; berthd -C -f FILE checks it");
  return std::move(edit.config);
}

}  // namespace berth
