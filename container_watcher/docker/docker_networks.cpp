// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_networks.h"

#include <net/if.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "container_watcher/docker/docker_facts.h"
#include "core/names.h"

namespace asio = boost::asio;
namespace json = boost::json;

namespace berth {
namespace {

json::object wanted(const NetworkConfig& config) {
  json::array pools;
  bool v6 = false;
  for (const SubnetConfig& each : config.subnets) {
    json::object pool{{"Subnet", each.subnet.to_string()}};
    if (each.gateway) pool["Gateway"] = each.gateway->to_string();
    if (each.ip_range) pool["IPRange"] = each.ip_range->to_string();
    v6 = v6 || !each.subnet.is_v4();
    pools.push_back(std::move(pool));
  }
  // Docker 28 drops what was not published unless told nat-unprotected; older ones take the word and ignore it.
  json::object options{{"com.docker.network.bridge.name", bridge_name(config.name)},
                       {"com.docker.network.bridge.enable_ip_masquerade", "false"},
                       {"com.docker.network.bridge.gateway_mode_ipv4", "nat-unprotected"}};
  if (v6) options["com.docker.network.bridge.gateway_mode_ipv6"] = "nat-unprotected";
  if (config.mtu) options["com.docker.network.driver.mtu"] = std::to_string(config.mtu);
  return {{"Name", config.name},
          {"Driver", "bridge"},
          {"CheckDuplicate", true},
          {"EnableIPv6", v6},
          {"IPAM", json::object{{"Config", pools}}},
          {"Options", options},
          {"Labels", json::object{{"berth.network", config.name}}}};
}

std::vector<Problem> misfits(const NetworkConfig& config, const NetworkFact& fact) {
  std::vector<Problem> out;
  const std::string remedy = "docker network rm " + fact.name + " (berthd makes it anew), or change berthd.conf";
  if (fact.driver != "bridge")
    out.push_back({"driver", "it is of driver " + fact.driver + ", not bridge", remedy, true});
  if (fact.internal) out.push_back({"internal", "it is an internal network", remedy, true});
  for (const SubnetConfig& subnet : config.subnets) {
    bool found = false;
    for (const SubnetFact& each : fact.subnets) found = found || each.subnet == subnet.subnet;
    if (!found) out.push_back({"subnet", "it does not have the subnet " + subnet.subnet.to_string(), remedy, true});
    for (const SubnetFact& each : fact.subnets) {
      if (each.subnet != subnet.subnet) continue;
      // Docker shows the gateway that was asked for, not the one that it chose itself.
      if (subnet.gateway && each.gateway && each.gateway != subnet.gateway)
        out.push_back({"gateway", "its gateway is not " + subnet.gateway->to_string(), remedy, false});
      if (subnet.ip_range && each.ip_range != subnet.ip_range)
        out.push_back({"ip-range", "its ip-range is not " + subnet.ip_range->to_string(), remedy, false});
    }
  }
  const auto mtu = fact.options.find("com.docker.network.driver.mtu");
  if (config.mtu && (mtu == fact.options.end() || mtu->second != std::to_string(config.mtu)))
    out.push_back({"mtu", "its mtu is not " + std::to_string(config.mtu), remedy, false});
  return out;
}

// Docker takes several networks of one name: a swarm's overlay beside a bridge, or two bridges when it is not asked to look
// (CheckDuplicate); asked for that name it then only says that it is ambiguous. Ours is the one with our label, else a
// bridge, else the oldest: one that comes later takes no place. Docker writes times in one form, so they compare as texts.
std::vector<NetworkFact> called(const std::string& name, const NetworkConfig& config, const json::array& list) {
  std::vector<std::pair<std::string, NetworkFact>> found;
  for (const json::value& each : list) {
    NetworkFact fact = network_fact("docker", each);
    if (fact.name != name || fact.id.empty()) continue;
    const auto mark = fact.labels.find("berth.network");
    const bool ours = mark != fact.labels.end() && mark->second == config.name;
    const json::value* created = each.as_object().if_contains("Created");
    std::string order = ours ? "0 " : fact.driver == "bridge" ? "1 " : "2 ";
    if (created && created->is_string()) order += std::string(created->as_string());
    found.emplace_back(order + " " + fact.id, std::move(fact));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<NetworkFact> out;
  out.reserve(found.size());
  for (auto& [order, fact] : found) out.push_back(std::move(fact));
  return out;
}

Problem namesake(const NetworkFact& other) {
  return {"namesake",
          "Docker has another network " + other.name + ", of driver " + other.driver + " (" + other.id.substr(0, 12) +
              "): containers on that one are not advertised",
          "docker network rm " + other.id.substr(0, 12) + ", if nothing needs it", false};
}

// `networks`: all that Docker has; one of them may have this bridge.
Problem bridge_exists(const std::string& bridge, const std::vector<NetworkFact>& networks) {
  for (const NetworkFact& each : networks)
    if (each.interface == bridge)
      return {
          "bridge-exists", "Docker's network " + each.name + " has the bridge " + bridge + " already",
          "docker network rm " + each.name + ", if nothing needs it; else another name for the network in berthd.conf",
          true};
  return {"bridge-exists",
          "the host has an interface " + bridge +
              " of its own: Docker would make it this network's bridge and take its "
              "addresses away",
          "ip link del " + bridge + ", if nothing needs it; else another name for the network in berthd.conf", true};
}

}  // namespace

// IFNAMSIZ leaves 15 characters. A network that was made under an older rule keeps its bridge: it is known by its name.
std::string bridge_name(const std::string& network) {
  if (network.size() <= 12) return "br-" + network;
  std::string name = "br-" + network.substr(0, 4);
  std::uint64_t hash = stable_hash(network);
  for (int digit = 0; digit < 8; ++digit, hash /= 36) name += "0123456789abcdefghijklmnopqrstuvwxyz"[hash % 36];
  return name;
}

bool link_exists(const std::string& name) {
  return if_nametoindex(name.c_str()) != 0;
}

asio::awaitable<Result<EnsuredNetwork>> ensure_docker_network(DockerClient& client, NetworkConfig config,
                                                              const LinkExists& is_there) {
  EnsuredNetwork out;
  const std::string& name = config.runtime_network();
  if (!is_docker_id(name))
    co_return permanent("Docker has no networks with such a name: " + name,
                        "use letters, digits, and - _ . in it (docker-network, or network)");
  std::optional<Error> refused;  // it may be, because another hand made one of this name just then
  for (int attempt = 0; attempt < 2; ++attempt) {
    // Docker takes the name for a pattern: others may be in the list.
    const auto list = co_await client.request("GET", "/networks?filters=%7B%22name%22%3A%5B%22" + name + "%22%5D%7D");
    if (!list || !list->is_array())
      co_return transient(list ? "Docker's list of networks is no list" : list.error().message);
    const std::vector<NetworkFact> found = called(name, config, list->as_array());
    if (!found.empty()) {
      out.fact = found.front();
      out.problems = misfits(config, out.fact);
      for (auto other = found.begin() + 1; other != found.end(); ++other) out.problems.push_back(namesake(*other));
      co_return out;
    }
    if (refused) co_return *refused;
    if (attempt == 1) break;
    if (!config.docker_network.empty())
      co_return permanent("there is no Docker network " + config.docker_network, "docker network create …");
    // Right before it is made: nothing of ours goes between.
    if (const std::string bridge = bridge_name(name); is_there(bridge)) {
      const auto all = co_await client.request("GET", "/networks");
      const auto others = all ? networks_of("docker", *all) : std::nullopt;
      out.problems = {bridge_exists(bridge, others ? *others : std::vector<NetworkFact>())};
      out.blocked_by = bridge;
      co_return out;
    }
    const auto made = co_await client.request("POST", "/networks/create", wanted(config));
    out.created = made.ok();
    if (made) continue;
    if (made.error().kind != ErrorKind::Permanent) co_return made.error();
    refused = made.error();
  }
  co_return transient("Docker made the network " + config.name + " and does not show it");
}

}  // namespace berth
