// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an operator types so that a network is let through, by who wrote the rule that stops it. Private to firewall/.
// Pure; any thread. Each remedy is typed as it stands by tests/firewall or the tests of the fabric.
#pragma once

#include <string>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/walk.h"
#include "core/ip.h"

namespace berth::firewall {

// Docker writes such rules while a container or dockerd itself starts.
bool docker_writes(const Decision& what);

std::string remedy_for_drop(const Ruleset& rules, const Decision& what, const NetworkSite& site, const Prefix& subnet);
// `clients`: it is what comes in whose source is changed.
std::string remedy_for_nat(const Decision& what, const NetworkSite& site, const Prefix& subnet, bool clients);

}  // namespace berth::firewall
