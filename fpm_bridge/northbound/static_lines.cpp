// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/static_lines.h"

#include <optional>
#include <sstream>
#include <utility>

#include "core/number.h"

namespace berth {
namespace {

bool is_blackhole(const std::string& word) {
  return word == "blackhole" || word == "reject" || word == "Null0";
}

std::optional<StaticRoute> route_in(const std::string& line) {
  std::istringstream words(line);
  std::string family, route, prefix, word;
  if (!(words >> family >> route >> prefix) || (family != "ip" && family != "ipv6") || route != "route") return {};
  const auto parsed = Prefix::parse(prefix);
  if (!parsed || !(words >> word)) return {};
  StaticRoute out;
  out.prefix = *parsed;
  if (word == "from") return {};  // by its source, too: it is not a route for all
  if (is_blackhole(word)) {
    out.plain = false;
  } else {
    out.gateway = IpAddress::parse(word);
    if (!out.gateway) out.interface = word;
  }
  bool first = true;
  for (; words >> word; first = false) {
    if (word == "tag" && words >> word) {
      const auto tag = parse_number<std::uint32_t>(word);
      out.tag = tag.value_or(0);
      out.plain = out.plain && tag;
    } else if (const auto distance = parse_number<std::uint32_t>(word)) {
      out.distance = *distance;
    } else if (first && out.gateway && word != "label" && word != "table" && word != "onlink" &&
               word != "nexthop-vrf" && word != "color" && word != "bfd") {
      out.interface = word;
    } else {
      out.plain = false;
    }
  }
  return out;
}

}  // namespace

std::vector<StaticRoute> read_static_lines(std::string_view running_config) {
  std::vector<StaticRoute> out;
  std::istringstream lines{std::string(running_config)};
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (auto route = route_in(line); route && line.starts_with("ip")) out.push_back(std::move(*route));
  }
  return out;
}

std::vector<std::string> static_commands(const StaticPlan& plan) {
  std::vector<std::string> out;
  out.reserve(plan.remove.size() + plan.add.size());
  for (const StaticRoute& each : plan.remove) out.push_back("no " + each.line());
  for (const StaticRoute& each : plan.add) out.push_back(each.line());
  return out;
}

}  // namespace berth
