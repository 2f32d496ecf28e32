// SPDX-License-Identifier: GPL-2.0-or-later
//
// What all rules of ours have in common beside their mark (core/names.h): whose each is, when two are the same. Private to
// firewall/. Pure; any thread.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/ruleset.h"

namespace berth::firewall {

// What stands for a network in a comment: its name, or the beginning of it and a sum of the whole.
std::string owner_of(const std::string& network);

// Names that would end the words of a rule: nothing is written of such a network.
bool can_be_written(const NetworkSite& site);

// As nft prints them.
std::vector<Statement> normal(std::vector<Statement> statements);

}  // namespace berth::firewall
