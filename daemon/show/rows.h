// SPDX-License-Identifier: GPL-2.0-or-later
//
// What each show tells, as a value: every fact is picked, joined and decided here, once, and the text for people and the JSON
// for programs print the same row. Pure; any thread.
//
// Two of them are rows already where they are made: Explanation (the brain's) and firewall::Trace.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/show/view.h"

namespace berth {

struct StatusRows {
  WallTime now, started_at;
  std::string version, hostname;
  bool in_sync = false;
  std::set<std::string> unknown_networks;
  bool withdrawn = false;
  std::vector<RuntimeStatus> runtimes;
  ZebraStatus zebra;
  std::size_t networks = 0, networks_with_problems = 0, containers = 0, routes = 0;
  std::map<std::string, std::size_t> routes_in;  // by the word of their state; those that occur
  std::map<std::string, std::uint64_t> counters;
};

struct NetworkRow {
  std::string name, runtime_network, driver, interface;
  bool looked_at = false;  // the host has; otherwise nothing is known of what follows below `tag`
  std::vector<std::string> subnets;
  std::string advertise;
  std::uint32_t tag = 0;
  std::size_t containers = 0;
  bool attached = false;
  std::string nat;
  FamilyHealth v4, v6;  // where known
  std::vector<Problem> problems;
};

struct NetworksRows {
  std::vector<NetworkRow> networks;
  std::vector<std::string> silent;  // the runtimes that have not told what they have, a sentence for each
};

// One of the routes by which the fabric is to reach an endpoint: its own, or its subnet's.
struct EndpointRoute {
  std::string prefix;
  std::string state;  // "refused": policy gives it none, explain says why
};

// One container's connection to one network.
struct AttachmentRow {
  std::string container, container_id;
  bool ours = false;                     // the network is in berthd.conf
  std::string network, runtime_network;  // the same where it is not ours
  std::string driver, parent, mac;
  std::string runtime, netns;
  std::string inside, host_interface;    // its link's name in the container and, where it has an end there, on the host
  int inside_index = 0, host_index = 0;  // their ifindices; 0: unknown
  std::uint32_t mtu = 0;                 // 0: unknown
  std::vector<std::string> addresses;
  std::string advertise;
  std::vector<EndpointRoute> routes;
  std::string route_state;        // the worst of them; empty: no route
  std::vector<Problem> problems;  // of this connection alone; those of its network are told there
  std::string lacking;            // where a part of them is installed: the worst, with its family ("IPv6 notBest")
};

struct ContainerRow {
  std::string id, name, runtime, state, network_mode;
  std::string shares;  // whose network it has that has no endpoint of its own: "host", "of web"; empty: nobody's
  std::vector<AttachmentRow> attachments;
};

struct ContainersRows {
  std::vector<ContainerRow> containers;
  std::vector<std::string> silent;
};

struct AttachmentsRows {
  std::vector<AttachmentRow> attachments;
  std::vector<std::string> silent;
};

struct RouteRow {
  std::string prefix, network, container;  // a subnet has no container
  bool subnet = false;
  std::uint32_t tag = 0;
  std::string state, reason;
  WallTime since;
};

struct RoutesRows {
  std::vector<RouteRow> routes;
  WallTime now;
  std::vector<std::string> silent;
  std::string way = "socket";  // into zebra, as in ZebraConfig
};

// Addresses that berthd itself gave to a container.
struct LeaseRow {
  std::string network, container, container_id, runtime;  // container: its name; empty: it is not here (any more)
  std::vector<std::string> addresses;
  std::int64_t delay = -1;  // milliseconds that it ran before it was plugged in; -1: it is not
  std::string state;  // "used": plugged in with it; "kept": it may come back; "rests": until it is handed out again
  WallTime given;
};

struct LeasesRows {
  std::vector<LeaseRow> leases;
  WallTime now;
};

// What the containers of a network of macvlans stand on.
struct ParentRow {
  std::string network, parent;
  std::string state;  // "up", "down", "noCarrier", "missing"; empty: not looked at yet
  std::size_t macs = 0;
  std::uint32_t limit = 0;  // 0: none
  std::vector<HostParent::Clash> clashes;
};

struct ParentsRows {
  std::vector<ParentRow> parents;
};

// One segment over several hosts.
struct OverlayRow {
  std::string network;
  HostOverlay overlay;            // of one that was not looked at yet the VNI alone
  std::size_t here = 0, far = 0;  // machines
  std::vector<Problem> problems;  // the network's
};

struct OverlaysRows {
  std::vector<OverlayRow> overlays;
};

struct CountersRows {
  std::map<std::string, std::uint64_t> counters;
};

struct VersionRows {
  std::string version, hostname;
  bool zebra_connected = false;
  std::string frr_version, module_version, way;
};

struct RunningConfigRows {
  std::string text;  // what is in force
  struct Draft {
    std::string expected;  // what it lacks
    std::string text;
  };
  std::vector<Draft> drafts;  // networks that are not in force
};

StatusRows status_rows(const View& view);
NetworksRows networks_rows(const View& view);
ContainersRows containers_rows(const View& view);
AttachmentsRows attachments_rows(const View& view);
RoutesRows routes_rows(const View& view);
LeasesRows leases_rows(const View& view);
ParentsRows parents_rows(const View& view);
OverlaysRows overlays_rows(const View& view);
CountersRows counters_rows(const View& view);
VersionRows version_rows(const View& view);
// `drafts`: networks that were left before they were complete, by name.
RunningConfigRows running_config_rows(const Config& config, const std::map<std::string, NetworkConfig>& drafts);

}  // namespace berth
