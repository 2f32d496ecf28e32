// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rules in force, as any text: they are parsed and judged without a crash, and the judgement does not depend on whether
// it is asked once or twice.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "container_watcher/attach/nat_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const berth::Ruleset rules = berth::parse_ruleset(text);
  const berth::NetworkSite blue{
      "blue", "br-blue", {*berth::Prefix::parse("10.10.1.0/24"), *berth::Prefix::parse("fd00:1::/64")}};
  const berth::NetworkSite red{"red", "br-red", {*berth::Prefix::parse("10.10.2.0/24")}};
  const auto first = berth::check_rules(rules, blue, {red}, {"eth0"});
  const auto second = berth::check_rules(rules, blue, {red}, {"eth0"});
  if (first.nat != second.nat || first.problems != second.problems) std::abort();
  return 0;
}
