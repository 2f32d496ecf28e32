// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_changes.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "daemon/config/config_print.h"

namespace berth {
namespace {

constexpr std::size_t kMost = 20;  // changes that are named

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    if (line != "!" && line != "exit" && line != "end") out.emplace_back(line.substr(begin));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return out;
}

// The lines that are in one text alone. What is printed is compared, so that no setting can be forgotten here.
std::vector<std::string> difference(const std::string& before, const std::string& now) {
  const std::vector<std::string> old = lines_of(before), fresh = lines_of(now);
  std::vector<std::string> out;
  const auto only = [&](char sign, const std::vector<std::string>& these, const std::vector<std::string>& others) {
    for (const std::string& line : these)
      if (std::find(others.begin(), others.end(), line) == others.end()) out.push_back(sign + line);
  };
  only('-', old, fresh);
  only('+', fresh, old);
  // What a setting was stands beside what it is.
  const auto setting = [](const std::string& line) { return line.substr(1, line.find(' ')); };
  std::stable_sort(out.begin(), out.end(),
                   [&](const std::string& a, const std::string& b) { return setting(a) < setting(b); });
  return out;
}

std::string without_networks(Config config) {
  config.networks.clear();
  return print_config(config);
}

}  // namespace

std::string config_changes(const Config& before, const Config& now) {
  std::vector<std::string> changes;
  for (const auto& [name, network] : before.networks)
    if (!now.networks.contains(name)) changes.push_back("network " + name + " removed");
  for (const auto& [name, network] : now.networks) {
    const auto old = before.networks.find(name);
    if (old == before.networks.end()) {
      changes.push_back("network " + name + " added");
    } else if (!(old->second == network)) {
      std::string change = "network " + name + ":";
      for (const std::string& line : difference(print_network(old->second), print_network(network)))
        change += " " + line;
      changes.push_back(change);
    }
  }
  for (std::string& line : difference(without_networks(before), without_networks(now)))
    changes.push_back(std::move(line));
  std::string out;
  for (std::size_t at = 0; at < changes.size() && at < kMost; ++at) out += (at ? "; " : "") + changes[at];
  return changes.size() <= kMost ? out : out + "; and " + std::to_string(changes.size() - kMost) + " more";
}

}  // namespace berth
