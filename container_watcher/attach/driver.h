// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a kind of attachment is, whichever it is: bridge, macvlan, … A driver is pure: it says what a network of its kind may be
// told, what it needs of the runtime and of the host, and what is wrong with it. Others observe, and carry out.
//
// One object of each kind, without state; any thread. They are listed in daemon/tenants.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/operation.h"
#include "container_watcher/runtime.h"
#include "core/attachment.h"
#include "core/config.h"
#include "core/facts.h"
#include "core/network_option.h"

namespace berth {

// The part of a wanted network that is the same in each kind. `driver`: the runtime's own word for the kind.
inline RuntimeNetwork network_as_said(const NetworkConfig& config, const std::string& driver) {
  RuntimeNetwork out;
  out.network = config.name;
  out.name = config.runtime_network();
  out.make = config.docker_network.empty();
  out.driver = driver;
  out.subnets = config.subnets;
  return out;
}

// What the links of this host say of a network.
struct LinkVerdict {
  bool attached = false;  // there is such a link
  std::vector<Problem> problems;
};

// What the runtime's network stands on, on this host: links of ours, a parent.
struct Groundwork {
  bool ready = false;              // the runtime may be asked for the network
  unsigned mtu = 0;                // bytes, that its links carry; 0: as its runtime has it
  std::string base = {};           // of its links the one on which the runtime's stand; empty: each is
  std::vector<Operation> missing;  // what is to be done for it, in order
  std::vector<Problem> problems;   // what stands against it that no operation of ours cures
};

// One container that is to be plugged in by links of berthd's.
struct PlugSite {
  std::string host_link;  // what the end on the host is to be called, where there is one
  std::string inside;     // and the one in the container: "eth0"
  Mac mac = 0;            // of the latter
  unsigned mtu = 0;       // bytes; 0: as the kernel has it
  std::vector<IpAddress> addresses;
  Netns netns;
};
struct PlugPlan {
  std::vector<Operation> operations;  // in order; doing them twice is doing them once
  std::string routes_by = {};         // the link on the host by which they go; empty: by the network's own
  bool has_neighbours = true;         // who may know another MAC address for the container's addresses
};

class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::string_view name() const = 0;  // as in `driver bridge`
  virtual std::string_view help() const = 0;  // one line, for `?`
  // The lines of `network NAME` that this kind takes beside those that every network has.
  virtual const std::vector<NetworkOption>& options() const = 0;
  // What is missing, or can't be, in what was configured: "a parent (parent IF)".
  virtual std::vector<std::string> gaps(const NetworkConfig& config) const = 0;
  // The network that the runtime has to have. Where it makes none, the runtime's is taken as it is.
  virtual RuntimeNetwork runtime_network(const NetworkConfig& config) const = 0;
  // Nothing: the runtime's network needs nothing of this host.
  virtual std::optional<Groundwork> groundwork(const NetworkConfig&, const HostState&) const { return std::nullopt; }
  // A network of this kind as this host should have it.
  virtual NetworkSite site(const NetworkConfig& config, const NetworkFact& fact) const = 0;
  // What is missing on the host, in order. Nothing: it is as it should be.
  virtual std::vector<Operation> plan(const NetworkSite& site, const HostState& host) const = 0;
  // `uplinks`: of uplinks_of(). A consequence is not listed beside its cause.
  virtual LinkVerdict judge(const NetworkSite& site, const HostState& host,
                            const std::vector<std::string>& uplinks) const = 0;
  virtual SubnetRoute subnet_route() const = 0;
  // Others than its runtime and berthd give out addresses on its links: a LAN, a bridge of CNI's.
  virtual bool is_shared(const NetworkConfig&) const { return false; }
  // The number of the segment that other hosts have a part of (RFC 7348), which FRR's EVPN tells them of; nothing: there is none.
  virtual std::optional<std::uint32_t> vni(const NetworkConfig&) const { return std::nullopt; }
  // Nothing is routed between the two, which each of them says of the other.
  virtual bool isolates(const NetworkConfig&, const NetworkConfig& /*other*/) const { return false; }
  // Nothing: containers are plugged in by their runtime alone.
  virtual std::optional<PlugPlan> plug(const NetworkConfig&, const PlugSite&) const { return std::nullopt; }
};

// By its name, as NetworkConfig::driver has it. nullptr: there is none.
using DriverLookup = std::function<const Driver*(std::string_view name)>;
// The same of a lookup that may itself not be there.
inline const Driver* driver_of(const DriverLookup& drivers, std::string_view name) {
  return drivers ? drivers(name) : nullptr;
}

}  // namespace berth
