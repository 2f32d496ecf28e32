// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/rules_reader.h"

#include "container_watcher/netlink/ruleset_generation.h"

namespace berth::firewall {

// What has the number of the last time is what was read then: most looks are for links and addresses. (And libnftables
// 1.0.6 loses some memory at each listing with a rule of iptables that it can't print.)
Result<bool> RulesReader::read() {
  const auto generation = ruleset_generation();  // before the listing: what changes meanwhile is read again
  if (generation && generation == generation_) return false;
  generation_.reset();
  const auto listing = nft_.run("list ruleset");
  if (!listing) return listing.error();
  rules_ = std::make_shared<Ruleset>(parse_ruleset(*listing));
  known_ = true;
  generation_ = generation;
  return true;
}

}  // namespace berth::firewall
