// SPDX-License-Identifier: GPL-2.0-or-later
//
// This host's side of the networks, as the daemon sees it: what it wants, and what was found. HostAgent is the real one. One
// thread: the daemon's io_context; nothing here blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "core/config.h"
#include "core/facts.h"

namespace berth {

// What a network stands on before the runtime has it (attach/driver.h).
struct GroundReport {
  bool ready = false;
  std::vector<Problem> problems;
  unsigned made = 0;  // how often a link of it was not there and was made
  unsigned mtu = 0;   // bytes; 0: as its runtime has it
  bool operator==(const GroundReport&) const = default;
};

struct HostReport {
  std::set<IpAddress> addresses;                // the host's own
  std::map<std::string, GroundReport> grounds;  // of the configured networks that need any
  std::map<std::string, NetworkHealth> health;  // of the networks that are wanted
  std::map<EndpointKey, Problem> endpoints;     // what stands against single ones
  std::set<EndpointKey> lasting;                // of those: not what passes while a container stops
};

// The container's end of its link.
struct InnerEnd {
  int index = 0;  // ifindex, in the container
  SharedText name;
  std::uint32_t mtu = 0;
  SharedText netns;  // a path to the network namespace
};

// An endpoint's link. What is not known is 0 or empty.
struct HostPort {
  int index = 0;  // ifindex of the end on this host; a macvlan has none
  std::string name;
  InnerEnd inner = {};
};

// What the containers of a network stand on (NetworkSite::parent).
struct HostParent {
  struct Clash {
    std::string container;  // its name
    IpAddress address;
    std::string mac;  // of the other machine that has it
  };
  std::string name;
  bool there = false, up = false, carrier = false;
  std::size_t macs = 0;     // that it carries
  std::uint32_t limit = 0;  // of them; 0: any number
  std::vector<Clash> clashes;
};

// One segment over several hosts, as this host's kernel has it: what berthd wrote, and what zebra did.
struct HostOverlay {
  struct Machine {
    std::uint64_t mac = 0;             // in the lower 48 bits
    std::optional<IpAddress> vtep;     // behind which it is; nothing: it is on this host
    std::string container;             // its name, where it is one of this host's
    std::vector<IpAddress> addresses;  // that the bridge knows of it
  };
  std::uint32_t vni = 0;
  std::optional<IpAddress> vtep;                // of this host
  unsigned mtu = 0;                             // bytes
  std::vector<IpAddress> far_vteps;             // to which what goes to all is sent
  std::map<IpAddress, std::string> names = {};  // of the hosts that these are; empty: not known
  std::string name_of(const IpAddress& far) const {
    const auto at = names.find(far);
    return at == names.end() ? std::string() : at->second;
  }
  std::vector<Machine> machines;  // by MAC address
};

struct HostCounters {
  std::uint64_t looks = 0, notifications = 0, overruns = 0, rule_changes = 0, held_back = 0;
  std::uint64_t entries_written = 0;                                                 // vxlan_entries.h
  std::uint64_t address_probes = 0, address_clashes = 0, address_probes_failed = 0;  // address_probes.h
};

// The configuration's lines about the host itself.
struct HostSettings {
  std::vector<Prefix> fabric;                 // from where containers must be reachable as themselves; none: everywhere
  std::chrono::seconds firewall_patience{3};  // rules that drop and came to rest count after that time
};

class Host {
 public:
  using Listener = std::function<void(const HostReport&)>;  // called when something is different, and after each want()
  virtual ~Host() = default;
  virtual void start() = 0;
  virtual void stop() = 0;

  // A network that is no longer named keeps its rules until forget(): first withdraw, then detach.
  virtual void configured(const std::map<std::string, NetworkConfig>& networks, const HostSettings& settings) = 0;
  virtual void
  sweep() = 0;  // zebra holds nothing of any other network: what an earlier berthd left of rules for those may go
  virtual void want(const NetworkSite& site,
                    std::vector<Problem> problems) = 0;  // the runtime has it; with what it says is wrong
  virtual void unwant(const std::string& network) = 0;   // the runtime hasn't; its rules stay
  virtual void forget(const std::string& network) = 0;   // nothing of it is advertised: its rules go
  virtual void repeat_addresses(
      const std::string& interface) = 0;  // says them again to those who missed them (RepeatAddresses)

  // Whose ports are watched. Costs next to nothing: nothing is asked for them. Those of a network that is configured later
  // are known from the runtime's next full list on.
  virtual void runtime_here(bool here) = 0;
  // Links on which networks of the runtimes stand, whoever made them: of ours, these stay although berthd.conf has no such network.
  // Nothing: not all are known.
  virtual void standing(std::optional<std::set<std::string>> links) = 0;
  virtual void containers(const std::string& runtime, const std::vector<ContainerFact>& all) = 0;
  virtual void container_changed(const ContainerFact& fact) = 0;
  virtual void container_gone(const ContainerKey& key) = 0;
  virtual const HostCounters& counters() const = 0;
  virtual std::map<EndpointKey, HostPort> ports() const = 0;      // of those that were found; for the shows
  virtual std::map<std::string, HostParent> parents() const = 0;  // by network, of those that are wanted; for the shows
  virtual const std::map<std::string, HostOverlay>& overlays() const = 0;  // likewise
};

}  // namespace berth
