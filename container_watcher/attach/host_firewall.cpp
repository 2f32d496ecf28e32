// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_firewall.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
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

bool HostFirewall::may_change_rules() {
  const auto now = std::chrono::steady_clock::now();
  while (!changes_.empty() && changes_.front() + kChangeWindow < now) changes_.pop_front();
  if (changes_.size() >= kChangesInWindow) return false;
  changes_.push_back(now);
  return true;
}

// What has the number of the last look is what was read then: most looks are for links and addresses. (And libnftables
// 1.0.6 loses some memory at each listing with a rule of iptables that it can't print.)
Status HostFirewall::read_rules(Findings* out) {
  const auto generation = ruleset_generation();  // before the listing: what changes meanwhile is read again
  if (generation && generation == generation_) return {};
  generation_.reset();
  std::string listing;
  if (!nft_->run("list ruleset", &listing)) return transient(listing.substr(0, listing.find('\n')));
  rules_ = parse_ruleset(listing);
  generation_ = generation;
  out->read_rules = true;
  return {};
}

std::vector<Problem> HostFirewall::put_rules(const HostWish& wish, Findings* out) {
  std::vector<NetworkSite> sites;
  for (const auto& [name, site] : wish.sites) sites.push_back(site);
  std::set<std::string> keep = wish.keep;
  if (!wish.sweep) keep.merge(docker_user_owners(rules_));
  const std::string commands = docker_user_commands(rules_, sites, keep);
  if (commands.empty()) return {};
  if (!may_change_rules())
    return {{"rules-undone", "something takes our rules out of DOCKER-USER again and again",
             "find it with nft monitor rules; berthd goes on trying, slower", false}};
  std::string output;
  if (!nft_->run(commands, &output))
    return {{"rules-refused", "our rules in DOCKER-USER could not be set: " + output.substr(0, output.find('\n')),
             "run berthd with CAP_NET_ADMIN; nft list chain ip filter DOCKER-USER", false}};
  out->changed_rules = true;
  static_cast<void>(read_rules(out));  // else the next look reads them
  return {};
}

Findings HostFirewall::look(const HostWish& wish, const HostState& state) {
  Findings out;
  std::vector<Problem> common;
  const Status readable = read_rules(&out);
  if (readable)
    common = put_rules(wish, &out);
  else
    common.push_back({"rules-unknown", "the rules in force can't be read: " + readable.error().message,
                      "run berthd as root, with CAP_NET_ADMIN", true});
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
      finding.verdict = check_rules(rules_, site, sites, ways);
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
