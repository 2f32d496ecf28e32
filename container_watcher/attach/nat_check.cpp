// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/nat_check.h"

#include <set>
#include <utility>

namespace berth {
namespace {

std::string told(const Decision& decision) {
  return "\"" + decision.rule + "\" in " + decision.chain;
}

// The first few, and how many more.
std::string first_of(const std::set<std::string>& all, const std::string& between) {
  constexpr std::size_t kMost = 8;
  std::string out;
  std::size_t n = 0;
  for (const std::string& each : all)
    if (n++ < kMost) out += (out.empty() ? "" : between) + each;
  return n > kMost ? out + between + "and " + std::to_string(n - kMost) + " more" : out;
}

// Rules that Docker itself writes while a container starts, or that dockerd rewrites when it starts.
bool docker_writes(const Decision& decision) {
  const std::string& chain = decision.chain;
  return chain.find(" DOCKER") != std::string::npos || chain.ends_with(" raw PREROUTING") ||
         (chain.ends_with(" filter FORWARD") && !chain.starts_with("inet"));
}

class Check {
 public:
  Check(const Ruleset& rules, const NetworkSite& site, const std::vector<NetworkSite>& others,
        const std::vector<std::string>& uplinks)
      : rules_(rules), site_(site), others_(others), uplinks_(uplinks) {}

  RulesVerdict run() {
    for (const Prefix& subnet : site_.subnets) {
      family_ = subnet.is_v4() ? Family::V4 : Family::V6;
      translation(subnet);
      way(subnet, true);
      way(subnet, false);
      for (const NetworkSite& other : others_)
        if (other.name != site_.name) between(subnet, other);
    }
    family_ = Family::Both;
    redirections();
    return std::move(verdict_);
  }

 private:
  void problem(std::string code, std::string text, std::string remedy, bool blocks) {
    for (const Problem& each : verdict_.problems)
      if (each.code == code && each.text == text) return;
    verdict_.problems.push_back({std::move(code), std::move(text), std::move(remedy), blocks, family_});
  }

  FlowAddresses outside(const Prefix& subnet) const {
    const std::size_t bytes = subnet.is_v4() ? 4 : 16;
    return {Prefix::of(*IpAddress::from_bytes(std::vector<std::uint8_t>(bytes)), 0), {subnet}, false};
  }
  FlowInterface any_uplink() const { return {"", {site_.interface}}; }
  Flow flow(const Prefix& subnet, bool inwards, const FlowInterface& uplink) const {
    const FlowInterface bridge{site_.interface, {}};
    const FlowAddresses ours{subnet, {}, true};
    if (inwards) return {uplink, bridge, outside(subnet), ours, "", {}, {}, FlowState::New};
    return {bridge, uplink, ours, outside(subnet), "", {}, {}, FlowState::New};
  }

  void nat_on(const std::vector<Decision>& found) {
    for (const Decision& each : found) {
      verdict_.nat = Nat::On;
      problem("nat-on", "NAT is on: " + told(each),
              "make the network without NAT (docker network rm, and berthd makes it anew; or -o "
              "com.docker.network.bridge.enable_ip_masquerade=false), or take the rule away",
              true);
    }
  }

  // Of new connections, any protocol, through any interface, also one that is not there yet; a rule that drops them today
  // may go. Inwards only what hits every client counts: another network's own NAT (docker0's) is not ours to judge.
  void translation(const Prefix& subnet) {
    for (const bool inwards : {true, false}) {
      const WalkResult found = walk_forward(rules_, flow(subnet, inwards, any_uplink()), true);
      nat_on(inwards ? found.source_nat_all : found.source_nat);
      for (const Decision& each : found.redirected_all)
        problem("redirected", "all connections are redirected: " + told(each), "take the rule away", true);
      redirected_.insert(redirected_.end(), found.redirected.begin(), found.redirected.end());
    }
  }
  // One summary, however many ports are published.
  void redirections() {
    std::set<std::string> ports, others;
    for (const Decision& each : redirected_) {
      const Rule rule = parse_rule(each.rule);
      std::string protocol;
      for (const Match& match : rule.matches)
        if (match.key == Key::Protocol && !match.negated && match.values.size() == 1) protocol = match.values[0] + " ";
      bool published = false;
      for (const Match& match : rule.matches)
        if (match.key == Key::DestinationPort && !match.negated && each.chain.find(" DOCKER") != std::string::npos) {
          published = true;
          for (const std::string& port : match.values) ports.insert(protocol + port);
        }
      if (!published) others.insert(told(each));
    }
    if (!ports.empty())
      problem("redirected-some",
              std::to_string(ports.size()) + (ports.size() == 1 ? " published port is" : " published ports are") +
                  " redirected: " + first_of(ports, ", "),
              "none, if that is meant", false);
    if (!others.empty())
      problem("redirected-some", "some connections are redirected: " + first_of(others, "; "), "none, if that is meant",
              false);
  }
  std::optional<Decision> dropped(Flow flow, const std::string& protocol, std::vector<Decision>* partial) const {
    flow.protocol = protocol;
    for (const FlowState state : {FlowState::New, FlowState::Established}) {
      flow.state = state;
      WalkResult result = walk_forward(rules_, flow);
      if (partial) partial->insert(partial->end(), result.partial.begin(), result.partial.end());
      if (result.drop) return result.drop;
    }
    return std::nullopt;
  }

  // DOCKER-USER is heard in FORWARD alone, and not there where it is missing.
  std::string allowing(const Decision& what) const {
    const std::string family = what.chain.substr(0, what.chain.find(' '));
    if (docker_writes(what) && what.chain.find(" filter ") != std::string::npos &&
        rules_.find(family, "filter", "DOCKER-USER"))
      return "allow it before that rule; DOCKER-USER is the place where Docker runs";
    return "allow it in that chain, before that rule";
  }

  void drops(const Decision& what, const std::string& whose, bool blocks) {
    if (what.judged)
      problem("firewall-drops", whose + " is dropped by " + told(what), allowing(what), blocks);
    else
      problem("firewall-unclear", whose + " may be dropped by " + told(what) + ", which berthd can't judge",
              "write the rule in a way that nft prints, or accept the traffic before it", blocks);
    if (blocks) passing_ = passing_ && docker_writes(what);
    if (blocks) verdict_.passing_state = passing_;
  }

  // TCP decides; other protocols alone may be the operator's policy.
  void way(const Prefix& subnet, bool inwards) {
    const std::string text = (inwards ? "traffic to " : "traffic from ") + subnet.to_string();
    std::vector<Decision> partial;
    std::vector<std::pair<std::string, Decision>> closed;
    std::vector<FlowInterface> ways;
    for (const std::string& uplink : uplinks_) ways.push_back({uplink, {}});
    if (ways.empty()) ways.push_back(any_uplink());
    for (const FlowInterface& uplink : ways) {
      const Flow each = flow(subnet, inwards, uplink);
      if (const auto drop = dropped(each, "tcp", &partial)) {
        closed.emplace_back(uplink.name, *drop);
        continue;
      }
      for (const char* protocol : {"udp", subnet.is_v4() ? "icmp" : "ipv6-icmp"})
        if (const auto drop = dropped(each, protocol, nullptr)) drops(*drop, text + ", " + protocol + ",", false);
    }
    const bool all = closed.size() == ways.size();
    for (const auto& [name, drop] : closed) {
      std::string what = text;
      if (!all && !name.empty()) what.append(" through ").append(name);
      drops(drop, what, all);
    }
    std::set<std::string> by;
    for (const Decision& each : partial) by.insert(told(each));
    if (!by.empty())
      problem("firewall-some", "some " + text + " is dropped by " + first_of(by, "; "), "none, if that is meant",
              false);
  }

  void between(const Prefix& subnet, const NetworkSite& other) {
    for (const Prefix& theirs : other.subnets) {
      if (theirs.is_v4() != subnet.is_v4() || other.interface.empty()) continue;
      Flow to{{site_.interface, {}}, {other.interface, {}}, {subnet, {}, true}, {theirs, {}, false}, "", {}, {},
              FlowState::New};
      nat_on(walk_forward(rules_, to, true).source_nat);
      if (const auto drop = dropped(to, "tcp", nullptr))
        drops(*drop, "traffic from " + site_.name + " to " + other.name, false);
    }
  }

  const Ruleset& rules_;
  const NetworkSite& site_;
  const std::vector<NetworkSite>& others_;
  const std::vector<std::string>& uplinks_;
  RulesVerdict verdict_;
  std::vector<Decision> redirected_;
  Family family_ = Family::Both;  // of what is judged
  bool passing_ = true;
};

}  // namespace

RulesVerdict check_rules(const Ruleset& rules, const NetworkSite& site, const std::vector<NetworkSite>& others,
                         const std::vector<std::string>& uplinks) {
  return Check(rules, site, others, uplinks).run();
}

}  // namespace berth
