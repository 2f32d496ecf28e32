// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/remedy.h"

#include <algorithm>

namespace berth::firewall {
namespace {

bool by_iptables(const Chain& chain) {
  return (chain.family == "ip" || chain.family == "ip6") &&
         (chain.table == "filter" || chain.table == "nat" || chain.table == "raw" || chain.table == "mangle");
}

std::string address_word(const Prefix& subnet) {
  return subnet.is_v4() ? "ip" : "ip6";
}

std::string ufw(const NetworkSite& site, const Prefix& subnet) {
  return "ufw route allow out on " + site.interface + " to " + subnet.to_string() + "; ufw route allow in on " +
         site.interface + " from " + subnet.to_string();
}

// Docker that starts beside firewalld puts its bridges in a zone of this name, and gives a network up whose bridge is in
// another (ZONE_CONFLICT). The zone is made as Docker makes it; what may come to it from the others is the subnet's alone.
std::string firewalld(const NetworkSite& site, const Prefix& subnet) {
  const std::string command = "firewall-cmd --permanent ", policy = command + "--policy=berth ";
  return command + "--new-zone=docker && " + command + "--zone=docker --set-target=ACCEPT; " + command +
         "--zone=docker --change-interface=" + site.interface + "; " + command + "--new-policy=berth; " + policy +
         "--add-ingress-zone=ANY; " + policy + "--add-egress-zone=docker; " + policy +
         "--add-rich-rule='rule family=" + (subnet.is_v4() ? "ipv4" : "ipv6") +
         " destination address=" + subnet.to_string() + " accept'; firewall-cmd --reload";
}

// iptables and nft take the rule in the same words for a chain of iptables'.
std::string accept_in(const Chain& chain, const std::string& name, const NetworkSite& site, const Prefix& subnet) {
  const std::string daddr = " " + address_word(subnet) + " daddr " + subnet.to_string() + " accept";
  const std::string saddr = " " + address_word(subnet) + " saddr " + subnet.to_string() + " accept";
  const std::string insert = "nft insert rule " + chain.family + " " + chain.table + " " + name + " ";
  // A bridge's own chain knows the ports, and not the bridge.
  const std::string to = chain.family == "bridge" ? "" : "oifname \"" + site.interface + "\"";
  const std::string from = chain.family == "bridge" ? "" : "iifname \"" + site.interface + "\"";
  if (chain.family == "bridge" || chain.hook == "prerouting" || chain.hook == "ingress" || chain.hook == "egress")
    return insert + daddr.substr(1) + "; " + insert + saddr.substr(1);
  return insert + to + daddr + "; " + insert + from + saddr;
}

std::string made_lasting(const Chain& chain) {
  return " # and write it where the table " + chain.family + " " + chain.table + " is made from (/etc/nftables.conf)";
}

}  // namespace

std::string told(const Decision& what) {
  return "\"" + what.text() + "\" in " + what.chain->title();
}

std::string match_in_doubt(const Decision& what) {
  if (what.rule)
    for (const Statement& each : what.rule->statements)
      if (each.what == Do::Opaque) return "\"" + each.target + "\"";
  return "";
}

std::string doubtful(const Decision& what) {
  const std::string match = match_in_doubt(what);
  return match.empty() ? told(what) : match + " of " + told(what);
}

bool docker_writes(const Decision& what) {
  const Chain& chain = *what.chain;
  if (chain.table == "docker-bridges") return true;
  if (chain.family != "ip" && chain.family != "ip6") return false;
  return chain.name.starts_with("DOCKER") || (chain.table == "raw" && chain.name == "PREROUTING") ||
         (chain.table == "filter" && chain.name == "FORWARD");
}

std::string remedy_for_drop(const Ruleset& rules, const Decision& what, const NetworkSite& site, const Prefix& subnet) {
  const Chain& chain = *what.chain;
  if (chain.table == "docker-bridges") return site.anew;
  if (by_iptables(chain) && chain.table == "raw" && what.rule &&
      what.rule->text.find("iifname != ") != std::string::npos)
    return site.anew;
  if (chain.table == "filter" && chain.name.starts_with("ufw")) return ufw(site, subnet);
  if (by_iptables(chain) && chain.table == "filter" && chain.name == "DOCKER-USER" && what.rule)
    return "nft insert rule " + chain.family + " filter DOCKER-USER oifname \"" + site.interface + "\" " +
           address_word(subnet) + " daddr " + subnet.to_string() + " accept # or take that rule out of DOCKER-USER";
  if (by_iptables(chain) && chain.table == "filter") {
    const Chain* user = rules.find(chain.family, "filter", "DOCKER-USER");
    if (!what.rule &&
        rules.find(chain.family, "filter", chain.family == "ip6" ? "ufw6-user-forward" : "ufw-user-forward"))
      return ufw(site, subnet);
    if (user && user != &chain) return accept_in(chain, user->name, site, subnet);
  }
  if (chain.table == "firewalld") return firewalld(site, subnet);
  return accept_in(chain, chain.typed(), site, subnet) + (by_iptables(chain) ? "" : made_lasting(chain));
}

std::string remedy_for_nat(const Decision& what, const NetworkSite& site, const Prefix& subnet, bool clients) {
  const Chain& chain = *what.chain;
  const std::string text = what.rule ? what.rule->text : std::string();
  const bool docker =
      chain.table == "docker-bridges" || (chain.table == "nat" && chain.name == "POSTROUTING" &&
                                          text.find("oifname != \"" + site.interface + "\"") != std::string::npos);
  if (docker) return site.anew;
  return "nft insert rule " + chain.family + " " + chain.table + " " + chain.typed() + " " + address_word(subnet) +
         (clients ? " daddr " : " saddr ") + subnet.to_string() +
         " accept # or take the rule away, or say with fabric PREFIX lines from where the network is to "
         "be seen as itself";
}

std::string remedy_for_doubt(const std::optional<Decision>& doubt, const NetworkSite& site) {
  return "berthctl -c 'configure terminal' -c 'network " + site.name +
         "' -c 'nat-check lenient' # if it is known to be harmless" +
         (doubt ? "; or write " + doubtful(*doubt) + " in words that nft prints" : "");
}

}  // namespace berth::firewall
