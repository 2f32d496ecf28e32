// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_gaps.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/overlaps.h"
#include "daemon/tenants.h"

namespace berth {
namespace {

// berthd listens at one of them, and others listen at the others.
std::string one_socket_for_two(const Config& config) {
  std::map<std::string, std::string> lines = {{config.zebra.socket, "zebra socket"}};
  std::string out;
  const auto add = [&](const std::string& path, const std::string& line) {
    const auto [other, fresh] = lines.try_emplace(path, line);
    if (!fresh) out = "a socket of its own for each: " + other->second + " and " + line + " name the same";
  };
  add(config.vty.socket, "vty socket");
  for (const RuntimeConfig& each : config.runtimes)
    add(each.address.substr(each.address.find(':') + 1), "runtime " + each.name);
  return out;
}

// The line that gives a runtime of that name; empty: of any.
std::string runtime_line(const std::string& name) {
  const RuntimeKind* named = find_runtime_kind(name);
  const RuntimeKind& kind = named ? *named : runtime_kinds().front();
  return "runtime " + (named || name.empty() ? "" : name + " ") + kind.name + " " + kind.address;
}

std::vector<std::string> own_gaps(const Config& config, const NetworkConfig& network) {
  std::vector<std::string> out;
  const auto named = [&](const RuntimeConfig& each) { return network.runtime == each.name; };
  if (!network.runtime.empty() && std::none_of(config.runtimes.begin(), config.runtimes.end(), named))
    out.push_back("a runtime " + network.runtime + " for network " + network.name + " (" +
                  runtime_line(network.runtime) + ")");
  if (network.subnets.empty()) out.push_back("a subnet for network " + network.name);
  if (network.advertise != Advertise::None && !network.tag)
    out.push_back("a tag for network " + network.name + ", since it advertises");
  if (const Driver* driver = find_driver(network.driver))
    for (std::string& gap : driver->gaps(config.settled(network))) out.push_back(std::move(gap));
  return out;
}

// What two networks can't both have.
std::optional<std::uint32_t> vni_of(const NetworkConfig& network) {
  const Driver* driver = find_driver(network.driver);
  return driver ? driver->vni(network) : std::nullopt;
}

std::vector<std::string> contradictions(const Config& config, const NetworkConfig& one, const NetworkConfig& other) {
  std::vector<std::string> out;
  const auto both = [&] { return std::min(one.name, other.name) + " and " + std::max(one.name, other.name); };
  if (config.name_in_runtime(one) == config.name_in_runtime(other))
    out.push_back("a Docker network of its own for each: " + both() + " name the same");
  if (const auto vni = vni_of(one); vni && vni == vni_of(other))
    out.push_back("a vni of its own for each: " + both() + " have " + std::to_string(*vni));
  const auto overlaps = [&](const SubnetConfig& a) {
    return std::any_of(other.subnets.begin(), other.subnets.end(),
                       [&](const SubnetConfig& b) { return a.subnet.overlaps(b.subnet); });
  };
  if (std::any_of(one.subnets.begin(), one.subnets.end(), overlaps))
    out.push_back("subnets that do not overlap: those of " + both() + " do");
  return out;
}

using Pairs = std::set<std::pair<std::string, std::string>>;

// The pairs to look at: those that share a network of a runtime, or an address.
Pairs suspects(const Config& config) {
  Pairs out;
  const auto add = [&](const std::string& a, const std::string& b) {
    if (out.size() <= kMostContradictions) out.emplace(std::min(a, b), std::max(a, b));
  };
  std::map<NetworkName, const std::string*> first_of;
  std::map<std::uint32_t, const std::string*> first_with;
  std::vector<Prefix> prefixes;
  std::vector<const std::string*> owners;
  for (const auto& [name, network] : config.networks) {
    const auto [first, fresh] = first_of.try_emplace(config.name_in_runtime(network), &name);
    if (!fresh) add(*first->second, name);
    if (const auto vni = vni_of(network))
      if (const auto [at, new_one] = first_with.try_emplace(*vni, &name); !new_one) add(*at->second, name);
    for (const SubnetConfig& each : network.subnets) {
      prefixes.push_back(each.subnet);
      owners.push_back(&name);
    }
  }
  for (const auto& [a, b] : find_overlaps(prefixes, kMostContradictions + 1).pairs) add(*owners[a], *owners[b]);
  return out;
}

}  // namespace

std::string network_gap(const Config& config, const NetworkConfig& network) {
  const auto own = own_gaps(config, network);
  if (!own.empty()) return own.front();
  for (const auto& [name, other] : config.networks) {
    if (name == network.name) continue;
    const auto found = contradictions(config, network, other);
    if (!found.empty()) return found.front();
  }
  return "";
}

std::vector<ConfigGap> config_gaps(const Config& config) {
  std::vector<ConfigGap> out;
  if (config.runtimes.empty()) out.push_back({"", "", "a runtime (" + runtime_line("") + ")"});
  if (std::string expected = one_socket_for_two(config); !expected.empty())
    out.push_back({"", "", std::move(expected)});
  for (const auto& [name, network] : config.networks)
    for (std::string& expected : own_gaps(config, network)) out.push_back({name, "", std::move(expected)});
  std::size_t told = 0;
  for (const auto& [name, other] : suspects(config)) {
    if (++told > kMostContradictions) {
      out.push_back({"", "",
                     "networks that do not contradict each other: " + std::to_string(kMostContradictions) +
                         " pairs that do are told here, and there are more"});
      break;
    }
    for (std::string& expected : contradictions(config, config.networks.at(name), config.networks.at(other)))
      out.push_back({name, other, std::move(expected)});
  }
  return out;
}

std::string config_gap(const Config& config) {
  const auto gaps = config_gaps(config);
  return gaps.empty() ? "" : gaps.front().expected;
}

}  // namespace berth
