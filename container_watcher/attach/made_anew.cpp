// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/made_anew.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace berth {
namespace {

// A word of sh, in quotes where it has to be.
std::string word(const std::string& text) {
  static constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/=,@%+";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string creation(const NetworkFact& fact) {
  std::map<std::string, std::string> options = fact.options;
  const std::string ours = "com.docker.network.bridge.";
  options[ours + "enable_ip_masquerade"] = "false";
  std::string out = "docker network create -d " + word(fact.driver), subnets;
  for (const SubnetFact& each : fact.subnets) {
    options[ours + (each.subnet.is_v4() ? "gateway_mode_ipv4" : "gateway_mode_ipv6")] = "nat-unprotected";
    subnets += " --subnet " + each.subnet.to_string();
    if (each.gateway) subnets += " --gateway " + each.gateway->to_string();
    if (each.ip_range) subnets += " --ip-range " + each.ip_range->to_string();
  }
  const bool v6 = std::any_of(fact.subnets.begin(), fact.subnets.end(),
                              [](const SubnetFact& each) { return !each.subnet.is_v4(); });
  out += (v6 ? " --ipv6" : "") + subnets;
  for (const auto& [name, value] : options) out += " -o " + word(name + "=" + value);
  for (const auto& [name, value] : fact.labels) out += " --label " + word(name + "=" + value);
  return out + " " + word(fact.name);
}

}  // namespace

std::string made_anew(const NetworkConfig& config, const NetworkFact& fact) {
  if (const auto own = fact.options.find("com.docker.network.bridge.default_bridge");
      own != fact.options.end() && own->second == "true")
    return "\"ip-masq\": false in /etc/docker/daemon.json and systemctl restart docker against NAT; where Docker drops "
           "what "
           "comes from outside, a network of their own for the containers: it makes " +
           fact.name + " itself";
  // Docker allows letters, digits, and - _ . in a name.
  const std::string& name = fact.name;
  const auto fixed = [](const std::string& family, const std::string& option) {
    // A newer docker prints an address that is not there as "invalid IP".
    return "{{with print .IPv" + family + "Address}}{{if ne . \"invalid IP\"}} " + option + " {{.}}{{end}}{{end}}";
  };
  return "back=$(docker ps -aq --filter network=" + name +
         " | xargs -r docker inspect -f '{{$id := .ID}}{{with index .NetworkSettings.Networks \"" + name +
         "\"}}docker network connect{{with .IPAMConfig}}" + fixed("4", "--ip") + fixed("6", "--ip6") +
         "{{end}}{{range .Aliases}} --alias {{.}}{{end}} " + name + " {{$id}};{{end}}'); " +
         "docker ps -aq --filter network=" + name + " | xargs -r -n1 docker network disconnect -f " + name +
         "; docker network rm " + name + " && " +
         (config.docker_network.empty() ? "until docker network inspect " + name + " >/dev/null 2>&1; do sleep 1; done"
                                        : creation(fact)) +
         "; eval \"$back\"";
}

}  // namespace berth
