// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_facts.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace json = boost::json;

namespace berth {
namespace {

constexpr std::size_t kMostLabels = 64, kLongestLabel = 512, kLongestName = 256;
constexpr std::string_view kOurs = "berth.";

const json::value& at(const json::value& value, std::string_view key) {
  static const json::value kNothing;
  const json::value* found = value.is_object() ? value.as_object().if_contains(key) : nullptr;
  return found ? *found : kNothing;
}

std::string text(const json::value& value) {
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

std::string id_of(const json::value& value) {
  std::string id = text(value);
  return id.size() > kLongestName ? std::string() : id;
}

std::int64_t number(const json::value& value) {
  return value.is_int64() ? value.as_int64() : 0;
}

// Docker's options, or labels: then those of ours alone. The labels that berth knows are never among those left out: else an
// image could push out with many what the operator said with one.
std::map<std::string, std::string> texts(const json::value& value, std::string_view prefix, std::uint64_t& cut) {
  std::map<std::string, std::string> out;
  if (!value.is_object()) return out;
  for (const auto& [key, each] : value.as_object()) {
    if (!std::string_view(key).starts_with(prefix)) continue;
    const bool known = key == "berth.advertise" || key == "berth.network" || key == "berth.tag";
    if (!each.is_string() || key.size() > kLongestLabel || each.as_string().size() > kLongestLabel ||
        (!known && out.size() >= kMostLabels)) {
      ++cut;
      if (known) out[std::string(key)] = "(too long)";  // refused as a value, and told
      continue;
    }
    out[std::string(key)] = text(each);
  }
  return out;
}

// What it was made with, or the host's or the null network, on which it may have come later.
std::string network_mode_of(const json::value& container) {
  const json::value& networks = at(at(container, "NetworkSettings"), "Networks");
  for (const char* without : {"host", "none"})
    if (at(networks, without).is_object()) return without;
  return text(at(at(container, "HostConfig"), "NetworkMode"));
}

// "10.0.0.2/24": the address alone
std::optional<IpAddress> address_of(const json::value& value) {
  const std::string all = text(value);
  return IpAddress::parse(std::string_view(all).substr(0, all.find('/')));
}

NetworkFact network_of(const std::string& runtime, const json::value& network, std::uint64_t& cut) {
  NetworkFact fact;
  fact.runtime = runtime;
  fact.id = id_of(at(network, "Id"));
  fact.name = text(at(network, "Name"));
  fact.driver = text(at(network, "Driver"));
  fact.options = texts(at(network, "Options"), "", cut);
  fact.labels = texts(at(network, "Labels"), kOurs, cut);
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

}  // namespace

EventSubject subject_of(const json::value& event) {
  const std::string type = text(at(event, "Type")), action = text(at(event, "Action"));
  const json::value& actor = at(event, "Actor");
  EventSubject out;
  if (type == "network") {
    out.network = id_of(at(actor, "ID"));
    out.all = out.network.empty();
  } else if (type == "container" && !action.starts_with("exec_") && !action.starts_with("health_status") &&
             action != "attach" && action != "detach" && action != "resize" && action != "top") {
    // exec, health and attach change nothing here, and health checks come every few seconds
    out.container = id_of(at(actor, "ID"));
    out.all = out.container.empty();
  }
  out.time_nano = number(at(event, "timeNano"));
  return out;
}

NetworkFact network_fact(const std::string& runtime, const json::value& network) {
  std::uint64_t cut = 0;
  return network_of(runtime, network, cut);
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
  const json::value& all = at(network, "Containers");
  return all.is_object() ? all.as_object().size() : 0;
}

void DockerView::touch(const std::string& id, const Container& container) {
  touched_.insert(id);
  if (!container.listed && !container.endpoints.empty())
    unknown_.insert(id);
  else
    unknown_.erase(id);
}

bool DockerView::containers(const json::value& list) {
  if (!list.is_array()) return false;
  for (const json::value& each : list.as_array()) {
    const std::string id = id_of(at(each, "Id"));
    if (id.empty()) continue;
    Container& container = containers_[id];
    ContainerFact& fact = container.fact;
    fact.key = {runtime_, id};
    const json::value& names = at(each, "Names");
    // Old-style links give a container more names ("/a/alias"); its own has one slash.
    if (names.is_array())
      for (const json::value& name : names.as_array())
        if (const std::string said = text(name); said.rfind('/') == 0 || said.find('/') == std::string::npos)
          fact.name = said.substr(0, kLongestName);
    if (fact.name.starts_with("/")) fact.name.erase(0, 1);
    fact.state = text(at(each, "State")).substr(0, kLongestName);
    fact.labels = texts(at(each, "Labels"), kOurs, cut_);
    fact.created = number(at(each, "Created"));
    fact.network_mode = network_mode_of(each).substr(0, kLongestName);
    container.listed = true;
    touch(id, container);
  }
  return true;
}

void DockerView::container_absent(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return;
  found->second.listed = false;
  touched_.insert(id);
  unknown_.erase(id);  // asked and answered; the next look at its network names it again
}

bool DockerView::lists(const std::string& container) const {
  const auto found = containers_.find(container);
  return found != containers_.end() && found->second.listed;
}

void DockerView::disconnect(const std::string& id, const std::string& network) {
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.endpoints.erase(network) == 0) return;
  touch(id, found->second);
}

bool DockerView::network(const std::string& id, const json::value& value) {
  NetworkFact fact = network_of(runtime_, value, cut_);
  const json::value& containers = at(value, "Containers");
  if (fact.id.empty() || fact.id != id || !(containers.is_object() || containers.is_null())) return false;
  if (fact.driver == "host" || fact.driver == "null") return true;
  Network& network = networks_[id];
  if (!(network.fact == fact)) {
    network.fact = std::move(fact);
    touched_networks_.insert(id);
  }
  std::set<std::string> before = std::move(network.containers);
  network.containers.clear();
  if (containers.is_object())
    for (const auto& [key, each] : containers.as_object()) {
      const std::string container_id(key);
      // "ep-…": an endpoint in no container's sandbox
      if (container_id.empty() || container_id.size() > kLongestName || container_id.starts_with("ep-")) continue;
      EndpointFact endpoint{text(at(each, "EndpointID")), network.fact.name, id, text(at(each, "MacAddress")), {},
                            network.fact.driver};
      for (const char* family : {"IPv4Address", "IPv6Address"})
        if (const auto address = address_of(at(each, family))) endpoint.addresses.push_back(*address);
      network.containers.insert(container_id);
      before.erase(container_id);
      Container& container = containers_[container_id];
      container.fact.key = {runtime_, container_id};
      EndpointFact& known = container.endpoints[id];
      if (known == endpoint && container.listed) continue;
      known = std::move(endpoint);
      touch(container_id, container);
    }
  for (const std::string& gone : before) disconnect(gone, id);
  return true;
}

void DockerView::keep(const DockerView& old, const std::string& id) {
  const auto known = old.networks_.find(id);
  if (known == old.networks_.end()) return;
  Network& network = networks_[id];
  network.fact = known->second.fact;
  for (const std::string& each : known->second.containers) {
    const auto before = old.containers_.find(each);
    const auto now = containers_.find(each);
    if (before == old.containers_.end() || now == containers_.end() || !before->second.endpoints.contains(id)) continue;
    // Its container's end is no silence.
    if (now->second.fact.state == "exited" || now->second.fact.state == "dead") continue;
    network.containers.insert(each);
    now->second.endpoints[id] = before->second.endpoints.at(id);
    touch(each, now->second);
  }
}

void DockerView::network_absent(const std::string& id) {
  const auto found = networks_.find(id);
  if (found == networks_.end()) return;
  for (const std::string& each : found->second.containers) disconnect(each, id);
  networks_.erase(found);
  touched_networks_.insert(id);
}

ContainerFact DockerView::whole(const Container& container) {
  ContainerFact fact = container.fact;
  for (const auto& [id, endpoint] : container.endpoints) fact.endpoints.push_back(endpoint);
  return fact;
}

DockerChanges DockerView::take() {
  DockerChanges out;
  for (const std::string& id : touched_networks_)
    if (const auto found = networks_.find(id); found != networks_.end())
      out.networks.push_back(found->second.fact);
    else
      out.networks_gone.push_back(id);
  touched_networks_.clear();
  for (const std::string& id : touched_) {
    const auto found = containers_.find(id);
    if (found == containers_.end()) continue;
    Container& container = found->second;
    if (!container.listed) {
      // Gone, or not known yet; what it told before holds until Docker says which.
      if (container.told) out.containers_gone.push_back(container.fact.key);
      container.told = false;
      container.last = {};
      if (container.endpoints.empty()) containers_.erase(found);
      continue;
    }
    ContainerFact now = whole(container);
    if (container.told && now == container.last) continue;
    container.told = true;
    container.last = now;
    out.containers.push_back(std::move(now));
  }
  touched_.clear();
  return out;
}

RuntimeSnapshot DockerView::snapshot() {
  static_cast<void>(take());
  RuntimeSnapshot all;
  for (const auto& [id, container] : containers_)
    if (container.listed) all.containers.push_back(container.last);
  for (const auto& [id, network] : networks_) all.networks.push_back(network.fact);
  return all;
}

}  // namespace berth
