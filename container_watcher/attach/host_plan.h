// SPDX-License-Identifier: GPL-2.0-or-later
//
// What this host should be like for its networks, and what is to be done for it. Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/driver.h"
#include "container_watcher/attach/network_site.h"
#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/operation.h"
#include "core/facts.h"
#include "core/result.h"

namespace berth {

struct WantedHost {
  std::map<std::string, NetworkSite> sites;  // by NetworkConfig::name
  std::set<std::string> keep;  // configured, or not yet withdrawn: their rules stay, with or without a site
  bool sweep = false;          // `keep` is complete: rules of ours for other networks go
  std::map<std::string, NetworkConfig> networks =
      {};                               // that need some ground (Driver::groundwork), with or without a site
  std::set<std::string> segments = {};  // networks that other hosts have a part of (Driver::vni)
  // Links on which a runtime's networks stand, whether configured or not; nothing: not all are known.
  std::optional<std::set<std::string>> standing = {};
  std::vector<Prefix> fabric = {};  // Config::fabric
  bool v4 = false, v6 = false;  // configured, whether the runtime has it or not: forwarding is on before it asks for it
};

// Of the last of them the others are the condition: where one fails, the rest is not done.
using Sequence = std::vector<Operation>;

struct HostPlan {
  std::vector<Sequence> host;
  std::set<std::string> linkless;  // networks for which a link is to be made that is not there
  // Rules of ours in DOCKER-USER: whose there must be, and whose may stay.
  std::vector<NetworkSite> sites;
  std::set<std::string> keep;
};

// The families that must be forwarded.
struct Forwarding {
  bool v4 = false, v6 = false;
};
Forwarding forwarding_of(const WantedHost& wanted);

// Forwarding of the whole host, where the kernel says that it is off. `forgetful`: of Observer::forgetful_links(); they get
// accept_ra 2 before the host begins to forward IPv6.
Sequence plan_forwarding(bool v4, const HostState& host, const std::vector<std::string>& forgetful);

// `rules`: owners of the rules of ours that there are.
HostPlan plan_host(const WantedHost& wanted, const std::vector<NetworkSite>& sites, const HostState& host,
                   const Result<std::vector<std::string>>& forgetful, const std::set<std::string>& rules,
                   const DriverLookup& drivers);

// NetworkSite::isolated_from.
void isolate(const WantedHost& wanted, const DriverLookup& drivers, std::vector<NetworkSite>* sites);

// Why an operation of the plan was not done.
struct Undone {
  Operation operation;
  bool too_often = false;  // somebody undoes it again and again: it is done again later
  Error error = {};        // else
};

// "forwarding-off".
std::vector<Problem> forwarding_problems(const std::vector<Undone>& undone);
Problem forwarding_unsafe(
    const Error& forgetful);  // not planned, since it is not known which links would forget something
// "link-refused": links of ours for this network.
std::vector<Problem> link_problems(const std::string& network, const std::vector<Undone>& undone);
// "gateway-refused".
std::vector<Problem> address_problems(const std::string& interface, const std::vector<Undone>& undone);

}  // namespace berth
