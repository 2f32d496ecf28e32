// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/return_path.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/net_namespace.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "container_watcher/attach/link_check.h"
#include "container_watcher/netlink/netlink.h"

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace berth {
namespace {

constexpr auto kAskAgain = 30s;  // nobody tells of a route that changes in a container
constexpr int kStrict = 1;
constexpr int kMostAsked = 64;                 // at a look
constexpr const char* kOutside = "192.0.2.1";  // anywhere outside (RFC 5737)

class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::optional<int> number_of(Netlink& netlink, int fd) {
  const rtgenmsg head{};
  const auto request = Netlink::message(RTM_GETNSID, &head, sizeof head, 0);
  if (!request) return std::nullopt;
  nla_put_u32(request.get(), NETNSA_FD, static_cast<std::uint32_t>(fd));
  std::optional<int> out;
  static_cast<void>(netlink.get(request.get(), [&](nlmsghdr* message) {
    if (nlattr* number = nlmsg_find_attr(message, sizeof head, NETNSA_NSID); number && nla_get_s32(number) >= 0)
      out = nla_get_s32(number);
  }));
  return out;
}

// Paths of the namespaces that have a name, by the number that this one has for them.
std::map<int, std::string> named_namespaces() {
  std::map<int, std::string> out;
  auto netlink = Netlink::open();
  if (!netlink) return out;
  for (const std::string folder : {"/run/docker/netns", "/run/netns"}) {
    const std::unique_ptr<DIR, int (*)(DIR*)> names(opendir(folder.c_str()), closedir);
    if (!names) continue;
    while (const dirent* name = readdir(names.get())) {
      if (name->d_name[0] == '.') continue;
      const std::string path = folder + "/" + name->d_name;
      const File file(path);
      if (file.fd() < 0) continue;
      if (const auto number = number_of(*netlink, file.fd())) out.emplace(*number, path);
    }
  }
  return out;
}

// A socket stays in the namespace that it was opened in; this thread comes back at once.
Result<Netlink> open_in(const std::string& path) {
  const File home("/proc/thread-self/ns/net"), there(path);
  if (home.fd() < 0 || there.fd() < 0 || setns(there.fd(), CLONE_NEWNET) != 0)
    return transient("the namespace can't be entered");
  auto out = Netlink::open();
  if (setns(home.fd(), CLONE_NEWNET) != 0) std::abort();  // everything after it would look at the wrong host
  return out;
}

// The link of this host whose other end an answer from `address` leaves by.
std::optional<int> ask(const std::string& path, const IpAddress& address) {
  auto netlink = open_in(path);
  if (!netlink) return std::nullopt;
  rtmsg head{};
  head.rtm_family = AF_INET;
  head.rtm_dst_len = head.rtm_src_len = 32;
  const auto route = Netlink::message(RTM_GETROUTE, &head, sizeof head, 0);
  if (!route) return std::nullopt;
  const IpAddress outside = *IpAddress::parse(kOutside);
  nla_put(route.get(), RTA_DST, 4, outside.bytes().data());
  nla_put(route.get(), RTA_SRC, 4, address.bytes().data());
  ifinfomsg link{};
  static_cast<void>(netlink->get(route.get(), [&](nlmsghdr* message) {
    if (nlattr* out = nlmsg_find_attr(message, sizeof head, RTA_OIF))
      link.ifi_index = static_cast<int>(nla_get_u32(out));
  }));
  if (link.ifi_index == 0) return std::nullopt;
  const auto request = Netlink::message(RTM_GETLINK, &link, sizeof link, 0);
  std::optional<int> out;
  static_cast<void>(netlink->get(request.get(), [&](nlmsghdr* message) {
    if (nlattr* peer = nlmsg_find_attr(message, sizeof link, IFLA_LINK)) out = static_cast<int>(nla_get_u32(peer));
  }));
  return out;
}

const HostLink* bridge_or_self(const HostState& state, const HostLink* link) {
  const HostLink* master = link && link->master ? state.find(link->master) : nullptr;
  return master ? master : link;
}

std::string loosen(const HostLink& link) {
  return "sysctl -w " + link_sysctl(true, link.name, "rp_filter") + "=2";
}

}  // namespace

std::map<EndpointKey, Problem> ReturnPaths::look(const HostState& state, const std::vector<ForkedEndpoint>& endpoints) {
  std::map<EndpointKey, Problem> out;
  std::vector<const HostLink*> strict;
  for (const HostLink& link : state.links)
    if (link.kind == "bridge" && state.rp_filter(link) == kStrict) strict.push_back(&link);
  if (strict.empty()) return out;
  std::map<EndpointKey, Known> before = std::exchange(known_, {});
  std::optional<std::map<int, std::string>> names;
  int asked = 0;
  for (const ForkedEndpoint& each : endpoints) {
    const HostLink* port = state.find(each.port);
    if (!port) continue;
    Known& known = known_[each.key] = before[each.key];
    if ((known.port != each.port || known.asked + kAskAgain < Clock::now()) && ++asked <= kMostAsked) {
      if (!names) names = named_namespaces();
      const auto path = port->peer_netns ? names->find(*port->peer_netns) : names->end();
      known = {each.port, path == names->end() ? std::nullopt : ask(path->second, each.address), Clock::now()};
    }
    const HostLink* own = bridge_or_self(state, port);
    const HostLink* way = known.leaves_by ? bridge_or_self(state, state.find(*known.leaves_by)) : nullptr;
    if (way && way != own && state.rp_filter(*way) == kStrict)
      out[each.key] = {"rp-filter",
                       each.container + " answers for " + each.address.to_string() + " by " + way->name +
                           ", where rp_filter is strict and drops what comes from another link's address",
                       loosen(*way), true, Family::V4};
    if (way) continue;
    for (const HostLink* other : strict)
      if (other != own)
        out[each.key] = {"rp-filter",
                         each.container + " is on several networks and may answer for " + each.address.to_string() +
                             " by another than " + own->name + "; rp_filter is strict on " + other->name,
                         loosen(*other), false, Family::V4};
  }
  return out;
}

}  // namespace berth
