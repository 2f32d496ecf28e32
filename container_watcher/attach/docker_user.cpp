// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/docker_user.h"

#include <algorithm>

namespace berth {
namespace {

constexpr std::string_view kMark = "berth:";
const std::string kOrder = "!order";  // no network is called so

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

// Docker 26.1 that starts anew may put its isolation before its call of DOCKER-USER in FORWARD, where nothing of that chain
// is heard any more. Then a call of ours goes before Docker's first, behind what the operator has there; it goes when
// Docker's own is early again.
std::string order_commands(const Chain& forward, bool wanted) {
  const std::string where = "rule " + forward.family + " " + forward.table + " " + forward.name + " ";
  std::vector<std::uint64_t> ours;
  std::uint64_t early = 0;      // the first of ours that comes before all of Docker's
  std::uint64_t isolation = 0;  // the first of Docker's own rules that comes before its call of DOCKER-USER
  bool called = false;
  for (const Rule& rule : forward.rules) {
    const bool docker = rule.action == Action::Jump && rule.target.starts_with("DOCKER");
    if (rule.comment == std::string(kMark) + kOrder) {
      ours.push_back(rule.handle);
      if (isolation == 0 && !called && early == 0) early = rule.handle;
    } else if (docker && rule.target == "DOCKER-USER") {
      called = true;
    } else if (docker && !called && isolation == 0) {
      isolation = rule.handle;
    }
  }
  const std::uint64_t kept = wanted && isolation != 0 ? early : 0;
  std::string out;
  for (const std::uint64_t handle : ours)
    if (handle != kept) out += "delete " + where + "handle " + std::to_string(handle) + "\n";
  if (wanted && isolation != 0 && kept == 0)
    out += "insert " + where + "handle " + std::to_string(isolation) + " counter jump DOCKER-USER comment \"" +
           std::string(kMark) + kOrder + "\"\n";
  return out;
}

}  // namespace

std::string docker_user_commands(const Ruleset& rules, const std::vector<NetworkSite>& sites,
                                 const std::set<std::string>& keep) {
  std::string out;
  for (const char* family : {"ip", "ip6"}) {
    const Chain* user = rules.find(family, "filter", "DOCKER-USER");
    if (!user) continue;
    out += commands_for(*user, sites, keep);
    const Chain* forward = rules.find(family, "filter", "FORWARD");
    if (forward) out += order_commands(*forward, !wanted_rules(family, sites).empty() || keep.contains(kOrder));
  }
  return out;
}

std::set<std::string> docker_user_owners(const Ruleset& rules) {
  std::set<std::string> out;
  for (const Chain& chain : rules.chains)
    for (const Rule& rule : chain.rules)
      if (rule.comment.starts_with(kMark)) out.insert(rule.comment.substr(kMark.size()));
  return out;
}

}  // namespace berth
