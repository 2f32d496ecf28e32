// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_file.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "daemon/config/config_edit.h"

namespace berth {
namespace {

// A line that something is said of.
struct Place {
  unsigned number = 0;
  std::string raw;
  std::size_t column = 0;
};

// FILE:LINE, the line, and the caret; without a line the file alone.
std::string said(const std::string& file_name, const Place& place, const std::string& expected) {
  if (!place.number) return file_name + ": expected " + expected + "\n";
  return file_name + ":" + std::to_string(place.number) + ": expected " + expected + "\n  " + place.raw + "\n  " +
         std::string(place.column, ' ') + "^\n";
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file_name) {
  ConfigEdit edit;
  std::istringstream in{std::string(text)};
  std::string raw, errors;
  std::map<std::string, Place> networks;  // where each begins
  for (unsigned number = 1; std::getline(in, raw); ++number) {
    if (is_comment(raw)) continue;
    const auto words = split_words(raw);
    if (words.size() == 1 && (words[0].text == "exit" || words[0].text == "end")) {
      edit.network.clear();
      continue;
    }
    const auto failure = apply_config_line(edit, raw);
    if (failure) errors += said(file_name, {number, raw, failure->column}, failure->expected);
    if (!edit.network.empty() && words.size() > 1)
      networks.try_emplace(edit.network, Place{number, raw, words[1].column});
    std::erase_if(networks, [&](const auto& each) { return !edit.config.networks.contains(each.first); });
  }
  if (errors.empty()) {
    std::vector<std::pair<Place, std::string>> gaps;
    for (const ConfigGap& gap : config_gaps(edit.config)) {
      Place place = networks[gap.network];
      // What contradicts an earlier network is said of the later one.
      if (!gap.other.empty() && networks[gap.other].number > place.number) place = networks[gap.other];
      gaps.emplace_back(std::move(place), gap.expected);
    }
    std::stable_sort(gaps.begin(), gaps.end(),
                     [](const auto& a, const auto& b) { return a.first.number < b.first.number; });
    for (const auto& [place, expected] : gaps) errors += said(file_name, place, expected);
  }
  if (!errors.empty()) return permanent(errors, "correct the file; berthd -C -f FILE checks it");
  return edit.config;
}

}  // namespace berth
