// SPDX-License-Identifier: GPL-2.0-or-later
//
// What all rules of ours have in common beside their mark (core/names.h): whose each is, when two are the same. Private to
// firewall/. Pure; any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/attach/network_site.h"
#include "container_watcher/firewall/ruleset.h"

namespace berth::firewall {

// What stands for a network in a comment: its name, or the beginning of it and a sum of the whole.
std::string owner_of(const std::string& network);

std::set<std::string> owners_of(const std::set<std::string>& networks);

// Names that would end the words of a rule: nothing is written of such a network.
bool can_be_written(const NetworkSite& site);

// A rule that there should be.
struct OurRule {
  std::string owner, text;
  Rule rule;
};
// `match`: the words of what it is about.
OurRule our_rule(const NetworkSite& site, const std::string& match, const std::string& verdict);
inline OurRule accept_rule(const NetworkSite& site, const std::string& match) {
  return our_rule(site, match, "accept");
}
// Is that one there, as nft prints it?
bool is_there(const OurRule& wanted, const Rule& rule);
// Whether a rule of this owner that is not wanted goes: its network is known, or nothing is to be kept of it. `keep`: owners.
bool goes(const std::string& owner, const std::vector<NetworkSite>& sites, const std::set<std::string>& keep);

}  // namespace berth::firewall
