// SPDX-License-Identifier: GPL-2.0-or-later
//
// Our rules in Docker's DOCKER-USER chains, as nft commands: what is missing is added, what is no longer wanted goes.
// Pure; any thread. Owner of a rule: its comment, "berth:NAME"; rules without it are never touched. No comment is longer
// than nft takes.
//
// One rule for each subnet: what goes to it over its bridge is accepted, from outside and from the other networks of
// this host (Docker isolates its networks from each other behind DOCKER-USER). What comes from it Docker accepts
// itself. Ours stand behind what the operator wrote into the chain and before the `return` that ends it: his word comes
// first. They open nothing that was closed on purpose: what goes from one container to another of the same bridge is not
// theirs (Docker's enable_icc=false), and a network that is internal or isolated gets none.
//
// A chain that is not there is made, with a call of it in FORWARD, where Docker's other chains are in force: Docker 26.1
// that is restarted after `nft flush ruleset` makes it only with its next network, and finds ours then. It is marked by its
// last rule ("berth:!chain"), and goes when nothing is wanted in it, unless somebody else uses it. Without Docker's chains
// nothing is made: Docker runs without iptables then, and the walk says what is in force. Nor is a rule put, or left, into a
// chain behind which FORWARD lets everything through: Docker's nftables backend leaves the chain there and its rules elsewhere.
//
// Where Docker's isolation stands before its call of DOCKER-USER, one rule in FORWARD ("berth:!order") calls it earlier.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/ruleset.h"

namespace berth::firewall {

// One transaction for libnftables; empty: all is as it should be. `keep`: networks whose rules stay although no site
// is known at present (the runtime is away, or their routes are not yet withdrawn).
std::string docker_user_commands(const Ruleset& rules, const std::vector<NetworkSite>& sites,
                                 const std::set<std::string>& keep);

// The owners of the rules of ours that there are.
std::set<std::string> docker_user_owners(const Ruleset& rules);

}  // namespace berth::firewall
