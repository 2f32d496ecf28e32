// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_keeper.h"

#include <algorithm>

#include "container_watcher/attach/spread.h"
#include "container_watcher/attach/surroundings.h"
#include "container_watcher/firewall/docker_user.h"
#include "container_watcher/firewall/legacy_tables.h"

namespace berth {
namespace {

void append(std::vector<Problem>* to, const std::vector<Problem>& more) {
  to->insert(to->end(), more.begin(), more.end());
}

// Rules that see the ports of a bridge.
bool asks_ports(const firewall::Ruleset& rules) {
  return std::any_of(rules.chains.begin(), rules.chains.end(), [](const firewall::Chain& each) {
    return !each.hook.empty() && (each.family == "bridge" || !each.devices.empty());
  });
}

Problem legacy_problem(const std::vector<std::string>& tables) {
  std::string names;
  for (const std::string& table : tables) names += (names.empty() ? "" : ", ") + table;
  return {"iptables-legacy", "rules of iptables-legacy are in force (" + names + "), which berth does not judge",
          "update-alternatives --set iptables /usr/sbin/iptables-nft (ip6tables too), empty the old tables with "
          "iptables-legacy -F and -P … ACCEPT in each, restart docker",
          true};
}

}  // namespace

Status HostKeeper::read_host(const WantedHost& wanted) {
  auto read = observer_.state(wanted.fabric, {});
  current_ = read.ok();
  if (!read) return read.error();  // else the last one: nothing is withdrawn for it
  state_ = std::move(*read);
  seen_ = true;
  read_proxies(wanted);
  return {};
}

// What can't be read is left as it is, until it can.
void HostKeeper::read_proxies(const WantedHost& wanted) {
  std::vector<Prefix> within;
  std::set<int> links;
  for (const auto& [name, site] : wanted.sites)
    if (const HostLink* link = site.spread ? state_.find(site.interface) : nullptr) {
      within.insert(within.end(), site.subnets.begin(), site.subnets.end());
      links.insert(link->index);
    }
  // Nobody else makes such entries: where nothing is spread and none was found, there is none now.
  if (within.empty() && no_proxies_) {
    state_.proxies.emplace();
    return;
  }
  if (auto proxies = observer_.proxies(within, links)) state_.proxies = std::move(*proxies);
  no_proxies_ = within.empty() && state_.proxies && state_.proxies->links.empty();
}

Status HostKeeper::observe(const WantedHost& wanted) {
  Status host = read_host(wanted);
  forgetful_ = std::vector<std::string>();
  if (current_ && forwarding_of(wanted).v6 && state_.all_v6.forwarding == 0) forgetful_ = observer_.forgetful_links();
  const auto read = reader_.read();
  rules_ = {read ? Status() : Status(read.error()), read && *read, {}};
  failures_ = read ? 0 : failures_ + 1;
  legacy_ = firewall::legacy_tables_in_use();
  return host;
}

// Docker (20.10) does not say which gateway it chose where it was only told a subnet: it is what the bridge had.
void HostKeeper::learn_gateways(std::vector<NetworkSite>* sites) {
  std::map<std::pair<std::string, Prefix>, IpAddress> known;
  for (NetworkSite& site : *sites)
    for (SiteAddress& each : site.addresses) {
      if (each.gateway || !each.ours) continue;
      const std::pair<std::string, Prefix> key{site.interface, each.subnet};
      if (const auto old = gateways_.find(key); old != gateways_.end()) {
        each.gateway = old->second;
      } else if (const HostLink* bridge = state_.find(site.interface)) {
        for (const LinkAddress& has : bridge->addresses)
          if (!each.gateway && has.length == each.subnet.length() && each.subnet.contains(has.address))
            each.gateway = has.address;
      }
      if (each.gateway) known.emplace(key, *each.gateway);
    }
  gateways_ = std::move(known);
}

HostPlan HostKeeper::plan(const WantedHost& wanted) {
  sites_.clear();
  for (const auto& [name, site] : wanted.sites) sites_.push_back(site);
  learn_gateways(&sites_);
  isolate(wanted, drivers_, &sites_);
  return plan_host(wanted, sites_, state_, forgetful_, firewall::docker_user_owners(*reader_.rules()), drivers_);
}

// A host that could not be read is not changed by an old picture of it; what was told stays told.
bool HostKeeper::apply(const HostPlan& plan) {
  if (current_) repaired_ = repair_.apply(plan.host);
  linkless_ = plan.linkless;
  if (rules_.readable) rules_.written = writer_.apply(plan);
  return current_ && repaired_.changed;
}

void HostKeeper::judge_rules(firewall::Surroundings around) {
  if (judged_ && judged_->rules == reader_.rules() && judged_->sites == sites_ && judged_->around == around) return;
  verdicts_ = firewall::judge(*reader_.rules(), sites_, around);
  judged_ = std::make_shared<JudgedRules>(JudgedRules{reader_.rules(), sites_, std::move(around)});
}

std::vector<Nat> HostKeeper::sources_of(const std::vector<firewall::Leaving>& leaving) {
  if (!judged_ || leaving.empty()) return std::vector<Nat>(leaving.size(), Nat::Off);
  if (sources_.by != judged_ || sources_.leaving != leaving)
    sources_ = {judged_, leaving, firewall::sources_of(*judged_->rules, leaving, judged_->around)};
  return sources_.nats;
}

std::vector<Problem> HostKeeper::common_problems() const {
  std::vector<Problem> out;
  if (rules_.written.undone)
    out.push_back({"rules-undone", "something takes our rules out again and again",
                   "find it with nft monitor rules; berthd goes on trying, slower", false});
  if (!rules_.readable && (!reader_.known() || failures_ >= kFailuresToTell))
    out.push_back({"rules-unknown",
                   "the rules in force can't be read: " + rules_.readable.error().message +
                       (reader_.known() ? "; what was read before is taken for true" : ""),
                   "run berthd as root, with CAP_NET_ADMIN", !reader_.known()});
  if (!legacy_.empty()) out.push_back(legacy_problem(legacy_));
  return out;
}

// Of the host's forwarding and of its addresses, as far as they concern it.
std::vector<Problem> HostKeeper::problems_of(const NetworkSite& site) const {
  std::vector<Problem> host = forwarding_problems(repaired_.undone), out;
  if (!forgetful_) host.push_back(forwarding_unsafe(forgetful_.error()));
  for (const Problem& each : host)
    if (std::any_of(site.subnets.begin(), site.subnets.end(), [&](const Prefix& own) { return each.concerns(own); }))
      out.push_back(each);
  append(&out, address_problems(site.interface, repaired_.undone));
  append(&out, spread_problems(site.interface, repaired_.undone));
  return out;
}

// As it is now: what was missing before apply() may have been made.
std::map<std::string, GroundReport> HostKeeper::grounds_of(const WantedHost& wanted) {
  std::map<std::string, GroundReport> out;
  for (const auto& [name, config] : wanted.networks) {
    const Driver* driver = driver_of(drivers_, config.driver);
    auto ground = driver ? driver->groundwork(config, state_) : std::nullopt;
    if (!ground) continue;
    GroundReport& report = out[name];
    if (ground->ready && linkless_.contains(name)) ++made_[name];
    report = {ground->ready, std::move(ground->problems), made_[name], ground->mtu};
    append(&report.problems, link_problems(name, repaired_.undone));
  }
  return out;
}

Findings HostKeeper::judge(const WantedHost& wanted) {
  Findings out;
  out.changed_rules = rules_.written.changed;
  out.others_changed = rules_.fresh;
  out.read_rules = rules_.fresh || rules_.written.changed;
  out.failures = failures_;
  out.again = repaired_.waiting;
  out.grounds = grounds_of(wanted);
  const std::vector<std::string> uplinks = uplinks_of(state_);
  if (reader_.known())
    judge_rules(surroundings_of(state_, sites_, wanted.fabric, uplinks, asks_ports(*reader_.rules())));
  const std::vector<Problem> common = common_problems();
  for (const NetworkSite& site : sites_) {
    SiteFinding& finding = out.sites[site.name];
    if (reader_.known())
      finding.verdict = verdicts_[site.name];
    else
      finding.verdict.nat = Nat::Unknown;
    const Driver* driver = driver_of(drivers_, site.driver);
    const LinkVerdict links = driver ? driver->judge(site, state_, uplinks) : LinkVerdict();
    const HostLink* link = state_.find(site.interface);
    finding.attached = links.attached;
    finding.up = link && link->up;
    finding.interface = site.interface;
    std::vector<Problem>& found = finding.verdict.problems;
    append(&found, common);
    if (const auto refused = rules_.written.refused.find(site.name); refused != rules_.written.refused.end())
      found.push_back({"rules-refused", "its rules could not be set: " + refused->second,
                       "run berthd with CAP_NET_ADMIN; nft list ruleset tells which of them are there", false});
    const auto ground = out.grounds.find(site.name);
    if (ground != out.grounds.end()) append(&found, ground->second.problems);
    append(&found, links.problems);
    append(&found, problems_of(site));
    // Whatever its links lack, and nobody has said.
    if (ground != out.grounds.end() && !ground->second.ready && links.attached &&
        std::ranges::none_of(found, [](const Problem& each) { return each.blocks && each.family == Family::Both; }))
      found.push_back(
          {"link-refused", site.interface + " is not as berthd makes it, which it is about to mend", "", true});
  }
  out.judged = judged_;
  return out;
}

}  // namespace berth
