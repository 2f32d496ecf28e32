// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_networks.h"

#include <net/if.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <tuple>
#include <utility>

#include "container_watcher/docker/docker_facts.h"
#include "core/number.h"

namespace asio = boost::asio;
namespace json = boost::json;

namespace berth {
namespace {

json::object options_of(const RuntimeNetwork& wanted, bool v6) {
  json::object options;
  if (wanted.driver == "bridge") {
    options["com.docker.network.bridge.name"] = wanted.interface;
    if (!wanted.nat) {
      // Docker 28 drops what was not published unless told nat-unprotected; older ones take the word and ignore it.
      options["com.docker.network.bridge.enable_ip_masquerade"] = "false";
      options["com.docker.network.bridge.gateway_mode_ipv4"] = "nat-unprotected";
      if (v6) options["com.docker.network.bridge.gateway_mode_ipv6"] = "nat-unprotected";
    }
  }
  if (wanted.mtu) options["com.docker.network.driver.mtu"] = std::to_string(wanted.mtu);
  for (const auto& [name, value] : wanted.options) options[name] = value;
  return options;
}

// The body of POST /networks/create.
json::object creation_of(const RuntimeNetwork& wanted) {
  json::array pools;
  bool v6 = false;
  for (const SubnetConfig& each : wanted.subnets) {
    json::object pool{{"Subnet", each.subnet.to_string()}};
    if (each.gateway) pool["Gateway"] = each.gateway->to_string();
    if (each.ip_range) pool["IPRange"] = each.ip_range->to_string();
    json::object reserved;
    for (const auto& [name, address] : wanted.reserved)
      if (each.subnet.contains(address)) reserved[name] = address.to_string();
    if (!reserved.empty()) pool["AuxiliaryAddresses"] = std::move(reserved);
    v6 = v6 || !each.subnet.is_v4();
    pools.push_back(std::move(pool));
  }
  return {{"Name", wanted.name},
          {"Driver", wanted.driver},
          {"CheckDuplicate", true},
          {"EnableIPv6", v6},
          {"IPAM", json::object{{"Config", pools}}},
          {"Options", options_of(wanted, v6)},
          {"Labels", json::object{{"berth.network", wanted.network}}}};
}

std::vector<Problem> misfits(const RuntimeNetwork& wanted, const NetworkFact& fact) {
  std::vector<Problem> out;
  const std::string remedy = "docker network rm " + fact.name + " (berthd makes it anew), or change berthd.conf";
  if (fact.driver != wanted.driver)
    out.push_back({"driver", "it is of driver " + fact.driver + ", not " + wanted.driver, remedy, true});
  if (wanted.there_already && fact.interface != wanted.interface)
    out.push_back({"interface", "its bridge is " + fact.interface + ", not " + wanted.interface, remedy, true});
  if (fact.internal) out.push_back({"internal", "it is an internal network", remedy, true});
  for (const SubnetConfig& subnet : wanted.subnets) {
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
      for (const auto& [name, address] : wanted.reserved)
        if (subnet.subnet.contains(address) &&
            std::ranges::none_of(each.reserved, [of = address](const auto& is) { return is.second == of; }))
          out.push_back({"aux-address", "a container may get " + address.to_string() + ", which is " + name + "'s",
                         remedy, false});
    }
  }
  for (const auto& [name, value] : wanted.options) {
    const auto set = fact.options.find(name), usual = wanted.defaults.find(name);
    const std::string is = set != fact.options.end()        ? set->second
                           : usual != wanted.defaults.end() ? usual->second
                                                            : std::string("not set");
    if (is != value) out.push_back({"option", "its " + name + " is " + is + ", not " + value, remedy, true});
  }
  const auto mtu = fact.options.find("com.docker.network.driver.mtu");
  const auto is = mtu == fact.options.end() ? std::nullopt : parse_number<std::uint32_t>(mtu->second);
  if (wanted.mtu && is != wanted.mtu && !(wanted.mtu_at_most && is && *is < wanted.mtu))
    out.push_back({"mtu", "its mtu is not " + std::to_string(wanted.mtu), remedy, false});
  return out;
}

// Docker takes several networks of one name: a swarm's overlay beside a bridge, or two bridges when it is not asked to look
// (CheckDuplicate); asked for that name it then only says that it is ambiguous. Ours is the one with our label, else one of
// the driver that is wanted, else the oldest: one that comes later takes no place.
void ours_first(const RuntimeNetwork& wanted, std::vector<NetworkFact>& found) {
  const auto order = [&](const NetworkFact& fact) {
    const auto mark = fact.labels.find("berth.network");
    const bool ours = mark != fact.labels.end() && mark->second == wanted.network;
    return std::tuple(ours ? 0 : fact.driver == wanted.driver ? 1 : 2, fact.created, fact.id);
  };
  std::sort(found.begin(), found.end(),
            [&](const NetworkFact& a, const NetworkFact& b) { return order(a) < order(b); });
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

bool link_exists(const std::string& name) {
  return if_nametoindex(name.c_str()) != 0;
}

EnsuredNetwork fitted(const RuntimeNetwork& wanted, std::vector<NetworkFact> found) {
  ours_first(wanted, found);
  EnsuredNetwork out;
  out.fact = found.front();
  out.problems = misfits(wanted, out.fact);
  for (auto other = found.begin() + 1; other != found.end(); ++other) out.problems.push_back(namesake(*other));
  return out;
}

asio::awaitable<Result<EnsuredNetwork>> ensure_docker_network(DockerClient& client, std::string runtime,
                                                              RuntimeNetwork wanted, const LinkExists& is_there) {
  const std::string& name = wanted.name;
  if (!is_docker_id(name))
    co_return permanent("Docker has no networks with such a name: " + name,
                        "use letters, digits, and - _ . in it (docker-network, or network)");
  std::optional<Error> refused;  // it may be, because another hand made one of this name just then
  bool created = false;
  for (int attempt = 0; attempt < 2; ++attempt) {
    // Docker takes the name for a pattern: others may be in the list.
    const auto list = co_await client.request("GET", "/networks?filters=%7B%22name%22%3A%5B%22" + name + "%22%5D%7D");
    auto found = list ? networks_of(runtime, *list) : std::nullopt;
    if (!found) co_return transient(list ? "Docker's list of networks is no list" : list.error().message);
    std::erase_if(*found, [&](const NetworkFact& each) { return each.name != name; });
    if (!found->empty()) {
      EnsuredNetwork out = fitted(wanted, std::move(*found));
      out.created = created;
      co_return out;
    }
    if (refused) co_return *refused;
    if (attempt == 1) break;
    if (!wanted.make) co_return permanent("there is no Docker network " + name, "docker network create …");
    // Right before it is made: nothing of ours goes between.
    if (!wanted.interface.empty() && !wanted.there_already && is_there(wanted.interface)) {
      const auto all = co_await client.request("GET", "/networks");
      const auto others = all ? networks_of(runtime, *all) : std::nullopt;
      EnsuredNetwork out;
      out.problems = {bridge_exists(wanted.interface, others ? *others : std::vector<NetworkFact>())};
      out.blocked_by = wanted.interface;
      co_return out;
    }
    const auto made = co_await client.request("POST", "/networks/create", creation_of(wanted));
    created = made.ok();
    if (made) continue;
    if (made.error().kind != ErrorKind::Permanent) co_return made.error();
    refused = made.error();
  }
  co_return transient("Docker made the network " + name + " and does not show it");
}

}  // namespace berth
