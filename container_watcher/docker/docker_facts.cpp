// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_facts.h"

#include <boost/json/array.hpp>

#include "container_watcher/docker/json_fields.h"
#include "container_watcher/labels.h"

namespace json = boost::json;

namespace berth {

const json::value& field(const json::value& value, std::string_view key) {
  static const json::value kNothing;
  const json::value* found = value.is_object() ? value.as_object().if_contains(key) : nullptr;
  return found ? *found : kNothing;
}

std::string_view text_of(const json::value& value) {
  return value.is_string() ? std::string_view(value.as_string()) : std::string_view();
}

std::string_view id_of(const json::value& value) {
  const std::string_view id = text_of(value);
  return id.size() > kLongestText ? std::string_view() : id;
}

std::int64_t number_of(const json::value& value) {
  return value.is_int64() ? value.as_int64() : 0;
}

std::map<std::string, std::string> texts_of(const json::value& value, std::string_view prefix, std::uint64_t& cut) {
  std::map<std::string, std::string> out;
  if (!value.is_object()) return out;
  for (const auto& [key, each] : value.as_object())
    if (std::string_view(key).starts_with(prefix) && each.is_string()) put_label(key, text_of(each), &out, &cut);
  return out;
}

std::optional<IpAddress> address_of(const json::value& value) {
  const std::string_view all = text_of(value);
  return IpAddress::parse(all.substr(0, all.find('/')));
}

std::map<std::string, IpAddress> addresses_of(const json::value& value) {
  std::map<std::string, IpAddress> out;
  if (!value.is_object()) return out;
  for (const auto& [name, each] : value.as_object())
    if (const auto address = address_of(each); address && name.size() <= kLongestLabel && out.size() < kMostLabels)
      out.emplace(name, *address);
  return out;
}

NetworkFact network_fact(std::string_view runtime, const json::value& network, std::uint64_t* cut) {
  std::uint64_t left_out = 0;
  NetworkFact fact;
  fact.runtime = runtime;
  fact.id = id_of(field(network, "Id"));
  fact.name = text_of(field(network, "Name"));
  fact.driver = text_of(field(network, "Driver"));
  fact.options = texts_of(field(network, "Options"), "", left_out);
  fact.labels = texts_of(field(network, "Labels"), "", left_out);  // all: it may have to be made anew with them
  fact.created = text_of(field(network, "Created"));
  fact.internal = field(network, "Internal").is_bool() && field(network, "Internal").as_bool();
  if (fact.driver == "bridge") {
    const auto name = fact.options.find("com.docker.network.bridge.name");
    fact.interface = name != fact.options.end() ? name->second : "br-" + fact.id.substr(0, 12);
  }
  const json::value& config = field(field(network, "IPAM"), "Config");
  if (config.is_array())
    for (const json::value& each : config.as_array())
      if (const auto subnet = Prefix::parse(text_of(field(each, "Subnet"))))
        fact.subnets.push_back({*subnet, address_of(field(each, "Gateway")),
                                Prefix::parse(text_of(field(each, "IPRange"))),
                                addresses_of(field(each, "AuxiliaryAddresses"))});
  if (cut) *cut += left_out;
  return fact;
}

EventSubject subject_of(const json::value& event) {
  const std::string_view type = text_of(field(event, "Type")), action = text_of(field(event, "Action"));
  const json::value& actor = field(event, "Actor");
  EventSubject out;
  if (type == "network") {
    out.network = id_of(field(actor, "ID"));
    out.all = out.network.empty();
  } else if (type == "container" && !action.starts_with("exec_") && !action.starts_with("health_status") &&
             action != "attach" && action != "detach" && action != "resize" && action != "top") {
    // exec, health and attach change nothing here, and health checks come every few seconds
    out.container = id_of(field(actor, "ID"));
    out.all = out.container.empty();
  }
  out.time_nano = number_of(field(event, "timeNano"));
  return out;
}

std::optional<std::vector<NetworkFact>> networks_of(const std::string& runtime, const json::value& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<NetworkFact> out;
  for (const json::value& each : list.as_array()) {
    NetworkFact fact = network_fact(runtime, each);
    // No endpoint of a host or null network has an address.
    if (!fact.id.empty() && fact.driver != "host" && fact.driver != "null") out.push_back(std::move(fact));
  }
  return out;
}

std::size_t containers_of(const json::value& network) {
  const json::value& all = field(network, "Containers");
  return all.is_object() ? all.as_object().size() : 0;
}

}  // namespace berth
