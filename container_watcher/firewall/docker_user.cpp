// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/docker_user.h"

#include <algorithm>
#include <utility>

#include "container_watcher/firewall/our_rules.h"
#include "core/names.h"

namespace berth::firewall {
namespace {

const std::string kOrder = "!order";  // no network is called so
const std::string kChainOwner = "!chain";

bool jumps_to(const Rule& rule, std::string_view beginning) {
  const Statement* verdict = rule.verdict();
  return verdict && verdict->what == Do::Jump && verdict->target.starts_with(beginning);
}

bool is_bare_return(const Rule& rule) {
  return rule.statements.size() == 1 && rule.statements[0].what == Do::Return;
}

std::vector<OurRule> wanted_rules(const std::string& family, const std::vector<NetworkSite>& sites) {
  std::vector<OurRule> out;
  for (const NetworkSite& site : sites) {
    if (!can_be_written(site)) continue;
    for (const Prefix& subnet : site.subnets) {
      if (subnet.is_v4() != (family == "ip") || (subnet.is_v4() ? site.closed_v4 : site.closed_v6)) continue;
      const auto accept = [&](const std::string& in, const std::string& to, const std::string& key) {
        out.push_back(accept_rule(site, "iifname " + in + " oifname " + to + " " + family + key + subnet.to_string()));
      };
      const std::string link = "\"" + site.interface + "\"";
      accept("!= " + link, link, " daddr ");
      if (site.own_link) accept(link, "!= " + link, " saddr ");  // of its own bridges Docker lets it out itself
    }
  }
  return out;
}

// `missing`: what is wanted in the chain.
std::string commands_for(const Chain& chain, std::vector<OurRule> missing, const std::vector<NetworkSite>& sites,
                         const std::set<std::string>& keep) {
  const std::string where = "rule " + chain.family + " " + chain.table + " " + chain.name + " ";
  std::string out;
  std::uint64_t end = 0;  // the chain's bare return
  for (const Rule& rule : chain.rules) {
    if (is_bare_return(rule) && end == 0) end = rule.handle;
    if (!rule.comment.starts_with(kMark)) continue;
    const std::string owner = rule.comment.substr(kMark.size());
    if (owner == kChainOwner) continue;
    const auto found =
        std::find_if(missing.begin(), missing.end(), [&](const OurRule& each) { return is_there(each, rule); });
    if (found != missing.end() && end == 0) {
      missing.erase(found);
      continue;
    }
    if (goes(owner, sites, keep)) out += "delete " + where + "handle " + std::to_string(rule.handle) + "\n";
  }
  for (const OurRule& each : missing)
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
    const bool docker = jumps_to(rule, "DOCKER");
    if (rule.comment == std::string(kMark) + kOrder) {
      ours.push_back(rule.handle);
      if (isolation == 0 && !called && early == 0) early = rule.handle;
    } else if (docker && rule.verdict()->target == "DOCKER-USER") {
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

// Docker's own rules are in force in this family, through iptables.
bool docker_filters(const Chain* forward) {
  return forward && std::any_of(forward->rules.begin(), forward->rules.end(), [](const Rule& rule) {
           return jumps_to(rule, "DOCKER") && rule.verdict()->target != "DOCKER-USER";
         });
}

// FORWARD lets through whatever DOCKER-USER does not stop: Docker's nftables backend, which has its rules elsewhere, leaves
// the chain and its call there.
bool opens_nothing(const Chain& forward) {
  if (forward.drops) return false;
  const auto call = std::find_if(forward.rules.begin(), forward.rules.end(),
                                 [](const Rule& rule) { return jumps_to(rule, "DOCKER-USER"); });
  return call != forward.rules.end() &&
         std::all_of(call, forward.rules.end(), [](const Rule& rule) { return jumps_to(rule, "DOCKER-USER"); });
}

// A chain that we made bears our mark in the rule that ends it. It goes when nothing of ours is wanted in it, and nobody
// else has come to use it.
std::string unmake_chain(const Ruleset& rules, const Chain& user) {
  const std::string where = user.family + " " + user.table + " " + user.name;
  std::string out;
  bool others = false;
  for (const Rule& rule : user.rules) {
    if (rule.comment == std::string(kMark) + kChainOwner)
      out += "delete rule " + where + " handle " + std::to_string(rule.handle) + "\n";
    others = others || !rule.comment.starts_with(kMark);
  }
  for (const Chain& chain : rules.chains)
    for (const Rule& rule : chain.rules)
      others = others || (chain.family == user.family && chain.table == user.table && jumps_to(rule, user.name) &&
                          !rule.comment.starts_with(kMark));
  return out.empty() || others ? out : out + "delete chain " + where + "\n";
}

std::string commands_for_family(const Ruleset& rules, const std::string& family, const std::vector<NetworkSite>& sites,
                                const std::set<std::string>& keep) {
  const Chain* forward = rules.find(family, "filter", "FORWARD");
  std::vector<OurRule> missing = wanted_rules(family, sites);
  if (forward && opens_nothing(*forward)) missing.clear();
  const bool wanted = !missing.empty();
  if (const Chain* user = rules.find(family, "filter", "DOCKER-USER")) {
    const bool used = wanted || std::any_of(user->rules.begin(), user->rules.end(), [&](const Rule& rule) {
                        return rule.comment.starts_with(kMark) && keep.contains(rule.comment.substr(kMark.size()));
                      });
    std::string out = commands_for(*user, std::move(missing), sites, keep);
    if (forward) out += order_commands(*forward, used || keep.contains(kOrder));
    if (!used) out += unmake_chain(rules, *user);
    return out;
  }
  if (!wanted || !docker_filters(forward)) return {};
  const std::string where = family + " filter DOCKER-USER";
  Chain made;
  made.family = family;
  made.table = "filter";
  made.name = "DOCKER-USER";
  return "add chain " + where + "\n" + commands_for(made, std::move(missing), sites, keep) + "add rule " + where +
         " counter return comment \"" + std::string(kMark) + kChainOwner + "\"\n" + order_commands(*forward, true);
}

}  // namespace

std::string docker_user_commands(const Ruleset& rules, const std::vector<NetworkSite>& sites,
                                 const std::set<std::string>& keep) {
  const std::set<std::string> owners = owners_of(keep);
  return commands_for_family(rules, "ip", sites, owners) + commands_for_family(rules, "ip6", sites, owners);
}

std::set<std::string> docker_user_owners(const Ruleset& rules) {
  std::set<std::string> out;
  for (const Chain& chain : rules.chains)
    for (const Rule& rule : chain.rules)
      if (rule.comment.starts_with(kMark)) out.insert(rule.comment.substr(kMark.size()));
  return out;
}

}  // namespace berth::firewall
