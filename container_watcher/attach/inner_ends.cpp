// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/inner_ends.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kEndAgain = 60s;  // nobody tells of what changes in a container
constexpr int kEndTries = 5;
constexpr std::size_t kMostRead = 64;  // namespaces, at a look: some milliseconds

const HostLink* link_with(const std::vector<HostLink>& links, Mac mac, const HostLink* veth) {
  const auto found = std::ranges::find_if(
      links, [&](const HostLink& each) { return each.mac == mac && (!veth || each.index == veth->peer); });
  return found == links.end() ? nullptr : &*found;
}

}  // namespace

// One look: each namespace is read at most once in it.
class InnerEnds::Round {
 public:
  Round(Observer& observer, const HostState& state, const std::vector<BoundEndpoint>& all)
      : observer_(observer), state_(state) {
    for (const BoundEndpoint& each : all)
      if (!each.inner.netns.empty()) taken_[each.inner.netns.str()] = each.key.container;
  }
  bool full() const { return read_.size() >= kMostRead; }

  InnerEnd find(const BoundEndpoint& endpoint, int tries) {
    const HostLink* port = endpoint.on_parent ? nullptr : state_.find(endpoint.port);
    const HostLink* veth = port && port->kind == "veth" ? port : nullptr;
    if (!endpoint.netns.empty()) return in(endpoint.netns.str(), endpoint, veth);
    if (endpoint.on_parent) return anywhere(endpoint, tries);
    if (!veth || !veth->peer_netns) return {};
    const auto path = names().find(*veth->peer_netns);
    return path == names().end() ? InnerEnd{veth->peer, {}, 0, {}} : in(path->second, endpoint, veth);
  }

 private:
  InnerEnd in(const std::string& path, const BoundEndpoint& endpoint, const HostLink* veth) {
    if (const HostLink* link = link_with(links(path), endpoint.mac, veth))
      return {link->index, link->name, link->mtu, path};
    return veth ? InnerEnd{veth->peer, {}, 0, {}} : InnerEnd();
  }

  // Where it was, or else in those that are nobody's: each time others, where there are many.
  InnerEnd anywhere(const BoundEndpoint& endpoint, int tries) {
    if (!endpoint.inner.netns.empty())
      if (InnerEnd found = in(endpoint.inner.netns, endpoint, nullptr); found.index != 0) return found;
    std::vector<const std::string*> paths;
    for (const auto& [number, path] : names())
      if (const auto taken = taken_.find(path); taken == taken_.end() || taken->second == endpoint.key.container)
        paths.push_back(&path);
    for (std::size_t at = 0; at < paths.size(); ++at) {
      const std::string& path = *paths[(at + static_cast<std::size_t>(tries) * kMostRead) % paths.size()];
      if (full() && !read_.contains(path)) break;
      if (InnerEnd found = in(path, endpoint, nullptr); found.index != 0) return found;
    }
    return {};
  }

  const std::map<int, std::string>& names() {
    if (!names_) names_ = observer_.named_netns();
    return *names_;
  }

  const std::vector<HostLink>& links(const std::string& path) {
    const auto [at, fresh] = read_.try_emplace(path);
    if (auto read = fresh ? observer_.links({path, {}}) : std::vector<HostLink>(); fresh && read)
      at->second = std::move(*read);
    return at->second;
  }

  Observer& observer_;
  const HostState& state_;
  std::map<std::string, ContainerKey> taken_;  // namespaces that are known to be somebody's
  std::optional<std::map<int, std::string>> names_;
  std::map<std::string, std::vector<HostLink>> read_;  // by path
};

void InnerEnds::look(const HostState& state, PortBook& book, bool* more) {
  const std::vector<BoundEndpoint> all = book.bound();
  const auto now = Clock::now();
  std::map<EndpointKey, Known> before = std::exchange(known_, {});
  std::vector<const BoundEndpoint*> due, again;
  for (const BoundEndpoint& each : all) {
    Known& known = known_[each.key] = before[each.key];
    if (known.port != each.port) known = {each.port, 0, {}};
    if (known.tries == 0 || (each.inner.index == 0 && known.tries < kEndTries))
      due.push_back(&each);
    else if (known.asked + kEndAgain < now)
      again.push_back(&each);
  }
  if (due.empty() && again.empty()) return;
  Round round(observer_, state, all);
  const auto ask = [&](const BoundEndpoint& each) {
    Known& known = known_[each.key];
    known.asked = now;
    book.set_inner(each.key, round.find(each, known.tries++));
  };
  for (const BoundEndpoint* each : due) {
    if (round.full()) *more = true;
    if (!round.full()) ask(*each);
  }
  for (const BoundEndpoint* each : again)
    if (!round.full()) ask(*each);
}

}  // namespace berth
