// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/verdict.h"

#include <algorithm>

#include "container_watcher/firewall/flow.h"
#include "container_watcher/firewall/isolation.h"
#include "container_watcher/firewall/program.h"
#include "container_watcher/firewall/remedy.h"

namespace berth::firewall {
namespace {

constexpr std::size_t kMostClosed = 256;  // addresses that are told one by one

// `by`: the rule that may take it.
std::string in_doubt(const std::optional<Decision>& doubt, const Decision& by) {
  if (doubt && !(*doubt == by)) return "; what berthd can't judge is " + doubtful(*doubt);
  return match_in_doubt(by).empty() ? ", which berthd can't judge"
                                    : ", of which berthd can't judge " + match_in_doubt(by);
}

std::string of_part(const std::string& part) {
  return part.empty() ? "" : " (" + part + ")";
}

Passing worse(Passing a, Passing b) {
  const auto rank = [](Passing each) {
    return each == Passing::All ? 0 : each == Passing::Some ? 1 : each == Passing::Unknown ? 2 : 3;
  };
  return rank(a) >= rank(b) ? a : b;
}

Nat nat_of(Passing kept) {
  switch (kept) {
    case Passing::All: return Nat::Off;
    case Passing::None: return Nat::On;
    case Passing::Some: return Nat::Some;
    default: return Nat::Unknown;
  }
}

Nat worse(Nat a, Nat b) {
  const auto rank = [](Nat each) {
    return each == Nat::Off ? 0 : each == Nat::Some ? 1 : each == Nat::Unknown ? 2 : 3;
  };
  return rank(a) >= rank(b) ? a : b;
}

class Judge {
 public:
  Judge(const Ruleset& rules, const Flows& flows, const std::vector<NetworkSite>& sites, const NetworkSite& site)
      : rules_(rules), flows_(flows), sites_(sites), site_(site) {}

  void run(const Prefix& subnet, RulesVerdict* out) {
    out_ = out;
    subnet_ = subnet;
    family_ = subnet.is_v4() ? Family::V4 : Family::V6;
    FamilyHealth health;
    health.known = true;
    const FlowVerdict in = flows_.in(site_, subnet), back = flows_.out(site_, subnet);
    health.in = in.passed;
    health.out = back.passed;
    health.nat = worse(nat_of(in.source_kept), nat_of(back.source_kept));
    nat(in, back, health.nat, &health);
    incoming(in, &health);
    outgoing(back, in.passed == Passing::None, &health);
    redirected(in, back);
    const FlowVerdict others = flows_.to_others(site_, subnet, sites_);
    if (others.passed != Passing::All || others.source_kept != Passing::All)
      for (const NetworkSite& other : sites_)
        if (other.name != site_.name) between(other);
    FamilyHealth& known = subnet.is_v4() ? out->v4 : out->v6;
    if (known.known) {  // several subnets of one family
      health.nat = worse(health.nat, known.nat);
      health.in = worse(health.in, known.in);
      health.out = worse(health.out, known.out);
      if (!known.rule.empty()) health.rule = known.rule, health.chain = known.chain;
    }
    known = health;
    out->nat = worse(out->nat, health.nat);
  }

 private:
  void problem(std::string code, std::string text, std::string remedy, bool blocks) {
    for (const Problem& each : out_->problems)
      if (each.code == code && each.text == text) return;
    out_->problems.push_back({std::move(code), std::move(text), std::move(remedy), blocks, family_});
  }
  static void decided_by(const Decision& what, FamilyHealth* health) {
    if (!health->rule.empty()) return;
    health->rule = what.text();
    health->chain = what.chain->title();
  }

  void close(const IntervalSet& addresses, const std::string& code, const std::string& what,
             const std::string& remedy) {
    for (const Prefix& each : prefixes_of(addresses, subnet_.is_v4(), kMostClosed))
      out_->closed.emplace_back(each, Problem{code, what, remedy, true, family_});
  }

  // Of one way or the other: the one that is worse is told.
  void nat(const FlowVerdict& in, const FlowVerdict& back, Nat nat, FamilyHealth* health) {
    for (const FlowVerdict* each : {&back, &in}) {
      if (nat_of(each->source_kept) == Nat::Off) continue;
      if (!each->nat) {
        problem("nat-unclear",
                "what the rules do to the source of " + subnet_.to_string() + " is more than berthd judges",
                remedy_for_doubt(std::nullopt, site_), !site_.lenient);
        continue;
      }
      const Nat here = nat_of(each->source_kept);
      const std::string whose = each == &in ? "traffic to " : "traffic from ";
      const std::string text = whose + subnet_.to_string();
      const std::string remedy = remedy_for_nat(*each->nat, site_, subnet_, each == &in);
      if (here == nat) decided_by(*each->nat, health);
      if (here == Nat::On)
        problem("nat-on", "NAT is on: " + text + " has its source changed by " + told(*each->nat), remedy, true);
      else if (here == Nat::Unknown)
        problem("nat-unclear",
                text + " may have its source changed by " + told(*each->nat) + in_doubt(each->nat_doubt, *each->nat),
                remedy_for_doubt(each->nat_doubt ? each->nat_doubt : each->nat, site_), !site_.lenient);
      else
        problem("nat-some", "some " + text + of_part(each->nat_part) + " has its source changed by " + told(*each->nat),
                "none, if that is meant", false);
      close(each->natted, "nat-on", "NAT is on for this address: " + told(*each->nat), remedy);
    }
  }

  void incoming(const FlowVerdict& in, FamilyHealth* health) {
    if (!in.drop) {
      if (in.passed == Passing::Unknown)
        problem("firewall-unclear", "traffic to " + subnet_.to_string() + " meets more rules than berthd judges",
                "none, if it is known to pass", false);
      return;
    }
    const std::string text = "traffic to " + subnet_.to_string();
    const std::string remedy = remedy_for_drop(rules_, *in.drop, site_, subnet_);
    decided_by(*in.drop, health);
    if (in.no_transport) {
      const std::string all = in.passed == Passing::None ? text : "all TCP and UDP " + text;
      problem("firewall-drops", all + " is dropped by " + told(*in.drop), remedy, true);
      const bool docker = std::all_of(in.drops.begin(), in.drops.end(), docker_writes);
      out_->passing_state = docker && (out_->passing_state || !blocked_);
      blocked_ = true;
      return;
    }
    if (in.passed == Passing::Unknown)
      problem("firewall-unclear", text + " may be dropped by " + told(*in.drop) + in_doubt(in.drop_doubt, *in.drop),
              remedy, false);
    else
      problem("firewall-some", "some " + text + of_part(in.drop_part) + " is dropped by " + told(*in.drop), remedy,
              false);
    close(in.closed, "firewall-drops", "all traffic to this address is dropped by " + told(*in.drop), remedy);
  }

  // That containers can't open connections to the fabric does not make them unreachable.
  void outgoing(const FlowVerdict& back, bool told_already, FamilyHealth* health) {
    if (!back.drop || told_already) return;
    decided_by(*back.drop, health);
    const std::string text = "new connections from " + subnet_.to_string();
    const std::string remedy = remedy_for_drop(rules_, *back.drop, site_, subnet_);
    if (back.passed == Passing::None)
      problem("firewall-drops", text + " are dropped by " + told(*back.drop), remedy, false);
    else if (back.passed == Passing::Some)
      problem("firewall-some", "some " + text + of_part(back.drop_part) + " are dropped by " + told(*back.drop), remedy,
              false);
    else
      problem("firewall-unclear",
              text + " may be dropped by " + told(*back.drop) + in_doubt(back.drop_doubt, *back.drop), remedy, false);
  }

  void redirected(const FlowVerdict& in, const FlowVerdict& back) {
    if (in.redirect && in.destination_kept == Passing::None)
      problem("redirected", "all connections are redirected: " + told(*in.redirect), "take the rule away", true);
    else if (in.redirect)
      problem("redirected-some",
              "some connections to " + subnet_.to_string() + of_part(in.redirect_part) +
                  " are redirected: " + told(*in.redirect),
              "none, if that is meant", false);
    if (back.redirect)
      problem("redirected-some",
              "connections from " + subnet_.to_string() + of_part(back.redirect_part) +
                  " are redirected: " + told(*back.redirect),
              "none, if that is meant", false);
  }

  void between(const NetworkSite& other) {
    for (const Prefix& theirs : other.subnets) {
      if (theirs.is_v4() != subnet_.is_v4() || other.interface.empty()) continue;
      const FlowVerdict found = flows_.between(site_, subnet_, other, theirs);
      const std::string whose = site_.name + " to " + other.name;
      if (found.nat && found.source_kept != Passing::All)
        problem("nat-some", "traffic from " + whose + " has its source changed by " + told(*found.nat),
                remedy_for_nat(*found.nat, site_, subnet_, false), false);
      if (!found.drop || found.passed == Passing::All) continue;
      const std::string how = found.passed == Passing::None      ? "is dropped by "
                              : found.passed == Passing::Unknown ? "may be dropped by "
                                                                 : "is partly dropped by ";
      std::string text = "traffic from " + whose;
      text.append(" ").append(how).append(told(*found.drop));
      problem("firewall-drops", text, remedy_for_drop(rules_, *found.drop, other, theirs), false);
    }
  }

  const Ruleset& rules_;
  const Flows& flows_;
  const std::vector<NetworkSite>& sites_;
  const NetworkSite& site_;
  Prefix subnet_;
  Family family_ = Family::Both;
  RulesVerdict* out_ = nullptr;
  bool blocked_ = false;
};

}  // namespace

std::map<std::string, RulesVerdict> judge(const Ruleset& all, const std::vector<NetworkSite>& sites,
                                          const Surroundings& around) {
  std::map<std::string, RulesVerdict> out;
  const std::optional<Ruleset> others = without_isolation(all);
  const Ruleset& rules = others ? *others : all;
  for (const NetworkSite& site : sites) out[site.name];
  for (const bool v4 : {true, false}) {
    const auto of_family = [&](const Prefix& each) { return each.is_v4() == v4; };
    if (std::none_of(sites.begin(), sites.end(), [&](const NetworkSite& site) {
          return std::any_of(site.subnets.begin(), site.subnets.end(), of_family);
        }))
      continue;
    Program program = compile(rules, v4, around.interfaces);
    const Flows flows(program, sites, around);
    for (const NetworkSite& site : sites)
      for (const Prefix& subnet : site.subnets)
        if (of_family(subnet) && !site.interface.empty()) Judge(rules, flows, sites, site).run(subnet, &out[site.name]);
  }
  return out;
}

std::vector<Nat> sources_of(const Ruleset& rules, const std::vector<Leaving>& leaving, const Surroundings& around) {
  std::vector<Nat> out(leaving.size(), Nat::Off);
  for (const bool v4 : {true, false}) {
    const auto of_family = [&](const Leaving& each) { return each.source.is_v4() == v4; };
    if (std::none_of(leaving.begin(), leaving.end(), of_family)) continue;
    Program program = compile(rules, v4, around.interfaces);
    const Flows flows(program, {}, around);
    for (std::size_t at = 0; at < leaving.size(); ++at) {
      if (!of_family(leaving[at])) continue;
      NetworkSite site;
      site.interface = leaving[at].link;
      out[at] = nat_of(flows.out(site, Prefix::host(leaving[at].source)).source_kept);
    }
  }
  return out;
}

}  // namespace berth::firewall
