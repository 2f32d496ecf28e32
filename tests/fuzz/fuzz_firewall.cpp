// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rules in force, as any text: they are parsed and judged without a crash and within the limits of a look, the judgement
// does not depend on whether it is asked once or twice, and a network with nothing dropped has no word against it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "container_watcher/firewall/docker_raw.h"
#include "container_watcher/firewall/docker_user.h"
#include "container_watcher/firewall/verdict.h"

namespace fw = berth::firewall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const fw::Ruleset rules = fw::parse_ruleset(text);
  const std::vector<berth::NetworkSite> sites{
      {"blue", "br-blue", {*berth::Prefix::parse("10.10.1.0/24"), *berth::Prefix::parse("fd00:1::/64")}},
      {"red", "br-red", {*berth::Prefix::parse("10.10.2.0/24")}}};
  fw::Surroundings around;
  around.interfaces.all = {
      {"eth0"}, {"eth1"}, {"br-blue", "bridge"}, {"br-red", "bridge"}, {"veth1", "veth", "br-blue"}};
  around.uplinks_v4 = around.uplinks_v6 = {"eth0", "eth1"};
  const auto first = fw::judge(rules, sites, around);
  const auto second = fw::judge(rules, sites, around);
  for (const auto& [name, verdict] : first) {
    const auto& other = second.at(name);
    if (verdict.nat != other.nat || verdict.problems != other.problems || verdict.v4 != other.v4) std::abort();
    if (verdict.v4.nat == berth::Nat::On)
      if (verdict.problems.empty()) std::abort();
  }
  static_cast<void>(fw::docker_user_commands(rules, sites, {}));
  static_cast<void>(fw::docker_raw_commands(rules, sites, {}));
  static_cast<void>(fw::trace(
      rules, sites, around, {*berth::IpAddress::parse("192.0.2.1"), *berth::IpAddress::parse("10.10.1.2"), "tcp", 80}));
  return 0;
}
