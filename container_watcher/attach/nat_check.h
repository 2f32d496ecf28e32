// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reads what nftables has in force and says whether a bridge's traffic is translated. Pure; any thread. What it can't
// judge counts as NAT that is on: a network is advertised only when it is certain that its sources stay (DESIGN).
#pragma once

#include <string>
#include <string_view>

#include "core/facts.h"
#include "core/ip.h"

namespace berth {

struct NatVerdict {
  Nat nat = Nat::Unknown;
  std::string rule;  // the rule that translates
};

// `ruleset` as `nft list ruleset` prints it.
NatVerdict check_nat(std::string_view ruleset, const Prefix& subnet, const std::string& bridge);
// Is there a rule with this comment?
bool has_comment(std::string_view ruleset, const std::string& comment);

}  // namespace berth
