// SPDX-License-Identifier: GPL-2.0-or-later
//
// What this host is asked: its state in one piece, and single things that are too dear for every look. KernelObserver asks
// the kernel (rtnetlink(7)) and blocks for some dumps: on the worker's thread. Transient: the kernel does not say, or its
// lists changed under the reading several times. Stale: there is no such link or namespace.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/operation.h"
#include "core/ip.h"
#include "core/result.h"

namespace berth {

class Observer {
 public:
  virtual ~Observer() = default;
  // `fabric`: whose routes are looked for, of either family that has none: any.
  virtual Result<HostState> state(const std::vector<Prefix>& fabric, const Netns& where) = 0;
  Result<HostState> state() { return state({}, {}); }
  // Names of links with accept_ra 1 that learnt something by router advertisements: they forget it when the host begins to
  // forward IPv6 (ip-sysctl.rst).
  virtual Result<std::vector<std::string>> forgetful_links() = 0;
  // Its links alone: a dump of one kind, for a namespace that is not this host's.
  virtual Result<std::vector<HostLink>> links(const Netns& where) = 0;
  // The MAC addresses of these links' other ends, by the links' indices. The kernel tells them across namespaces.
  virtual std::map<int, Mac> peer_macs(const std::vector<HostLink>& ports) = 0;
  // Paths of the namespaces that have a name, by the number that this one has for them.
  virtual std::map<int, std::string> named_netns() = 0;
  // The link of `where` by which leaves what goes to somebody outside: from `source`, or, where none is said, with the one that the
  // kernel chooses, in one family.
  virtual std::optional<HostLink> way_out(const Netns& where, bool v4, const std::optional<IpAddress>& source) = 0;
  // Of one table, those of one protocol (0: of any).
  virtual Result<std::vector<HostRoute>> routes(std::uint32_t table, int protocol, const Netns& where) = 0;
  virtual Result<std::vector<HostNeighbour>> neighbours(const std::string& link, const Netns& where) = 0;
  // Those that name the link, and of a bridge all of its own table besides.
  virtual Result<std::vector<FdbEntry>> fdb(const std::string& link, const Netns& where) = 0;
  // Host routes within these prefixes, and the proxies of these links (indices). A dump of the main table, where there are any.
  virtual Result<HostProxies> proxies(const std::vector<Prefix>& within, const std::set<int>& links) = 0;
};

class KernelObserver : public Observer {
 public:
  using Observer::state;
  Result<HostState> state(const std::vector<Prefix>& fabric, const Netns& where) override;
  Result<std::vector<std::string>> forgetful_links() override;
  Result<std::vector<HostLink>> links(const Netns& where) override;
  std::map<int, Mac> peer_macs(const std::vector<HostLink>& ports) override;
  std::map<int, std::string> named_netns() override;
  std::optional<HostLink> way_out(const Netns& where, bool v4, const std::optional<IpAddress>& source) override;
  Result<std::vector<HostRoute>> routes(std::uint32_t table, int protocol, const Netns& where) override;
  Result<std::vector<HostNeighbour>> neighbours(const std::string& link, const Netns& where) override;
  Result<std::vector<FdbEntry>> fdb(const std::string& link, const Netns& where) override;
  Result<HostProxies> proxies(const std::vector<Prefix>& within, const std::set<int>& links) override;
};

}  // namespace berth
