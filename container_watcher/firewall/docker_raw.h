// SPDX-License-Identifier: GPL-2.0-or-later
//
// Our rules in front of what Docker 28 and later writes into raw PREROUTING, as nft commands. Pure; any thread.
//
// There Docker drops what comes from elsewhere than the bridge and asks for a container's own address, one rule for each
// container, unless the network was made with gateway_mode nat-unprotected. berthd makes its networks so, but a network that
// was made under an older Docker, which took the word and forgot it, is protected from the day of the upgrade on. One rule of
// ours for each subnet then goes right before Docker's first: behind what the operator has there. It is there as long as
// one of Docker's is, and bears the mark of all of ours. Docker leaves it alone: through iptables it takes out what it put in.
//
// Not in the tables of Docker's nftables backend (docker-bridges): Docker empties a chain there whenever it changes it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/ruleset.h"

namespace berth::firewall {

// As docker_user_commands(), of which see the words.
std::string docker_raw_commands(const Ruleset& rules, const std::vector<NetworkSite>& sites,
                                const std::set<std::string>& keep);

}  // namespace berth::firewall
