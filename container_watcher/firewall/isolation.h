// SPDX-License-Identifier: GPL-2.0-or-later
//
// What keeps overlays apart (NetworkSite::isolated_from), as nft commands: a table of our own, `inet berth`, whose chain `isolation`
// drops what is routed from one to another, before Docker's rules and ours in DOCKER-USER let it through. Pure; any thread.
//
// A packet is told by the bridge on one side and the address on the other: also one that comes by the fabric, from a host that
// has the other overlay alone. Owner of a rule: its comment, as everywhere. The table goes with the last rule.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/ruleset.h"

namespace berth::firewall {

// As docker_user_commands(), of which see the words.
std::string isolation_commands(const Ruleset& rules, const std::vector<NetworkSite>& sites,
                               const std::set<std::string>& keep);

// Meant by the operator, and nothing that a network is withheld for, or that is told. Nothing: there is none of it in the rules.
std::optional<Ruleset> without_isolation(const Ruleset& rules);

}  // namespace berth::firewall
