// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/docker_raw.h"

#include <algorithm>

#include "container_watcher/firewall/our_rules.h"
#include "core/names.h"

namespace berth::firewall {
namespace {

struct Wanted {
  OurRule ours;
  std::size_t first;  // of Docker's rules, by its place
};

// `iifname != BRIDGE ip daddr ADDRESS drop`, of an address in the subnet.
bool drops_direct_access(const Rule& rule, const NetworkSite& site, const Prefix& subnet) {
  bool bridge = false, address = false;
  for (const Statement& each : rule.statements) {
    if (each.what == Do::Nothing) continue;
    if (each.what == Do::Drop) return bridge && address;
    if (each.what != Do::Match || each.operands.size() != 1 || each.elements.size() != 1) return false;
    const std::string& key = each.operands[0].key;
    const std::string& word = each.elements[0].parts.at(0);
    if (key == "meta iifname" && each.comparison == Comparison::NotEqual && word == site.interface) {
      bridge = true;
    } else if (key == (subnet.is_v4() ? "ip daddr" : "ip6 daddr") && each.comparison == Comparison::Equal) {
      const auto asked = IpAddress::parse(word);
      address = asked && subnet.contains(*asked);
    } else {
      return false;
    }
  }
  return false;
}

std::vector<Wanted> wanted_rules(const Chain& raw, const std::vector<NetworkSite>& sites) {
  std::vector<Wanted> out;
  for (const NetworkSite& site : sites) {
    if (!can_be_written(site)) continue;
    for (const Prefix& subnet : site.subnets) {
      if (subnet.is_v4() != (raw.family == "ip") || (subnet.is_v4() ? site.closed_v4 : site.closed_v6)) continue;
      const auto first = std::find_if(raw.rules.begin(), raw.rules.end(),
                                      [&](const Rule& rule) { return drops_direct_access(rule, site, subnet); });
      if (first == raw.rules.end()) continue;
      out.push_back(
          {accept_rule(site, "iifname != \"" + site.interface + "\" " + raw.family + " daddr " + subnet.to_string()),
           static_cast<std::size_t>(std::distance(raw.rules.begin(), first))});
    }
  }
  return out;
}

std::string commands_for(const Chain& raw, const std::vector<NetworkSite>& sites, const std::set<std::string>& keep) {
  const std::string where = "rule " + raw.family + " " + raw.table + " " + raw.name + " handle ";
  std::vector<Wanted> missing = wanted_rules(raw, sites);
  std::string out;
  for (std::size_t at = 0; at < raw.rules.size(); ++at) {
    const Rule& rule = raw.rules[at];
    if (!rule.comment.starts_with(kMark)) continue;
    const std::string owner = rule.comment.substr(kMark.size());
    const auto found = std::find_if(missing.begin(), missing.end(),
                                    [&](const Wanted& each) { return at < each.first && is_there(each.ours, rule); });
    if (found != missing.end())
      missing.erase(found);
    else if (goes(owner, sites, keep))
      out += "delete " + where + std::to_string(rule.handle) + "\n";
  }
  for (const Wanted& each : missing)
    out += "insert " + where + std::to_string(raw.rules[each.first].handle) + " " + each.ours.text + "\n";
  return out;
}

}  // namespace

std::string docker_raw_commands(const Ruleset& rules, const std::vector<NetworkSite>& sites,
                                const std::set<std::string>& keep) {
  const std::set<std::string> owners = owners_of(keep);
  std::string out;
  for (const char* family : {"ip", "ip6"})
    if (const Chain* raw = rules.find(family, "raw", "PREROUTING")) out += commands_for(*raw, sites, owners);
  return out;
}

}  // namespace berth::firewall
