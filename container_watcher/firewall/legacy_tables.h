// SPDX-License-Identifier: GPL-2.0-or-later
//
// Does iptables-legacy have rules here? libnftables does not see them, so a verdict without them would be worth
// nothing. Asks the kernel (getsockopt IPT_SO_GET_INFO) about the tables that are loaded in this network namespace; it
// loads none. Blocks shortly; the worker's thread.
#pragma once

#include <string>
#include <vector>

namespace berth::firewall {

// Tables with a rule, or with a policy that drops: "ip filter", "ip6 nat". Empty: none, or no such kernel support.
std::vector<std::string> legacy_tables_in_use();

}  // namespace berth::firewall
