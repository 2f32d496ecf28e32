// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_networks.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>

#include "container_watcher/docker/docker_facts.h"

namespace asio = boost::asio;
namespace json = boost::json;

namespace berth {
namespace {

// IFNAMSIZ leaves 15 characters.
std::string bridge_name(const std::string& network) {
  if (network.size() <= 12) return "br-" + network;
  return "br-" + network.substr(0, 7) + std::to_string(std::hash<std::string>{}(network) % 100000);
}

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

}  // namespace

asio::awaitable<Result<EnsuredNetwork>> ensure_docker_network(DockerClient& client, NetworkConfig config) {
  EnsuredNetwork out;
  const std::string& name = config.runtime_network();
  if (!is_docker_id(name))
    co_return permanent("Docker has no networks with such a name: " + name,
                        "use letters, digits, and - _ . in it (docker-network, or network)");
  std::optional<Error> refused;  // it may be, because another hand made one of this name just then
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto found = co_await client.request("GET", "/networks/" + name);
    // Docker also finds a network whose id begins so: that is another one.
    if (found && network_fact("docker", *found).name == name) {
      out.fact = network_fact("docker", *found);
      out.problems = misfits(config, out.fact);
      co_return out;
    }
    if (refused) co_return *refused;
    if (!found && (found.error().kind != ErrorKind::Stale || attempt == 1)) co_return transient(found.error().message);
    if (attempt == 1) break;
    if (!config.docker_network.empty())
      co_return permanent("there is no Docker network " + config.docker_network, "docker network create …");
    auto made = co_await client.request("POST", "/networks/create", wanted(config));
    out.created = made.ok();
    if (made) continue;
    if (made.error().kind != ErrorKind::Permanent) co_return made.error();
    refused = made.error();
  }
  co_return transient("Docker made the network " + config.name + " and does not show it");
}

}  // namespace berth
