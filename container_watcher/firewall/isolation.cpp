// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/isolation.h"

#include <algorithm>

#include "container_watcher/firewall/interval_set.h"
#include "container_watcher/firewall/our_rules.h"
#include "core/names.h"

namespace berth::firewall {
namespace {

const std::string kFamily = "inet", kTable = "berth", kChain = "isolation";

// As nft prints it, so that it is known again: what lies side by side is one.
std::string words_of(const Interval& interval, bool v4) {
  const IntervalSet one({interval});
  const std::vector<Prefix> prefixes = prefixes_of(one, v4, 2);
  if (prefixes.size() == 1) return prefixes.front().to_string();
  return address_of(interval.first, v4).to_string() + "-" + address_of(interval.last, v4).to_string();
}

std::string words_of(const std::vector<Prefix>& all, bool v4) {
  IntervalSet set;
  for (const Prefix& each : all)
    if (each.is_v4() == v4) set = set | IntervalSet::of(each);
  if (set.empty()) return {};
  std::string out;
  for (const Interval& each : set.intervals()) out += (out.empty() ? "" : ", ") + words_of(each, v4);
  return set.size() == 1 ? out : "{ " + out + " }";
}

std::vector<OurRule> wanted_rules(const std::vector<NetworkSite>& sites) {
  std::vector<OurRule> out;
  for (const NetworkSite& site : sites) {
    if (!can_be_written(site)) continue;
    const std::string link = " \"" + site.interface + "\" ";
    for (const bool v4 : {true, false}) {
      const std::string others = words_of(site.isolated_from, v4);
      if (others.empty()) continue;
      const std::string ip = v4 ? "ip " : "ip6 ";
      out.push_back(our_rule(site, "iifname" + link + ip + "daddr " + others, "drop"));
      out.push_back(our_rule(site, "oifname" + link + ip + "saddr " + others, "drop"));
    }
  }
  return out;
}

}  // namespace

std::string isolation_commands(const Ruleset& rules, const std::vector<NetworkSite>& sites,
                               const std::set<std::string>& keep) {
  const std::string where = kFamily + " " + kTable, chain = where + " " + kChain;
  const std::set<std::string> owners = owners_of(keep);
  std::vector<OurRule> missing = wanted_rules(sites);
  const Chain* there = rules.find(kFamily, kTable, kChain);
  if (!there && missing.empty()) return {};
  std::string out;
  bool stays = !missing.empty();
  if (there) {
    for (const Rule& rule : there->rules) {
      const auto found = std::ranges::find_if(missing, [&](const OurRule& each) { return is_there(each, rule); });
      if (found != missing.end())
        missing.erase(found);
      else if (rule.comment.starts_with(kMark) && goes(rule.comment.substr(kMark.size()), sites, owners))
        out += "delete rule " + chain + " handle " + std::to_string(rule.handle) + "\n";
      else
        stays = true;
    }
    stays = stays || std::ranges::any_of(rules.chains, [](const Chain& each) {
              return each.family == kFamily && each.table == kTable && each.name != kChain;
            });
    if (!stays) return "delete table " + where + "\n";
  } else {
    out = "add table " + where + "\nadd chain " + chain + " { type filter hook forward priority -1 ; }\n";
  }
  for (const OurRule& each : missing) out += "add rule " + chain + " " + each.text + "\n";
  return out;
}

std::optional<Ruleset> without_isolation(const Ruleset& rules) {
  const Chain* there = rules.find(kFamily, kTable, kChain);
  if (!there) return std::nullopt;
  std::optional<Ruleset> out = rules;
  out->chains.erase(out->chains.begin() + (there - rules.chains.data()));
  return out;
}

}  // namespace berth::firewall
