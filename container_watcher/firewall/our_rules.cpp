// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/our_rules.h"

#include <algorithm>

#include "core/names.h"

namespace berth::firewall {
namespace {

constexpr std::size_t kLongestComment = 128;  // nft refuses more, and the whole transaction with it

// A host prefix is printed without its length.
std::vector<Statement> normal(std::vector<Statement> statements) {
  for (Statement& each : statements)
    for (Element& element : each.elements)
      for (std::string& word : element.parts)
        if (const auto prefix = Prefix::parse(word)) word = prefix->to_string();
  return statements;
}

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

std::set<std::string> owners_of(const std::set<std::string>& networks) {
  std::set<std::string> out;
  for (const std::string& name : networks) out.insert(owner_of(name));
  return out;
}

OurRule our_rule(const NetworkSite& site, const std::string& match, const std::string& verdict) {
  const std::string owner = owner_of(site.name);
  const std::string text = match + " counter " + verdict + " comment \"" + std::string(kMark) + owner + "\"";
  return {owner, text, parse_rule(text)};
}

bool is_there(const OurRule& wanted, const Rule& rule) {
  return rule.comment == std::string(kMark) + wanted.owner && normal(wanted.rule.statements) == normal(rule.statements);
}

bool goes(const std::string& owner, const std::vector<NetworkSite>& sites, const std::set<std::string>& keep) {
  return !keep.contains(owner) ||
         std::ranges::any_of(sites, [&](const NetworkSite& each) { return owner_of(each.name) == owner; });
}

}  // namespace berth::firewall
