// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_firewall.h"

#include <nftables/libnftables.h>

#include <fstream>

#include "container_watcher/attach/docker_user.h"
#include "container_watcher/attach/legacy_tables.h"

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kChangeWindow = 10s;
constexpr std::size_t kChangesInWindow = 20;  // more: somebody undoes them at once, and both would spin

std::string read_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

bool forwarding_on(const std::string& path) {
  if (read_word(path) == "1") return true;
  std::ofstream(path) << "1";
  return read_word(path) == "1";
}

std::vector<Problem> forwarding(const NetworkSite& site) {
  std::vector<Problem> out;
  for (const Prefix& subnet : site.subnets) {
    const std::string key = subnet.is_v4() ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
    const std::string path =
        subnet.is_v4() ? "/proc/sys/net/ipv4/ip_forward" : "/proc/sys/net/ipv6/conf/all/forwarding";
    if (!forwarding_on(path))
      out.push_back({"forwarding-off", "the host does not forward, and berthd may not change it: " + key + " is not 1",
                     "sysctl -w " + key + "=1, and in /etc/sysctl.d for the next boot", true});
  }
  return out;
}

}  // namespace

struct HostFirewall::Nft {
  nft_ctx* context = nft_ctx_new(NFT_CTX_DEFAULT);
  Nft() {
    nft_ctx_buffer_output(context);
    nft_ctx_buffer_error(context);
    nft_ctx_output_set_flags(context, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_PRIO);
  }
  ~Nft() { nft_ctx_free(context); }
  bool run(const std::string& command, std::string* output) {
    const bool ok = nft_run_cmd_from_buffer(context, command.c_str()) == 0;
    const char* errors = nft_ctx_get_error_buffer(context);  // both are emptied, or they would grow
    const char* text = nft_ctx_get_output_buffer(context);
    *output = ok ? text : errors;
    return ok;
  }
};

HostFirewall::HostFirewall() : nft_(std::make_unique<Nft>()) {}
HostFirewall::~HostFirewall() = default;

bool HostFirewall::may_change_rules() {
  const auto now = std::chrono::steady_clock::now();
  while (!changes_.empty() && changes_.front() + kChangeWindow < now) changes_.pop_front();
  if (changes_.size() >= kChangesInWindow) return false;
  changes_.push_back(now);
  return true;
}

std::vector<Problem> HostFirewall::put_rules(const HostWish& wish, Ruleset* rules, bool* changed) {
  std::vector<NetworkSite> sites;
  for (const auto& [name, site] : wish.sites) sites.push_back(site);
  std::set<std::string> keep = wish.keep;
  if (!wish.sweep)
    for (const Chain& chain : rules->chains)
      for (const Rule& rule : chain.rules)
        if (rule.comment.starts_with("berth:")) keep.insert(rule.comment.substr(6));
  const std::string commands = docker_user_commands(*rules, sites, keep);
  if (commands.empty()) return {};
  if (!may_change_rules())
    return {{"rules-undone", "something takes our rules out of DOCKER-USER again and again",
             "find it with nft monitor rules; berthd goes on trying, slower", false}};
  std::string output, listing;
  if (!nft_->run(commands, &output))
    return {{"rules-refused", "our rules in DOCKER-USER could not be set: " + output.substr(0, output.find('\n')),
             "run berthd with CAP_NET_ADMIN; nft list chain ip filter DOCKER-USER", false}};
  *changed = true;
  if (nft_->run("list ruleset", &listing)) *rules = parse_ruleset(listing);
  return {};
}

Findings HostFirewall::look(const HostWish& wish, const HostState& state) {
  Findings out;
  std::string listing;
  std::vector<Problem> common;
  Ruleset rules;
  const bool readable = nft_->run("list ruleset", &listing);
  if (readable) {
    rules = parse_ruleset(listing);
    common = put_rules(wish, &rules, &out.changed_rules);
  } else {
    common.push_back({"rules-unknown", "the rules in force can't be read: " + listing.substr(0, listing.find('\n')),
                      "run berthd as root, with CAP_NET_ADMIN", true});
  }
  std::string legacy;
  for (const std::string& table : legacy_tables_in_use()) legacy += (legacy.empty() ? "" : ", ") + table;
  if (!legacy.empty())
    common.push_back(
        {"iptables-legacy", "rules of iptables-legacy are in force (" + legacy + "), which berth does not judge",
         "update-alternatives --set iptables /usr/sbin/iptables-nft (ip6tables too), empty the old tables with "
         "iptables-legacy -F and -P … ACCEPT in each, restart docker",
         true});
  const std::vector<std::string> uplinks = uplinks_of(state);
  std::vector<NetworkSite> sites;
  for (const auto& [name, site] : wish.sites) sites.push_back(site);
  for (const NetworkSite& site : sites) {
    SiteFinding& finding = out.sites[site.name];
    finding.attached = state.find(site.interface) != nullptr;
    if (readable) {
      std::vector<std::string> ways;
      for (const std::string& uplink : uplinks)
        if (uplink != site.interface) ways.push_back(uplink);
      finding.verdict = check_rules(rules, site, sites, ways);
    } else {
      finding.verdict.nat = Nat::Unknown;
    }
    std::vector<Problem>& problems = finding.verdict.problems;
    problems.insert(problems.end(), common.begin(), common.end());
    for (Problem& each : forwarding(site)) problems.push_back(std::move(each));
    for (const Problem& each : problems)  // what blocks apart from the rules' walk is not going to pass by itself
      if (each.blocks && each.code != "firewall-drops" && each.code != "firewall-unclear")
        finding.verdict.passing_state = false;
  }
  return out;
}

}  // namespace berth
