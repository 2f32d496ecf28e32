// SPDX-License-Identifier: GPL-2.0-or-later
//
// A network of berth as this host should have it. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/facts.h"
#include "core/ip.h"

namespace berth {

// The link that leads to the containers must have an address in `subnet`: without one the kernel drops each route over it.
struct SiteAddress {
  Prefix subnet;
  std::optional<IpAddress> gateway;  // the one that the containers use; nothing: Docker does not say which it chose
  bool ours = false;                 // by the configuration: put back when it is missing
  bool operator==(const SiteAddress&) const = default;
};

struct NetworkSite {
  std::string name;  // NetworkConfig::name
  // What leads to its containers: the bridge, or a link of ours. With a * at its end: links whose names begin so, one for each.
  std::string interface;
  std::vector<Prefix> subnets;
  std::vector<SiteAddress> addresses = {};
  std::string driver = {};      // NetworkConfig::driver
  NetworkKey key = {};          // which of the runtime's networks it is
  bool lenient = false;         // `nat-check lenient`: a NAT that can't be judged holds nothing back
  bool own_link = false;        // the interface is a link of ours: the runtime writes no rules for it
  std::string parent = {};      // whose own table of MAC addresses has one of each container; empty: none has
  std::uint32_t mac_limit = 0;  // how many of them the parent may carry; 0: any number
  bool closed_v4 = false, closed_v6 = false;  // to the outside, by whoever made it: internal, isolated
  bool spread = false;                        // other hosts have a part of its subnets (spread.h)
  std::string tunnel = {};                    // the vxlan on its bridge, by which other hosts have a part of it
  std::vector<Prefix> isolated_from = {};  // overlays to which and from which nothing is routed (firewall/isolation.h)
  std::vector<Prefix> range = {};          // of an overlay: what this host alone hands out of its subnets
  std::string spare = {};                  // a port of that behind which nothing is (vxlan_entries.h)
  std::string anew = {};                   // what is typed to have it made anew (made_anew.h)
  bool operator==(const NetworkSite&) const = default;
};

// The part of a site that is the same in each kind: without interface and addresses.
NetworkSite bare_site(const NetworkConfig& config, const NetworkFact& fact);

// What the runtime has, and what the operator says of it. A gateway is ours in a network that berthd made, and where
// berthd.conf names it; never one of a network that is taken as it is.
NetworkSite site_of(const NetworkConfig& config, const NetworkFact& fact);

}  // namespace berth
