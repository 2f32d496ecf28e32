// SPDX-License-Identifier: GPL-2.0-or-later
//
// Lines of `network NAME` that several kinds of attachment take, each defined once; a driver lists those that it takes in its
// options(). Pure; any thread.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/ip.h"
#include "core/network_option.h"

namespace berth {

// `docker-network NAME`. `driver`: Docker's word for the kind of network that can be taken.
NetworkOption docker_network_option(std::string_view driver);
NetworkOption gateway_option(const std::string& help);  // `gateway ADDRESS`; the help says whose address it is
NetworkOption ip_range_option();
NetworkOption mtu_option(const std::string& help);  // `mtu BYTES`; the help says whose MTU it is
NetworkOption nat_check_option();

// An ip-range, or a subnet without one, that leaves nothing for a container.
void room_gaps(const NetworkConfig& config, std::vector<std::string>* out);
// No ip-range, where other hosts hand out addresses of the same subnets.
void range_gaps(const NetworkConfig& config, std::vector<std::string>* out);

// Can the router of this subnet have this address?
bool is_gateway_of(const Prefix& subnet, const IpAddress& address);

// How often a driver's own line may stand in a network.
enum class Times {
  Once,          // `parent IF`
  ForEachName,   // `aux-address NAME ADDRESS`: one line for each NAME, which is the first word behind the keyword
  ForEachValue,  // `shim [ADDRESS]`: any number of different lines
};
// What the grammar can't say of the line's words; nothing: they are right. It may look at the subnets, which stand before it in
// a file. What a later line can make wrong is a gap of the driver besides.
using OptionCheck = std::function<std::optional<OptionMistake>(const NetworkConfig&, const OptionWords&)>;

// A whole row for a line that one driver alone knows. It is kept in NetworkConfig::options as it was said, below its first
// word, from where the driver reads it; the row knows how to take it back and how to print it. `help`: one line for each token
// of the syntax.
NetworkOption plain_option(const std::string& syntax, const std::string& help, Times times = Times::Once,
                           const OptionCheck& check = nullptr);
// What stands behind the keyword of such a line; nothing: it was not said.
std::optional<std::string> said(const NetworkConfig& network, const std::string& keyword);
std::set<std::string> all_said(const NetworkConfig& network, const std::string& keyword);  // of each of its lines

}  // namespace berth
