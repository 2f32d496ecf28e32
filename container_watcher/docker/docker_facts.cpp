// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_facts.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace json = boost::json;

namespace berth {
namespace {

const json::value& at(const json::value& value, std::string_view key) {
  static const json::value kNothing;
  const json::value* found = value.is_object() ? value.as_object().if_contains(key) : nullptr;
  return found ? *found : kNothing;
}

std::string text(const json::value& value) {
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

std::map<std::string, std::string> texts(const json::value& value) {
  std::map<std::string, std::string> out;
  if (value.is_object())
    for (const auto& [key, each] : value.as_object()) out[std::string(key)] = text(each);
  return out;
}

// "10.0.0.2/24": the address alone
std::optional<IpAddress> address_of(const json::value& value) {
  const std::string all = text(value);
  return IpAddress::parse(std::string_view(all).substr(0, all.find('/')));
}

}  // namespace

bool concerns_us(const json::value& event) {
  const std::string type = text(at(event, "Type")), action = text(at(event, "Action"));
  if (type == "network") return true;
  // exec, health and attach change nothing here, and health checks come every few seconds
  return type == "container" && !action.starts_with("exec_") && !action.starts_with("health_status") &&
         action != "attach" && action != "resize" && action != "top";
}

NetworkFact network_fact(const std::string& runtime, const json::value& network) {
  NetworkFact fact;
  fact.runtime = runtime;
  fact.id = text(at(network, "Id"));
  fact.name = text(at(network, "Name"));
  fact.driver = text(at(network, "Driver"));
  fact.options = texts(at(network, "Options"));
  fact.labels = texts(at(network, "Labels"));
  fact.internal = at(network, "Internal").is_bool() && at(network, "Internal").as_bool();
  if (fact.driver == "bridge") {
    const auto name = fact.options.find("com.docker.network.bridge.name");
    fact.interface = name != fact.options.end() ? name->second : "br-" + fact.id.substr(0, 12);
  }
  const json::value& config = at(at(network, "IPAM"), "Config");
  if (config.is_array())
    for (const json::value& each : config.as_array())
      if (const auto subnet = Prefix::parse(text(at(each, "Subnet"))))
        fact.subnets.push_back({*subnet, address_of(at(each, "Gateway")), Prefix::parse(text(at(each, "IPRange")))});
  return fact;
}

void SnapshotBuilder::containers(const json::value& list) {
  if (!list.is_array()) return;
  for (const json::value& each : list.as_array()) {
    ContainerFact fact;
    fact.key = {runtime_, text(at(each, "Id"))};
    const json::value& names = at(each, "Names");
    if (names.is_array() && !names.as_array().empty()) fact.name = text(names.as_array()[0]);
    if (fact.name.starts_with("/")) fact.name.erase(0, 1);
    fact.state = text(at(each, "State"));
    fact.labels = texts(at(each, "Labels"));
    containers_[fact.key.id] = std::move(fact);
  }
}

std::vector<std::string> SnapshotBuilder::networks(const json::value& list) {
  std::vector<std::string> ids;
  if (!list.is_array()) return ids;
  for (const json::value& each : list.as_array())
    if (text(at(each, "Driver")) == "bridge") ids.push_back(text(at(each, "Id")));
  return ids;
}

void SnapshotBuilder::endpoints(const json::value& network) {
  const NetworkFact fact = network_fact(runtime_, network);
  networks_.push_back(fact);
  const json::value& all = at(network, "Containers");
  if (!all.is_object()) return;
  for (const auto& [id, each] : all.as_object()) {
    ContainerFact& container = containers_[std::string(id)];
    if (container.key.id.empty()) {  // began after the list of containers was made
      container.key = {runtime_, std::string(id)};
      container.name = text(at(each, "Name"));
      container.state = "created";
    }
    EndpointFact endpoint{text(at(each, "EndpointID")), fact.name, fact.id, text(at(each, "MacAddress")), {}};
    for (const char* family : {"IPv4Address", "IPv6Address"})
      if (const auto address = address_of(at(each, family))) endpoint.addresses.push_back(*address);
    container.endpoints.push_back(std::move(endpoint));
  }
}

RuntimeSnapshot SnapshotBuilder::take() {
  RuntimeSnapshot all;
  for (auto& [id, fact] : containers_) all.containers.push_back(std::move(fact));
  all.networks = std::move(networks_);
  return all;
}

}  // namespace berth
