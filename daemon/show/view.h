// SPDX-License-Identifier: GPL-2.0-or-later
//
// All that the shows tell, as values: a copy of one moment, made by the daemon. Pure; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/host.h"
#include "container_watcher/attach/plugger.h"
#include "core/config.h"
#include "core/facts.h"
#include "core/rib.h"
#include "redistribute/redistributor.h"

namespace berth {

using WallTime = std::chrono::system_clock::time_point;

struct RuntimeStatus {
  std::string name, kind, version;
  bool connected = false;
  bool in_sync = false;
};

struct ZebraStatus {
  bool connected = false;
  bool in_sync = false;
  std::string socket, frr_version, module_version;
  // Why it is not connected, or what is said is held up, and what to do; empty: not tried yet, or nothing to do.
  std::string reason{}, remedy{};
  std::string way = "socket";  // as in ZebraConfig
};

struct LinkStatus {
  std::uint32_t mtu = 0;
  bool up = false;
};

struct View {
  WallTime now;
  WallTime started_at;
  std::string version;
  std::string hostname;
  bool in_sync = false;
  std::set<std::string> unknown_networks = {};  // the runtime fails to tell of them: in sync but for these
  bool withdrawn = false;
  std::vector<RuntimeStatus> runtimes;
  ZebraStatus zebra;
  std::map<std::string, std::uint64_t> counters;
  Config config;
  std::map<std::string, NetworkHealth> health;  // by NetworkConfig::name; absent: not looked at yet
  std::vector<RouteView> routes;
  std::map<RibKey, WallTime> since;  // when each route came into its present state
  std::vector<ContainerFact> containers;
  std::map<std::string, LinkStatus> links;  // the host's, by interface name
  std::map<EndpointKey, HostPort> ports = {};
  std::map<EndpointKey, Problem> endpoint_problems = {};
  std::map<ContainerKey, std::chrono::milliseconds> plug_delays = {};  // of those that berthd plugged in
  std::map<std::string, HostParent> parents = {};                      // by NetworkConfig::name
  std::map<std::string, HostOverlay> overlays = {};                    // by NetworkConfig::name
  std::shared_ptr<const Leases> leases = {};                           // null: none were read
};

// "2026-11-24T11:03:40.250Z" (RFC 3339, UTC, to the millisecond)
std::string rfc3339(WallTime time);
// "00:01:05", "1d02h03m": how long, as FRR shows it
std::string uptime(WallTime since, WallTime now);

}  // namespace berth
