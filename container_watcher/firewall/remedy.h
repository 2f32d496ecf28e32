// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an operator types so that a network is let through, by who wrote the rule that stops it. Private to firewall/.
// Pure; any thread. Each remedy is typed as it stands by tests/firewall or the tests of the fabric.
#pragma once

#include <optional>
#include <string>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/walk.h"
#include "core/ip.h"

namespace berth::firewall {

// The rule, and where it stands.
std::string told(const Decision& what);
// What of the rule can't be judged, in quotes: of iptables' matches nft prints no more than the name. Empty: it has no such.
std::string match_in_doubt(const Decision& what);
std::string doubtful(const Decision& what);  // that, and the rule that has it

// Docker writes such rules while a container or dockerd itself starts.
bool docker_writes(const Decision& what);

std::string remedy_for_drop(const Ruleset& rules, const Decision& what, const NetworkSite& site, const Prefix& subnet);
// `clients`: it is what comes in whose source is changed.
std::string remedy_for_nat(const Decision& what, const NetworkSite& site, const Prefix& subnet, bool clients);
// Of NAT that can't be judged. Without a decision: there are too many rules.
std::string remedy_for_doubt(const std::optional<Decision>& doubt, const NetworkSite& site);

}  // namespace berth::firewall
