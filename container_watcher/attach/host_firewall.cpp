// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_firewall.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "container_watcher/attach/fabric_ways.h"
#include "container_watcher/attach/legacy_tables.h"
#include "container_watcher/firewall/docker_user.h"

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr unsigned kFailuresToTell = 4;

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::vector<Problem> legacy_rules() {
  std::string legacy;
  for (const std::string& table : legacy_tables_in_use()) legacy += (legacy.empty() ? "" : ", ") + table;
  if (legacy.empty()) return {};
  return {{"iptables-legacy", "rules of iptables-legacy are in force (" + legacy + "), which berth does not judge",
           "update-alternatives --set iptables /usr/sbin/iptables-nft (ip6tables too), empty the old tables with "
           "iptables-legacy -F and -P … ACCEPT in each, restart docker",
           true}};
}

void append(std::vector<Problem>* to, const std::vector<Problem>& more) {
  to->insert(to->end(), more.begin(), more.end());
}

// Rules that see the ports of a bridge.
bool asks_ports(const firewall::Ruleset& rules) {
  return std::any_of(rules.chains.begin(), rules.chains.end(), [](const firewall::Chain& each) {
    return !each.hook.empty() && (each.family == "bridge" || !each.devices.empty());
  });
}

// The number that the kernel gives to each state of the rules (NFT_MSG_GETGEN); nothing where it does not say.
std::optional<std::uint32_t> ruleset_generation() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return std::nullopt;
  struct {
    nlmsghdr header;
    nfgenmsg message;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.message.version = NFNETLINK_V0;
  alignas(nlmsghdr) std::array<char, 4096> answer;
  const ssize_t size =
      send(fd, &request, sizeof request, 0) < 0 ? -1 : recv(fd, answer.data(), answer.size(), MSG_TRUNC);
  close(fd);
  constexpr std::size_t kHead = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  if (size < static_cast<ssize_t>(kHead) || size > static_cast<ssize_t>(answer.size())) return std::nullopt;
  nlmsghdr header;
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) return std::nullopt;
  for (std::size_t at = kHead; at + NLA_HDRLEN + sizeof(std::uint32_t) <= static_cast<std::size_t>(size);) {
    nlattr attribute;
    std::memcpy(&attribute, answer.data() + at, sizeof attribute);
    if (attribute.nla_type == NFTA_GEN_ID && attribute.nla_len == NLA_HDRLEN + sizeof(std::uint32_t)) {
      std::uint32_t number = 0;
      std::memcpy(&number, answer.data() + at + NLA_HDRLEN, sizeof number);
      return ntohl(number);
    }
    if (attribute.nla_len < NLA_HDRLEN) return std::nullopt;
    at += NLA_ALIGN(attribute.nla_len);
  }
  return std::nullopt;
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

// What has the number of the last look is what was read then: most looks are for links and addresses. (And libnftables
// 1.0.6 loses some memory at each listing with a rule of iptables that it can't print.)
Status HostFirewall::read_rules(Findings* out) {
  const auto generation = ruleset_generation();  // before the listing: what changes meanwhile is read again
  if (generation && generation == generation_) return {};
  generation_.reset();
  std::string listing;
  if (!nft_->run("list ruleset", &listing)) return transient(first_line(listing));
  rules_ = std::make_shared<firewall::Ruleset>(firewall::parse_ruleset(listing));
  known_ = true;
  judged_.reset();
  generation_ = generation;
  out->read_rules = true;
  return {};
}

Status HostFirewall::put_rules_of(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep,
                                  Budget* budget, Findings* out) {
  const std::string commands = firewall::docker_user_commands(*rules_, sites, keep);
  if (commands.empty()) return {};
  if (!budget->take()) return stale("");
  std::string output;
  if (!nft_->run(commands, &output)) return transient(first_line(output));
  out->changed_rules = true;
  static_cast<void>(read_rules(out));  // else the next look reads them
  return {};
}

// nft takes a transaction as a whole or not at all: whose rules does it refuse?
void HostFirewall::put_rules_singly(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep,
                                    Findings* out, Problems* problems) {
  for (const NetworkSite& site : sites) {
    const Status put = put_rules_of({site}, keep, &retries_, out);
    if (put) {
      refused_.erase(site.name);
      continue;
    }
    std::string& why = refused_[site.name];
    if (put.error().kind != ErrorKind::Stale) why = put.error().message;
    if (why.empty()) continue;  // its turn comes with a later look
    (*problems)[site.name].push_back({"rules-refused", "its rules in DOCKER-USER could not be set: " + why,
                                      "run berthd with CAP_NET_ADMIN; nft list chain ip filter DOCKER-USER", false});
  }
}

void HostFirewall::put_rules(const HostWish& wish, const std::vector<NetworkSite>& sites, Findings* out,
                             Problems* problems) {
  std::set<std::string> keep = wish.keep;
  if (!wish.sweep) keep.merge(firewall::docker_user_owners(*rules_));
  std::vector<NetworkSite> accepted, refused;
  for (const NetworkSite& site : sites) {
    keep.insert(site.name);
    (refused_.contains(site.name) ? refused : accepted).push_back(site);
  }
  std::erase_if(refused_, [&](const auto& each) { return !wish.sites.contains(each.first); });
  const Status put = put_rules_of(accepted, keep, &changes_, out);
  if (!put && put.error().kind == ErrorKind::Stale) {
    (*problems)[""].push_back({"rules-undone", "something takes our rules out of DOCKER-USER again and again",
                               "find it with nft monitor rules; berthd goes on trying, slower", false});
    return;
  }
  if (!put) {
    generation_.reset();  // what was read may be old: a rule's handle that is no more is refused as well
    static_cast<void>(read_rules(out));
  }
  put_rules_singly(put ? refused : sites, keep, out, problems);
}

// Docker (20.10) does not say which gateway it chose where it was only told a subnet: it is what the bridge had.
void HostFirewall::learn_gateways(const HostState& state, std::vector<NetworkSite>* sites) {
  std::map<std::pair<std::string, Prefix>, IpAddress> known;
  for (NetworkSite& site : *sites)
    for (BridgeAddress& each : site.addresses) {
      if (each.gateway || !each.ours) continue;
      const std::pair<std::string, Prefix> key{site.interface, each.subnet};
      if (const auto old = gateways_.find(key); old != gateways_.end()) {
        each.gateway = old->second;
      } else if (const HostLink* bridge = state.find(site.interface)) {
        for (const LinkAddress& has : bridge->addresses)
          if (!each.gateway && has.length == each.subnet.length() && each.subnet.contains(has.address))
            each.gateway = has.address;
      }
      if (each.gateway) known.emplace(key, *each.gateway);
    }
  gateways_ = std::move(known);
}

void HostFirewall::judge_rules(const std::vector<NetworkSite>& sites, firewall::Surroundings around) {
  if (judged_ && judged_->sites == sites && judged_->around == around) return;
  verdicts_ = firewall::judge(*rules_, sites, around);
  judged_ = std::make_shared<JudgedRules>(JudgedRules{rules_, sites, std::move(around)});
}

void HostFirewall::put_back(const std::vector<NetworkSite>& sites, const std::vector<MissingAddress>& missing,
                            Findings* out) {
  const HostRepair::Answer answer = repair_.put_back(missing);
  out->again = answer.waiting;
  for (const auto& [address, why] : answer.refused)
    for (const NetworkSite& site : sites)
      if (site.interface == address.interface)
        out->sites[site.name].verdict.problems.push_back(
            {"gateway-refused", address.address.to_string() + " on " + address.interface + ": " + why,
             "find who takes it away, with ip monitor address", false,
             address.address.is_v4() ? Family::V4 : Family::V6});
}

void HostFirewall::read_and_put_rules(const HostWish& wish, const std::vector<NetworkSite>& sites, Findings* out,
                                      Problems* problems) {
  const Status readable = read_rules(out);
  out->others_changed = out->read_rules;
  out->failures = failures_ = readable ? 0 : failures_ + 1;
  if (readable)
    put_rules(wish, sites, out, problems);
  else if (!known_ || failures_ >= kFailuresToTell)
    (*problems)[""].push_back({"rules-unknown",
                               "the rules in force can't be read: " + readable.error().message +
                                   (known_ ? "; what was read before is taken for true" : ""),
                               "run berthd as root, with CAP_NET_ADMIN", !known_});
  append(&(*problems)[""], legacy_rules());
}

Findings HostFirewall::look(const HostWish& wish, const HostState& state) {
  Findings out;
  Problems problems;
  std::vector<NetworkSite> sites;
  bool v4 = wish.v4, v6 = wish.v6;
  for (const auto& [name, site] : wish.sites) {
    sites.push_back(site);
    for (const Prefix& subnet : site.subnets) (subnet.is_v4() ? v4 : v6) = true;
  }
  learn_gateways(state, &sites);
  std::vector<Problem> off;
  if (v4) append(&off, repair_.forward(true, state.all_v4.forwarding));
  if (v6) append(&off, repair_.forward(false, state.all_v6.forwarding));
  read_and_put_rules(wish, sites, &out, &problems);

  const std::vector<std::string> uplinks = uplinks_of(state);
  if (known_) judge_rules(sites, surroundings_of(state, wish.fabric, uplinks, asks_ports(*rules_)));
  std::vector<MissingAddress> missing;
  for (const NetworkSite& site : sites) {
    SiteFinding& finding = out.sites[site.name];
    if (known_)
      finding.verdict = verdicts_[site.name];
    else
      finding.verdict.nat = Nat::Unknown;
    const LinkVerdict links = check_links(state, site, uplinks);
    const HostLink* bridge = state.find(site.interface);
    finding.attached = links.attached;
    finding.up = bridge && bridge->up;
    finding.interface = site.interface;
    missing.insert(missing.end(), links.missing.begin(), links.missing.end());
    std::vector<Problem>& found = finding.verdict.problems;
    append(&found, problems[""]);
    append(&found, problems[site.name]);
    append(&found, links.problems);
    for (const Problem& each : off)
      if (std::any_of(site.subnets.begin(), site.subnets.end(), [&](const Prefix& own) { return each.concerns(own); }))
        found.push_back(each);
  }
  put_back(sites, missing, &out);
  out.judged = judged_;
  return out;
}

}  // namespace berth
