// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/address_probes.h"

#include <algorithm>
#include <set>

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr int kTimes = 3;  // that one address is asked for
constexpr auto kBetween = 150ms;
constexpr auto kListen = 500ms;  // for answers to the last of them
constexpr auto kAgain = 60s;
constexpr std::size_t kMostProbes = 64;
constexpr AddressProbes::Time kNever = AddressProbes::Time::max();

Error why_unusable(const MacParent& parent) {
  if (!parent.up) return {ErrorKind::Stale, parent.name + " is down", "ip link set " + parent.name + " up"};
  return {ErrorKind::Stale, parent.name + " has no carrier", "look at its cable and at the port of the switch"};
}

Problem impossible(const MacParent& parent, const Error& error) {
  std::string remedy = error.remedy.empty() ? "berthd asks again in a minute" : error.remedy;
  return {"probe-impossible",
          "berthd can't ask on " + parent.name + " whether another machine has a container's address: " + error.message,
          std::move(remedy), false};
}

}  // namespace

void AddressProbes::add(const ParentEndpoint& endpoint, int parent, Time now, std::map<Key, Probe>* all) {
  for (const IpAddress& address : endpoint.addresses) {
    const Key key{endpoint.key, address};
    const auto before = probes_.find(key);
    if (before != probes_.end() && before->second.parent == parent && before->second.mac == endpoint.mac)
      all->insert(probes_.extract(before));
    else
      all->emplace(key, Probe{endpoint.container, endpoint.network, parent, endpoint.mac, now, 0, 0});
  }
}

void AddressProbes::set(const std::map<std::string, MacParent>& parents, const std::vector<ParentEndpoint>& endpoints,
                        Time now) {
  std::map<int, Segment> segments;
  std::set<int> came_back;
  for (const auto& [network, parent] : parents) {
    if (parent.ours || segments.contains(parent.index)) continue;
    Segment segment{parent, nullptr, false, {}};
    if (const auto before = segments_.find(parent.index); before != segments_.end()) {
      if (parent.usable() && !before->second.parent.usable()) came_back.insert(parent.index);
      if (parent.mac == before->second.parent.mac) segment.socket = std::move(before->second.socket);
      segment.reflects = before->second.reflects;
      segment.failed = std::move(before->second.failed);
    }
    segments.emplace(parent.index, std::move(segment));
  }
  segments_ = std::move(segments);
  std::map<Key, Probe> all;
  for (const ParentEndpoint& endpoint : endpoints) {
    const auto parent = parents.find(endpoint.network);
    if (parent != parents.end() && segments_.contains(parent->second.index) &&
        parent->second.macs.contains(endpoint.mac))
      add(endpoint, parent->second.index, now, &all);
  }
  probes_ = std::move(all);
  for (auto& [key, probe] : probes_)
    if (probe.asked == 0 && came_back.contains(probe.parent)) probe.next = now;
}

std::size_t AddressProbes::asking() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(probes_, [](const auto& each) { return each.second.asked != 0; }));
}

// True: somebody was heard of whom nothing was told.
bool AddressProbes::listen(Time now) {
  bool news = false;
  for (auto& [index, segment] : segments_) {
    if (!segment.socket) continue;
    const ProbeAnswers heard = segment.socket->answers();
    segment.reflects = segment.reflects || heard.reflected;
    std::map<IpAddress, Mac> others;
    for (const ProbeAnswer& each : heard.all)
      if (!segment.reflects || !segment.parent.macs.contains(each.mac)) others.emplace(each.address, each.mac);
    if (others.empty()) continue;
    for (auto& [key, probe] : probes_) {
      const auto other = others.find(key.second);
      if (probe.parent != index || probe.asked == 0 || other == others.end()) continue;
      if (probe.clash == 0) ++counts_.clashes;
      news = news || probe.clash != other->second;
      probe.clash = other->second;
      probe.asked = 0;
      probe.next = now + kAgain;
    }
  }
  return news;
}

Status AddressProbes::send(const IpAddress& address, Segment* segment) const {
  if (!segment->parent.usable()) return why_unusable(segment->parent);
  if (!segment->socket) {
    auto socket = open_(segment->parent.index, segment->parent.mac);
    if (!socket) return socket.error();
    segment->socket = std::move(*socket);
  }
  return segment->socket->ask(address);
}

bool AddressProbes::ask(const IpAddress& address, Probe* probe, Time now) {
  Segment& segment = segments_.at(probe->parent);
  const Status sent = send(address, &segment);
  const auto before =
      std::exchange(segment.failed, sent ? std::nullopt : std::optional(impossible(segment.parent, sent.error())));
  if (sent) {
    if (probe->asked++ == 0) ++counts_.probes;
    probe->next = now + (probe->asked == kTimes ? kListen : kBetween);
  } else {
    ++counts_.failed;
    probe->asked = 0;
    probe->next = now + kAgain;
    segment.socket.reset();  // of a link that is another one by now
  }
  return segment.failed != before;
}

bool AddressProbes::go_on(const IpAddress& address, Probe* probe, Time now) {
  if (probe->asked < kTimes) return ask(address, probe, now);
  probe->asked = 0;
  probe->next = kNever;
  return std::exchange(probe->clash, 0) != 0;
}

bool AddressProbes::turn(Time now) {
  turned_ = now;
  bool news = listen(now);
  std::size_t under_way = asking();
  std::set<int> used;
  for (auto& [key, probe] : probes_) {
    const bool was = probe.asked != 0;
    if (probe.next <= now && (was || under_way < kMostProbes)) {
      news = go_on(key.second, &probe, now) || news;
      under_way += (probe.asked != 0 ? 1 : 0);
      under_way -= (was ? 1 : 0);
    }
    if (probe.asked != 0) used.insert(probe.parent);
  }
  for (auto& [index, segment] : segments_)
    if (!used.contains(index)) segment.socket.reset();
  return news;
}

std::optional<AddressProbes::Time> AddressProbes::due() const {
  const std::size_t under_way = asking();
  Time out = under_way > 0 ? turned_ + kBetween : kNever;
  for (const auto& [key, probe] : probes_)
    if (probe.asked != 0 || under_way < kMostProbes) out = std::min(out, probe.next);
  return out == kNever ? std::nullopt : std::optional(out);
}

std::vector<AddressClash> AddressProbes::clashes() const {
  std::vector<AddressClash> out;
  for (const auto& [key, probe] : probes_)
    if (probe.clash != 0)
      out.push_back(
          {key.first, probe.container, probe.network, segments_.at(probe.parent).parent.name, key.second, probe.clash});
  return out;
}

// One is told of each endpoint: where both families clash it is refused as a whole.
std::map<EndpointKey, Problem> AddressProbes::refused() const {
  std::map<EndpointKey, Problem> out;
  for (const AddressClash& each : clashes()) {
    const Family family = each.address.is_v4() ? Family::V4 : Family::V6;
    const std::string address = each.address.to_string(), other = mac_text(each.mac);
    const auto [at, fresh] = out.try_emplace(
        each.key,
        Problem{"address-clash",
                "another machine on " + each.parent + ", " + other + ", has " + address + " of " + each.container,
                "take " + address + " from " + other + ", or run " + each.container +
                    " with another address; berthd asks again each minute",
                true, family});
    if (!fresh && at->second.family != family) at->second.family = Family::Both;
  }
  return out;
}

std::optional<Problem> AddressProbes::failure(int parent) const {
  const auto found = segments_.find(parent);
  return found == segments_.end() ? std::nullopt : found->second.failed;
}

}  // namespace berth
