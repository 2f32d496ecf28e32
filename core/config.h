// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the operator allows: berthd.conf as values. Pure. Parsed and written by daemon/config.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/facts.h"
#include "core/ip.h"
#include "core/shared_text.h"

namespace berth {

enum class Advertise { None, Host, Subnet, Both };
enum class LabelKind { Advertise, Tag, Network };

inline bool advertises_host(Advertise what) {
  return what == Advertise::Host || what == Advertise::Both;
}
inline bool advertises_subnet(Advertise what) {
  return what == Advertise::Subnet || what == Advertise::Both;
}

struct SubnetConfig {
  Prefix subnet;
  std::optional<IpAddress> gateway;
  std::optional<Prefix> ip_range;
  bool operator==(const SubnetConfig&) const = default;
};

// `allow prefix P [ge N] [le N]`, as in a prefix-list: what may be advertised beside the network's own subnets.
struct AllowedPrefix {
  Prefix prefix;
  unsigned ge = 0;  // shortest length; the prefix's own where not said
  unsigned le = 0;  // longest length
  bool operator==(const AllowedPrefix&) const = default;
};

struct NetworkConfig {
  SharedText name;
  SharedText driver = "bridge";       // which kind of attachment: a name of those in daemon/tenants.h
  SharedText runtime;                 // whose network it is: a name of a runtime line; empty: the first one
  SharedText docker_network;          // `docker-network NAME`: take this one as it is, never make or change it
  std::vector<SubnetConfig> subnets;  // at most one per family
  Advertise advertise = Advertise::None;
  std::uint32_t tag = 0;  // 1..4294967295; a network that advertises must have one
  std::uint32_t mtu = 0;  // bytes; 0: the runtime's default
  std::set<LabelKind> allow_labels;
  std::set<std::uint32_t>
      allow_tags;  // `allow label tag N…`: what berth.tag may ask for; empty: any of the config's tags
  std::vector<AllowedPrefix> allow_prefixes;  // empty: only /32 and /128 inside the own subnets
  bool nat_lenient = false;                   // `nat-check lenient`: NAT that can't be judged holds nothing back
  std::uint32_t max_containers = 0;           // advertised containers at a time; 0: the global limit alone
  bool anycast = false;                       // its addresses may be advertised by several hosts
  std::map<std::string, std::set<std::string>>
      options;  // lines that one driver alone knows: first word -> the rest of each
  // Its runtime makes no networks: berthd makes its link, and plugs containers in. Of Config::settled().
  bool plugged = false;
  bool operator==(const NetworkConfig&) const = default;

  // The name that the runtime knows this network by.
  const SharedText& runtime_network() const { return docker_network.empty() ? name : docker_network; }
};

struct RuntimeConfig {
  std::string name;      // "docker"
  std::string kind;      // "docker" | "containerd"
  std::string address;   // "unix:/run/docker.sock"
  bool networks = true;  // of its kind: it makes networks itself
  bool operator==(const RuntimeConfig&) const = default;
};

struct ZebraConfig {
  std::string way = "socket";  // which way in: a word of those in daemon/tenants.h
  std::string socket = "/run/frr/berth.sock";
  std::uint32_t grace_seconds = 120;
  std::uint32_t hold_seconds = 30;    // of silence, until berthd and zebra take each other for dead
  std::uint32_t commit_delay = 50;    // milliseconds: what comes within is one change of FRR's configuration
  std::uint32_t route_limit = 2000;   // routes that are put into FRR's configuration
  std::set<std::uint32_t> tags = {};  // that routes may bear. Of Config::settled_zebra()
  bool operator==(const ZebraConfig&) const = default;
};

struct LogConfig {
  std::string target = "stderr";        // "stderr" | "syslog"
  std::string level = "informational";  // FRR's words: errors warnings notifications informational debugging
  bool operator==(const LogConfig&) const = default;
};

// berthctl's door.
struct VtyConfig {
  std::string socket = "/run/frr/berthd.vty";
  std::uint32_t max_clients = 32;
  bool operator==(const VtyConfig&) const = default;
};

struct Config {
  std::string hostname;  // empty: the kernel's
  LogConfig log;
  ZebraConfig zebra;
  VtyConfig vty;
  std::vector<Prefix>
      fabric;  // `fabric PREFIX`: from where containers must be reachable as themselves; empty: everywhere
  std::string lease_file = "/var/lib/berth/leases";  // the addresses that berthd itself hands out
  std::uint32_t firewall_patience = 3;               // seconds: how long rules that are being rewritten may drop
  std::vector<RuntimeConfig> runtimes;
  std::map<std::string, NetworkConfig> networks;
  std::uint32_t max_routes = 10000;  // `limit routes N`: host routes and subnets together
  bool operator==(const Config&) const = default;

  // Whose network this is; empty where no runtime is configured.
  SharedText runtime_of(const NetworkConfig& network) const {
    if (!network.runtime.empty()) return network.runtime;
    return runtimes.empty() ? SharedText() : SharedText(runtimes.front().name);
  }
  // With what follows from other lines.
  NetworkConfig settled(NetworkConfig network) const {
    const SharedText name = network.runtime = runtime_of(network);
    network.plugged = std::any_of(runtimes.begin(), runtimes.end(),
                                  [&](const RuntimeConfig& each) { return each.name == name && !each.networks; });
    return network;
  }
  ZebraConfig settled_zebra() const {
    ZebraConfig out = zebra;
    for (const auto& [name, network] : networks) {
      if (network.tag) out.tags.insert(network.tag);
      out.tags.insert(network.allow_tags.begin(), network.allow_tags.end());
    }
    return out;
  }
  // What its runtime calls it.
  NetworkName name_in_runtime(const NetworkConfig& network) const {
    return {runtime_of(network), network.runtime_network()};
  }
};

}  // namespace berth
