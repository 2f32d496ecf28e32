// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/containerd/containerd_view.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/names.h"

namespace berth {
namespace {

const char* word_of(TaskState state) {
  switch (state) {
    case TaskState::Running: return "running";
    case TaskState::Paused: return "paused";
    case TaskState::Stopped: return "stopped";
    default: return "created";
  }
}

// To this host, or out of it: what an application makes for itself (a VPN, an engine's bridge) ends in its own namespace, or in one
// of its making.
bool leads_out(const HostLink& link, const HostState& state) {
  return link.kind.empty() || (link.peer_netns && link.peer_netns == state.home);
}

bool is_global(const IpAddress& address) {
  static const std::array<Prefix, 4> kLocal = {*Prefix::parse("fe80::/10"), *Prefix::parse("169.254.0.0/16"),
                                               *Prefix::parse("127.0.0.0/8"), *Prefix::parse("::1/128")};
  return std::none_of(kLocal.begin(), kLocal.end(), [&](const Prefix& each) { return each.contains(address); });
}

bool says_something(const LinkAddress& each) {
  return !each.failed && is_global(each.address);
}

bool covers(const NetworkFact& network, const TaskLink& link) {
  return std::any_of(network.subnets.begin(), network.subnets.end(), [&](const SubnetFact& subnet) {
    return std::any_of(link.addresses.begin(), link.addresses.end(),
                       [&](const IpAddress& each) { return subnet.subnet.contains(each); });
  });
}

}  // namespace

std::vector<TaskLink> task_links(const HostState& state, std::size_t* cut) {
  std::vector<TaskLink> out;
  for (const HostLink& link : state.links) {
    if (link.loopback || link.alias.starts_with(kMark) || !leads_out(link, state)) continue;
    if (!std::ranges::any_of(link.addresses, says_something)) continue;
    if (out.size() == kMostLinks) {
      ++*cut;
      continue;
    }
    TaskLink& made = out.emplace_back(TaskLink{link.index, link.name, link.kind, link.mac, {}});
    for (const LinkAddress& each : link.addresses) {
      if (!says_something(each)) continue;
      if (made.addresses.size() < kMostAddresses)
        made.addresses.push_back(each.address);
      else
        ++*cut;
    }
  }
  return out;
}

void ContainerdView::touch(const Shared& netns) {
  for (const auto& [created, id] : netns.tasks) touched_.insert(id);
}

// Those who were there with it, and those who are there now, may have another oldest.
void ContainerdView::move(Containers::iterator container, const std::optional<TaskNetns>& to) {
  Container& it = container->second;
  const Seniority seniority{it.row.created, container->first};
  if (it.netns) {
    const auto from = namespaces_.find(*it.netns);
    touch(from->second);
    from->second.tasks.erase(seniority);
    if (from->second.tasks.empty()) namespaces_.erase(from);
    it.netns.reset();
  }
  if (!to) return;
  it.netns = to->id;
  Shared& there = namespaces_[to->id];
  there.found = *to;
  there.tasks.insert(seniority);
  touch(there);
}

void ContainerdView::remove(Containers::iterator container) {
  move(container, std::nullopt);
  if (container->second.told) gone_.push_back(container->second.fact.key);
  touched_.erase(container->first);
  containers_.erase(container);
}

void ContainerdView::answer(ContainerAnswer answer) {
  auto found = containers_.find(std::string_view(answer.id));
  if (!answer.row) {
    if (found != containers_.end()) remove(found);
    return;
  }
  if (found == containers_.end()) {
    const SharedText id(answer.id);
    found = containers_.try_emplace(id).first;
    found->second.fact.key = {runtime_, id};
  }
  Container& it = found->second;
  touched_.insert(found->first);
  it.why = std::move(answer.why);
  it.remedy = std::move(answer.remedy);
  // A container is made once: this is another of the same id.
  if (it.row.created != answer.row->created) move(found, std::nullopt);
  it.row = std::move(*answer.row);
  if (answer.task.state == TaskState::Unknown) return;
  const bool same_process = it.task.pid == answer.task.pid;
  it.task = answer.task;
  if (!it.task.lives())
    move(found, std::nullopt);
  else if (answer.netns ? !it.netns || namespaces_.at(*it.netns).found != *answer.netns : !same_process)
    move(found, answer.netns);
}

void ContainerdView::all(const std::set<std::string>& ids) {
  std::vector<Containers::iterator> gone;
  for (auto each = containers_.begin(); each != containers_.end(); ++each)
    if (!ids.contains(each->first.str())) gone.push_back(each);
  for (const auto each : gone) remove(each);
}

void ContainerdView::network(NetworkFact fact) {
  NetworkFact& known = networks_[fact.name];
  if (known == fact) return;
  known = std::move(fact);
  for (const auto& [id, each] : containers_)
    if (each.netns && !namespaces_.at(*each.netns).found.links.empty()) touched_.insert(id);
}

const ContainerFact* ContainerdView::find(std::string_view id) const {
  const auto found = containers_.find(id);
  return found == containers_.end() ? nullptr : &found->second.fact;
}

std::vector<EndpointFact> ContainerdView::endpoints_of(const TaskNetns& netns) const {
  std::vector<EndpointFact> out;
  for (const TaskLink& link : netns.links) {
    EndpointFact& made = out.emplace_back();
    made.id = std::to_string(netns.id.inode) + ":" + std::to_string(link.index);
    made.mac = link.mac != 0 ? mac_text(link.mac) : "";
    made.addresses = link.addresses;
    made.driver = link.kind == "veth" ? "bridge" : link.kind;
    made.inside = link.name;
    const auto network =
        std::find_if(networks_.begin(), networks_.end(), [&](const auto& each) { return covers(each.second, link); });
    if (network == networks_.end()) continue;
    made.network = network->second.name;
    made.network_id = network->second.id;
  }
  return out;
}

bool ContainerdView::tell(Containers::iterator container) {
  Container& it = container->second;
  ContainerFact fact{it.fact.key, it.row.name, word_of(it.task.state), it.row.labels, {}, it.row.created};
  fact.netns = it.task.lives() ? "/proc/" + std::to_string(it.task.pid) + "/ns/net" : "";
  if (it.netns) {
    const Shared& netns = namespaces_.at(*it.netns);
    const SharedText& owner = netns.tasks.begin()->second;
    if (netns.found.of_host)
      fact.network_mode = "host";
    else if (owner != container->first)
      fact.network_mode = "container:" + owner.str();
    else if (netns.found.links.empty())
      fact.network_mode = "none";
    else
      fact.network_mode = kByCni;
    if (fact.network_mode == kByCni) fact.endpoints = endpoints_of(netns.found);
  }
  const bool changed = !it.told || fact != it.fact;
  it.fact = std::move(fact);
  it.told = true;
  return changed;
}

ContainerdChanges ContainerdView::take() {
  ContainerdChanges out;
  out.containers_gone = std::exchange(gone_, {});
  for (const SharedText& id : std::exchange(touched_, {})) {
    const auto found = containers_.find(id);
    if (found != containers_.end() && tell(found)) out.containers.push_back(found->second.fact);
  }
  return out;
}

RuntimeSnapshot ContainerdView::snapshot() {
  RuntimeSnapshot out;
  gone_.clear();
  touched_.clear();
  for (auto each = containers_.begin(); each != containers_.end(); ++each) {
    tell(each);
    out.containers.push_back(each->second.fact);
  }
  for (const auto& [name, network] : networks_) out.networks.push_back(network);
  out.unknown = unknown();
  return out;
}

std::vector<UnknownNetwork> ContainerdView::unknown() const {
  std::vector<UnknownNetwork> out;
  const auto blind =
      std::find_if(containers_.begin(), containers_.end(), [](const auto& each) { return !each.second.why.empty(); });
  if (blind == containers_.end()) return out;
  for (const auto& [name, network] : networks_)
    out.push_back({network.id, name, "containerd's container " + blind->first.str() + ": " + blind->second.why,
                   blind->second.remedy});
  return out;
}

}  // namespace berth
