// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_gaps.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/names.h"
#include "core/overlaps.h"
#include "core/reserved.h"

namespace berth {
namespace {

// Docker takes the gateway out of the range, too, where none is said.
bool has_room(const SubnetConfig& each) {
  const Prefix& range = each.ip_range ? *each.ip_range : each.subnet;
  const unsigned bits = range.address().bits() - range.length();
  unsigned left = 1u << std::min(bits, 8u);
  if (is_subnet_edge(each.subnet, range.address())) --left;
  if (bits > 0 && is_subnet_edge(each.subnet, range.last())) --left;
  if (left > 0 && (!each.gateway || range.contains(*each.gateway))) --left;
  return left > 0;
}

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
    add(each.address.substr(each.address.find(':') + 1), "runtime docker");
  return out;
}

std::vector<std::string> own_gaps(const NetworkConfig& network) {
  std::vector<std::string> out;
  if (network.docker_network.empty() && is_predefined_network(network.name))
    out.push_back("another name: Docker makes no network " + network.name +
                  (network.name == "bridge" ? "; docker-network bridge takes the one that it has" : ""));
  if (network.subnets.empty()) out.push_back("a subnet for network " + network.name);
  if (network.advertise != Advertise::None && !network.tag)
    out.push_back("a tag for network " + network.name + ", since it advertises");
  for (const SubnetConfig& each : network.subnets)
    if (!has_room(each))
      out.push_back("an ip-range that leaves an address for a container of network " + network.name + ": " +
                    (each.ip_range ? *each.ip_range : each.subnet).to_string() + " does not");
  return out;
}

// What two networks can't both have.
std::vector<std::string> contradictions(const NetworkConfig& one, const NetworkConfig& other) {
  std::vector<std::string> out;
  const auto both = [&] { return std::min(one.name, other.name) + " and " + std::max(one.name, other.name); };
  if (one.runtime_network() == other.runtime_network())
    out.push_back("a Docker network of its own for each: " + both() + " name the same");
  const auto overlaps = [&](const SubnetConfig& a) {
    return std::any_of(other.subnets.begin(), other.subnets.end(),
                       [&](const SubnetConfig& b) { return a.subnet.overlaps(b.subnet); });
  };
  if (std::any_of(one.subnets.begin(), one.subnets.end(), overlaps))
    out.push_back("subnets that do not overlap: those of " + both() + " do");
  return out;
}

using Pairs = std::set<std::pair<std::string, std::string>>;

// The pairs to look at: those that share a Docker network or an address.
Pairs suspects(const Config& config) {
  Pairs out;
  const auto add = [&](const std::string& a, const std::string& b) {
    if (out.size() <= kMostContradictions) out.emplace(std::min(a, b), std::max(a, b));
  };
  std::map<std::string_view, const std::string*> first_of;  // by the Docker network
  std::vector<Prefix> prefixes;
  std::vector<const std::string*> owners;
  for (const auto& [name, network] : config.networks) {
    const auto [first, fresh] = first_of.try_emplace(network.runtime_network(), &name);
    if (!fresh) add(*first->second, name);
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
  const auto own = own_gaps(network);
  if (!own.empty()) return own.front();
  for (const auto& [name, other] : config.networks) {
    if (name == network.name) continue;
    const auto found = contradictions(network, other);
    if (!found.empty()) return found.front();
  }
  return "";
}

std::vector<ConfigGap> config_gaps(const Config& config) {
  std::vector<ConfigGap> out;
  if (config.runtimes.empty()) out.push_back({"", "", "a runtime (runtime docker unix:/run/docker.sock)"});
  if (std::string expected = one_socket_for_two(config); !expected.empty())
    out.push_back({"", "", std::move(expected)});
  for (const auto& [name, network] : config.networks)
    for (std::string& expected : own_gaps(network)) out.push_back({name, "", std::move(expected)});
  std::size_t told = 0;
  for (const auto& [name, other] : suspects(config)) {
    if (++told > kMostContradictions) {
      out.push_back({"", "",
                     "networks that do not contradict each other: " + std::to_string(kMostContradictions) +
                         " pairs that do are told here, and there are more"});
      break;
    }
    for (std::string& expected : contradictions(config.networks.at(name), config.networks.at(other)))
      out.push_back({name, other, std::move(expected)});
  }
  return out;
}

std::string config_gap(const Config& config) {
  const auto gaps = config_gaps(config);
  return gaps.empty() ? "" : gaps.front().expected;
}

}  // namespace berth
