// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_firewall.h"

#include <net/if.h>
#include <nftables/libnftables.h>

#include <fstream>

#include "container_watcher/attach/nat_check.h"

namespace berth {
namespace {

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

}  // namespace

struct HostFirewall::Nft {
  nft_ctx* context = nft_ctx_new(NFT_CTX_DEFAULT);
  Nft() {
    nft_ctx_buffer_output(context);
    nft_ctx_buffer_error(context);
  }
  ~Nft() { nft_ctx_free(context); }
  bool run(const std::string& command, std::string* output) {
    const bool ok = nft_run_cmd_from_buffer(context, command.c_str()) == 0;
    *output = ok ? nft_ctx_get_output_buffer(context) : nft_ctx_get_error_buffer(context);
    return ok;
  }
};

HostFirewall::HostFirewall() : nft_(std::make_unique<Nft>()) {}
HostFirewall::~HostFirewall() = default;

NetworkHealth HostFirewall::ensure(const NetworkConfig& config, const NetworkFact& fact, std::vector<Problem> problems) {
  NetworkHealth health;
  health.interface = fact.interface;
  health.problems = std::move(problems);
  const auto problem = [&](std::string code, std::string text, std::string remedy) {
    health.problems.push_back({std::move(code), std::move(text), std::move(remedy), true});
  };
  health.attached = !fact.interface.empty() && if_nametoindex(fact.interface.c_str()) != 0;
  if (!health.attached) {
    problem("bridge-missing", "there is no interface " + fact.interface, "docker network rm " + fact.name + "; berthd makes it anew");
    return health;
  }
  std::string rules, ignored;
  health.nat = Nat::Off;
  const std::string comment = "berth:" + config.name;
  for (const SubnetConfig& each : config.subnets) {
    const bool v4 = each.subnet.is_v4();
    const std::string family = v4 ? "ip" : "ip6";
    const std::string sysctl = v4 ? "/proc/sys/net/ipv4/ip_forward" : "/proc/sys/net/ipv6/conf/all/forwarding";
    if (!forwarding_on(sysctl)) problem("forwarding-off", "the host does not forward " + family, "echo 1 > " + sysctl);
    std::string user_chain;
    if (nft_->run("list chain " + family + " filter DOCKER-USER", &user_chain) && !has_comment(user_chain, comment)) {
      const std::string insert = "insert rule " + family + " filter DOCKER-USER ";
      const std::string accept = " counter accept comment \"" + comment + "\"\n";
      nft_->run(insert + "oifname \"" + fact.interface + "\" " + family + " daddr " + each.subnet.to_string() + accept +
                    insert + "iifname \"" + fact.interface + "\" " + family + " saddr " + each.subnet.to_string() + accept,
                &ignored);
    }
    std::string forward;
    const bool drops = nft_->run("list chain " + family + " filter FORWARD", &forward) && forward.find("policy drop") != std::string::npos;
    const bool ours = nft_->run("list chain " + family + " filter DOCKER-USER", &user_chain) && has_comment(user_chain, comment);
    if (drops && !ours)
      problem("firewall-drops", "the policy of FORWARD is drop and our rules could not be set in DOCKER-USER",
              "nft list chain " + family + " filter DOCKER-USER");
    if (!nft_->run("list ruleset", &rules)) {
      health.nat = Nat::Unknown;
      problem("rules-unknown", "the rules in force can't be read: " + rules, "run berthd with CAP_NET_ADMIN");
      continue;
    }
    const NatVerdict verdict = check_nat(rules, each.subnet, fact.interface);
    if (verdict.nat != Nat::On) continue;
    health.nat = Nat::On;
    problem("nat-on", "NAT is on: " + verdict.rule,
            "docker network rm " + fact.name + " and let berthd make it, or create it with -o "
            "com.docker.network.bridge.enable_ip_masquerade=false");
  }
  return health;
}

}  // namespace berth
