// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/nat_check.h"

#include <sstream>
#include <vector>

namespace berth {
namespace {

std::string unquoted(const std::string& word) {
  return word.size() > 1 && word.front() == '"' ? word.substr(1, word.size() - 2) : word;
}

// Can this translating rule meet a packet that leaves a container of `subnet` for another host?
bool concerns(const std::vector<std::string>& words, const Prefix& subnet, const std::string& bridge) {
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    const bool negated = words[i + 1] == "!=" && i + 2 < words.size();
    const std::string& value = words[negated ? i + 2 : i + 1];
    const bool source = (words[i] == "ip" || words[i] == "ip6") && words[i + 1] == "saddr";
    if (source && words[i + 2] != "!=") {
      const auto prefix = Prefix::parse(words[i + 2]);
      if (prefix && !prefix->overlaps(subnet)) return false;
    }
    // towards the bridge itself: host to container, or hairpin; the way out is another interface
    if (words[i] == "oifname" && !negated && unquoted(value) == bridge) return false;
  }
  return true;
}

}  // namespace

NatVerdict check_nat(std::string_view ruleset, const Prefix& subnet, const std::string& bridge) {
  std::istringstream lines{std::string(ruleset)};
  std::string line, family;
  while (std::getline(lines, line)) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    if (words.empty()) continue;
    if (words[0] == "table" && words.size() > 1) family = words[1];
    if ((family == "ip6") == subnet.is_v4() && family != "inet") continue;
    bool translates = false;
    for (const std::string& word : words)
      if (const std::string bare = unquoted(word); bare == "masquerade" || bare == "snat" || bare == "MASQUERADE" || bare == "SNAT")
        translates = true;
    if (translates && words[0] != "chain" && concerns(words, subnet, bridge)) return {Nat::On, line.substr(line.find_first_not_of(" \t"))};
  }
  return {Nat::Off, ""};
}

bool has_comment(std::string_view ruleset, const std::string& comment) {
  return ruleset.find("comment \"" + comment + "\"") != std::string_view::npos;
}

}  // namespace berth
