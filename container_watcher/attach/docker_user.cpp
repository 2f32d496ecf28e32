// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/docker_user.h"

#include <algorithm>

namespace berth {
namespace {

constexpr std::string_view kMark = "berth:";

struct Wanted {
  std::string network, text;
  Rule rule;
};

// A host prefix is printed without its length.
std::vector<Match> normal(std::vector<Match> matches) {
  for (Match& match : matches)
    if (match.key == Key::Destination)
      for (std::string& value : match.values)
        if (const auto prefix = Prefix::parse(value)) value = prefix->to_string();
  return matches;
}

std::vector<Wanted> wanted_rules(const std::string& family, const std::vector<NetworkSite>& sites) {
  std::vector<Wanted> out;
  for (const NetworkSite& site : sites) {
    if (site.interface.empty() || (site.interface + site.name).find_first_of("\"\n\\") != std::string::npos) continue;
    for (const Prefix& subnet : site.subnets) {
      if (subnet.is_v4() != (family == "ip")) continue;
      const std::string text = "oifname \"" + site.interface + "\" " + family + " daddr " + subnet.to_string() +
                               " counter accept comment \"" + std::string(kMark) + site.name + "\"";
      out.push_back({site.name, text, parse_rule(text)});
    }
  }
  return out;
}

std::string commands_for(const Chain& chain, const std::vector<NetworkSite>& sites, const std::set<std::string>& keep) {
  const std::string where = "rule " + chain.family + " " + chain.table + " " + chain.name + " ";
  std::vector<Wanted> missing = wanted_rules(chain.family, sites);
  std::string out;
  std::uint64_t end = 0;  // the chain's bare return
  for (const Rule& rule : chain.rules) {
    if (rule.matches.empty() && rule.action == Action::Return && end == 0) end = rule.handle;
    if (!rule.comment.starts_with(kMark)) continue;
    const std::string network = rule.comment.substr(kMark.size());
    const auto found = std::find_if(missing.begin(), missing.end(), [&](const Wanted& each) {
      return each.network == network && rule.action == Action::Accept &&
             normal(each.rule.matches) == normal(rule.matches);
    });
    if (found != missing.end() && end == 0) {
      missing.erase(found);
      continue;
    }
    const bool known =
        std::any_of(sites.begin(), sites.end(), [&](const NetworkSite& each) { return each.name == network; });
    if (known || !keep.contains(network)) out += "delete " + where + "handle " + std::to_string(rule.handle) + "\n";
  }
  for (const Wanted& each : missing)
    out += (end ? "insert " + where + "handle " + std::to_string(end) + " " : "add " + where) + each.text + "\n";
  return out;
}

}  // namespace

std::string docker_user_commands(const Ruleset& rules, const std::vector<NetworkSite>& sites,
                                 const std::set<std::string>& keep) {
  std::string out;
  for (const char* family : {"ip", "ip6"})
    if (const Chain* chain = rules.find(family, "filter", "DOCKER-USER")) out += commands_for(*chain, sites, keep);
  return out;
}

}  // namespace berth
