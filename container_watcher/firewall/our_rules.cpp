// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/our_rules.h"

#include "core/names.h"

namespace berth::firewall {
namespace {

constexpr std::size_t kLongestComment = 128;  // nft refuses more, and the whole transaction with it

}  // namespace

std::string owner_of(const std::string& network) {
  constexpr std::size_t kMost = kLongestComment - kMark.size() - 1;  // the kernel's count has a zero at the end
  if (network.size() <= kMost) return network;
  const std::string text = "~" + std::to_string(stable_hash(network));
  return network.substr(0, kMost - text.size()) + text;
}

bool can_be_written(const NetworkSite& site) {
  return !site.interface.empty() && (site.interface + site.name).find_first_of("\"\n\\") == std::string::npos;
}

// A host prefix is printed without its length.
std::vector<Statement> normal(std::vector<Statement> statements) {
  for (Statement& each : statements)
    for (Element& element : each.elements)
      for (std::string& word : element.parts)
        if (const auto prefix = Prefix::parse(word)) word = prefix->to_string();
  return statements;
}

}  // namespace berth::firewall
