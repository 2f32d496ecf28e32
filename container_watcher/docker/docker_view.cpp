// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_view.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <iterator>
#include <utility>

#include "container_watcher/docker/docker_facts.h"
#include "container_watcher/docker/json_fields.h"
#include "container_watcher/labels.h"

namespace json = boost::json;

namespace berth {
namespace {

// True: it was another. What is the same keeps the memory that others share with it.
bool set(SharedText& known, std::string_view now) {
  if (known == now) return false;
  known = now;
  return true;
}

template <class T>
bool set(T& known, T now) {
  if (known == now) return false;
  known = std::move(now);
  return true;
}

bool set(SharedText& known, const SharedText& now) {
  if (known == now) return false;
  known = now;
  return true;
}

// Old-style links give a container more names ("/a/alias"); its own has one slash.
std::string_view name_of(const json::value& container, std::string_view known) {
  std::string_view name = known;
  const json::value& names = field(container, "Names");
  if (names.is_array())
    for (const json::value& each : names.as_array())
      if (const std::string_view said = text_of(each); said.rfind('/') == 0 || said.find('/') == std::string_view::npos)
        name = said.substr(0, kLongestText);
  if (name.starts_with('/')) name.remove_prefix(1);
  return name;
}

// What it was made with, or the host's or the null network, on which it may have come later. A network that somebody called as kByCni
// is not that.
std::string_view network_mode_of(const json::value& container) {
  const json::value& networks = field(field(container, "NetworkSettings"), "Networks");
  for (const char* without : {"host", "none"})
    if (field(networks, without).is_object()) return without;
  const std::string_view mode = text_of(field(field(container, "HostConfig"), "NetworkMode")).substr(0, kLongestText);
  return mode == kByCni ? std::string_view() : mode;
}

// The endpoint on the null network has another id at each start.
std::string_view start_of(const json::value& container) {
  const json::value& networks = field(field(container, "NetworkSettings"), "Networks");
  return id_of(field(field(networks, "none"), "EndpointID"));
}

bool set_fields(ContainerFact& fact, const json::value& container, std::uint64_t& cut) {
  bool changed = set(fact.name, name_of(container, fact.name));
  changed |= set(fact.state, text_of(field(container, "State")).substr(0, kLongestText));
  changed |= set(fact.labels, texts_of(field(container, "Labels"), kOurLabels, cut));
  changed |= set(fact.created, number_of(field(container, "Created")));
  changed |= set(fact.network_mode, network_mode_of(container));
  changed |= set(fact.start, start_of(container));
  return changed;
}

bool set_fields(EndpointFact& fact, const json::value& endpoint) {
  bool changed = set(fact.id, text_of(field(endpoint, "EndpointID")));
  changed |= set(fact.mac, text_of(field(endpoint, "MacAddress")));
  std::vector<IpAddress> addresses;
  addresses.reserve(fact.addresses.size());
  for (const char* family : {"IPv4Address", "IPv6Address"})
    if (const auto address = address_of(field(endpoint, family))) addresses.push_back(*address);
  changed |= set(fact.addresses, std::move(addresses));
  return changed;
}

auto endpoint_on(ContainerFact& container, std::string_view network) {
  return std::lower_bound(container.endpoints.begin(), container.endpoints.end(), network,
                          [](const EndpointFact& each, std::string_view id) { return each.network_id.view() < id; });
}

bool has_ended(const ContainerFact& container) {
  return container.state == "exited" || container.state == "dead";
}

}  // namespace

DockerView::Containers::iterator DockerView::container(std::string_view id) {
  const auto found = containers_.find(id);
  if (found != containers_.end()) return found;
  const SharedText key(id);
  const auto made = containers_.try_emplace(key).first;
  made->second.fact.key = {runtime_, key};
  return made;
}

void DockerView::touch(const Containers::value_type& container) {
  const auto& [id, it] = container;
  touched_.insert(id);
  if (!it.listed && !it.fact.endpoints.empty())
    unknown_.insert(id);
  else
    unknown_.erase(id);
}

bool DockerView::containers(const json::value& list) {
  if (!list.is_array()) return false;
  for (const json::value& each : list.as_array()) {
    const std::string_view id = id_of(field(each, "Id"));
    if (id.empty()) continue;
    const auto known = container(id);
    const bool changed = set_fields(known->second.fact, each, cut_);
    if (!std::exchange(known->second.listed, true) || changed) touch(*known);
  }
  return true;
}

bool DockerView::all_containers(const json::value& list) {
  if (!list.is_array()) return false;
  std::set<std::string_view> named;
  for (const json::value& each : list.as_array()) named.insert(id_of(field(each, "Id")));
  for (auto& [id, each] : containers_)
    if (each.listed && !named.contains(id)) {
      each.listed = false;
      touched_.insert(id);
    }
  return containers(list);
}

void DockerView::container_absent(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return;
  found->second.listed = false;
  touched_.insert(found->first);
  unknown_.erase(found->first);  // asked and answered; the next look at its network names it again
}

bool DockerView::lists(std::string_view container) const {
  const auto found = containers_.find(container);
  return found != containers_.end() && found->second.listed;
}

void DockerView::disconnect(const SharedText& id, std::string_view network) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return;
  ContainerFact& fact = found->second.fact;
  const auto endpoint = endpoint_on(fact, network);
  if (endpoint == fact.endpoints.end() || endpoint->network_id != network) return;
  fact.endpoints.erase(endpoint);
  touch(*found);
}

bool DockerView::network(const std::string& id, const json::value& value) {
  std::uint64_t cut = 0;
  NetworkFact fact = network_fact(runtime_, value, &cut);
  const json::value& containers = field(value, "Containers");
  if (fact.id.empty() || fact.id != id || !(containers.is_object() || containers.is_null())) return false;
  cut_ += cut;
  if (fact.driver == "host" || fact.driver == "null") return true;
  Network& network = networks_[id];
  set(network.id, std::string_view(fact.id));
  set(network.name, std::string_view(fact.name));
  set(network.driver, std::string_view(fact.driver));
  if (set(network.fact, std::move(fact))) touched_networks_.insert(id);
  std::vector<SharedText> members;
  members.reserve(network.members.size());
  if (containers.is_object())
    for (const auto& [key, each] : containers.as_object()) {
      const std::string_view container_id(key);
      // "ep-…": an endpoint in no container's sandbox
      if (container_id.empty() || container_id.size() > kLongestText || container_id.starts_with("ep-")) continue;
      const auto known = container(container_id);
      members.push_back(known->first);
      ContainerFact& of = known->second.fact;
      auto endpoint = endpoint_on(of, id);
      if (endpoint == of.endpoints.end() || endpoint->network_id != id)
        endpoint = of.endpoints.insert(endpoint, {{}, {}, network.id, {}, {}, {}});
      bool changed = set_fields(*endpoint, each);
      changed |= set(endpoint->network, network.name);
      changed |= set(endpoint->driver, network.driver);
      if (changed || !known->second.listed) touch(*known);
    }
  std::sort(members.begin(), members.end());
  std::vector<SharedText> gone;
  std::set_difference(network.members.begin(), network.members.end(), members.begin(), members.end(),
                      std::back_inserter(gone));
  network.members = std::move(members);
  for (const SharedText& each : gone) disconnect(each, id);
  return true;
}

void DockerView::network_silent(const std::string& id) {
  const auto found = networks_.find(id);
  if (found == networks_.end()) return;
  std::erase_if(found->second.members, [&](const SharedText& each) {
    const auto known = containers_.find(each);
    if (known != containers_.end() && known->second.listed && !has_ended(known->second.fact)) return false;
    disconnect(each, id);
    return true;
  });
}

void DockerView::network_absent(const std::string& id) {
  const auto found = networks_.find(id);
  if (found == networks_.end()) return;
  for (const SharedText& each : found->second.members) disconnect(each, id);
  networks_.erase(found);
  touched_networks_.insert(id);
}

void DockerView::all_networks(const std::set<std::string>& ids) {
  std::vector<std::string> gone;
  for (const auto& [id, network] : networks_)
    if (!ids.contains(id)) gone.push_back(id);
  for (const std::string& id : gone) network_absent(id);
}

std::vector<NetworkFact> DockerView::networks_called(std::string_view name) const {
  std::vector<NetworkFact> out;
  for (const auto& [id, network] : networks_)
    if (network.fact.name == name) out.push_back(network.fact);
  return out;
}

std::vector<std::string> DockerView::unknown() const {
  return {unknown_.begin(), unknown_.end()};
}

// One that is not listed is gone, or not known yet; what it told before holds until Docker says which.
bool DockerView::close(Containers::iterator container) {
  Container& it = container->second;
  if (it.listed) return false;
  const bool was_told = std::exchange(it.told, false);
  if (it.fact.endpoints.empty()) containers_.erase(container);
  return was_told;
}

DockerChanges DockerView::take() {
  DockerChanges out;
  for (const std::string& id : std::exchange(touched_networks_, {}))
    if (const auto found = networks_.find(id); found != networks_.end())
      out.networks.push_back(found->second.fact);
    else
      out.networks_gone.push_back(id);
  for (const SharedText& id : std::exchange(touched_, {})) {
    const auto found = containers_.find(id);
    if (found == containers_.end()) continue;
    const ContainerKey key = found->second.fact.key;
    if (found->second.listed) {
      found->second.told = true;
      out.containers.push_back(found->second.fact);
    } else if (close(found)) {
      out.containers_gone.push_back(key);
    }
  }
  return out;
}

RuntimeSnapshot DockerView::snapshot() {
  touched_networks_.clear();
  for (const SharedText& id : std::exchange(touched_, {}))
    if (const auto found = containers_.find(id); found != containers_.end()) close(found);
  RuntimeSnapshot all;
  all.containers.reserve(containers_.size());
  for (auto& [id, container] : containers_) {
    if (!container.listed) continue;
    container.told = true;
    all.containers.push_back(container.fact);
  }
  for (const auto& [id, network] : networks_) all.networks.push_back(network.fact);
  return all;
}

}  // namespace berth
