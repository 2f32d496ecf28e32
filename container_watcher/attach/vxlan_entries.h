// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the containers of a network with a tunnel are, written into its bridge's tables: behind which port a MAC address is (FDB),
// and which MAC address an IP address has (ARP, ND). zebra reads both and bgpd tells the other hosts (RFC 7432, type-2 routes), so
// that a container which never sends is known everywhere. Nothing is learnt; what somebody takes away is written again.
//
// Ours are the neighbour entries that bear the mark of berth's routes, and the FDB entries of containers that the runtime tells of.
//
// An address that another host has by now is that host's: zebra has replaced our entries by its own, which say where it went. Only a
// container that starts here takes its address over. When the other one is gone, ours are written again.
//
// plan_entries() is pure. VxlanEntries asks the kernel and writes: on the worker's thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/host.h"
#include "container_watcher/attach/host_names.h"
#include "container_watcher/attach/network_site.h"
#include "container_watcher/attach/port_book.h"
#include "container_watcher/attach/repair.h"
#include "container_watcher/netlink/executor.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/observer.h"
#include "container_watcher/netlink/operation.h"

namespace berth {

// The tables of one network.
struct VxlanTables {
  std::vector<HostNeighbour> neighbours;  // of the bridge
  std::vector<FdbEntry> fdb;              // of the bridge
  std::vector<FdbEntry> far_ends;         // of the tunnel
};

struct EntriesPlan {
  std::vector<Sequence> writes;
  std::map<EndpointKey, Problem> problems;  // what is told of single ones; none of them blocks
};

// What is known of earlier looks; changed by each.
struct EntriesMemory {
  std::set<EndpointKey> claimed;  // whose entries were written
  std::set<IpAddress> owned;      // of one network: for which there were entries of containers that were here
};

// `sweep`: every runtime has listed, so that entries of nobody's go. Those of containers that were here go without that.
// `names`: what a host with that VTEP is called in a sentence.
using NameOfHost = std::function<std::string(const IpAddress& vtep)>;
EntriesPlan plan_entries(const NetworkSite& site, const HostState& host, const VxlanTables& tables,
                         const std::vector<SegmentEndpoint>& endpoints, bool sweep, const NameOfHost& names,
                         EntriesMemory* memory);

// Tunnels of ours that no network has any more, with the entries on their bridges. `segments`: networks that have one.
std::vector<Sequence> plan_leftovers(const HostState& host, const std::set<std::string>& segments,
                                     const std::map<int, std::vector<HostNeighbour>>& neighbours);

// "overlay-range": another host has addresses of those that this one hands out.
std::optional<Problem> foreign_in_range(const NetworkSite& site, const VxlanTables& tables, const NameOfHost& names);

// For the shows.
HostOverlay overlay_of(const NetworkSite& site, const HostState& host, const VxlanTables& tables,
                       const std::vector<SegmentEndpoint>& endpoints);

class VxlanEntries {
 public:
  VxlanEntries(Observer& observer, Executor& executor) : observer_(observer), repair_(executor) {}
  struct Outcome {
    std::map<EndpointKey, Problem> problems;
    std::map<std::string, std::vector<Problem>> networks;  // by network: "entries-refused", "overlay-range"
    std::map<std::string, HostOverlay> overlays;           // by network, as it was before that
    unsigned written = 0;                                  // entries
    bool again = false;                                    // the tables could not be read
  };
  // `sites`: those with a tunnel. `segments`: networks of berthd.conf that are to have one.
  Outcome look(const std::vector<const NetworkSite*>& sites, const std::set<std::string>& segments,
               const HostState& host, const PortBook& book, bool sweep);

 private:
  void leave(const std::set<std::string>& segments, const HostState& host, std::vector<Sequence>* out);

  Observer& observer_;
  Repair repair_;
  HostNames names_;
  std::map<std::string, EntriesMemory> memory_;  // by network
};

}  // namespace berth
