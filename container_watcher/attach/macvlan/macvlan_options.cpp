// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be said of a network of macvlans.
#include <algorithm>

#include "container_watcher/attach/macvlan/macvlan_driver.h"
#include "container_watcher/attach/options.h"
#include "core/names.h"
#include "core/number.h"
#include "core/reserved.h"

namespace berth {
namespace {

constexpr const char* kInternal = "internal";
// A port of a switch, of a cloud's or of a hypervisor's network learns so many MAC addresses and no more.
constexpr std::uint32_t kMacLimit = 512;

MacvlanMode mode_of(const std::string& word) {
  if (word == "vepa") return MacvlanMode::Vepa;
  if (word == "private") return MacvlanMode::Private;
  if (word == "passthru") return MacvlanMode::Passthru;
  return MacvlanMode::Bridge;
}

const SubnetConfig* subnet_of(const NetworkConfig& config, const IpAddress& address) {
  for (const SubnetConfig& each : config.subnets)
    if (each.subnet.contains(address)) return &each;
  return nullptr;
}

// Why it can't be an address of the network.
std::optional<std::string> misplaced(const NetworkConfig& config, const IpAddress& address) {
  const SubnetConfig* of = subnet_of(config, address);
  if (!of) return "an address inside of a subnet that was said before it (subnet …)";
  if (is_subnet_edge(of->subnet, address))
    return "another address: this one is the first or last of " + of->subnet.to_string();
  return {};
}

std::optional<OptionMistake> in_a_subnet(const NetworkConfig& config, const OptionWords& words, std::size_t at) {
  if (words.size() <= at) return {};
  const auto why = misplaced(config, *IpAddress::parse(words[at]));
  return why ? std::optional(OptionMistake{at, *why}) : std::nullopt;
}

}  // namespace

MacvlanLines::MacvlanLines(const NetworkConfig& config) {
  parent = said(config, "parent").value_or("");
  internal = parent == kInternal;
  mode = mode_of(said(config, "mode").value_or("bridge"));
  for (const std::string& each : all_said(config, "shim")) {
    shim = true;
    if (const auto address = IpAddress::parse(each)) shim_addresses.push_back(*address);
  }
  if (!internal) mac_limit = parse_number<std::uint32_t>(said(config, "mac-limit").value_or("")).value_or(kMacLimit);
  if (internal) parent = link_name("mp-", config.name);
  if (internal) host = link_name("mv-", config.name);
  if (shim) host = link_name("ms-", config.name);
}

const std::vector<NetworkOption>& MacvlanDriver::options() const {
  static const std::vector<NetworkOption> kOptions = {
      docker_network_option("macvlan"),
      plain_option(
          "parent IF",
          "What the containers' macvlans stand on\nAn interface, or: internal, a link of berth's own that this "
          "host routes to",
          Times::Once,
          [](const NetworkConfig&, const OptionWords& words) -> std::optional<OptionMistake> {
            if (is_link_name(words[1])) return {};
            return OptionMistake{1, "the name of an interface, or internal"};
          }),
      plain_option("mode <bridge|vepa|private|passthru>",
                   "Whom the containers of one parent reach\nEach other\nEach other, by a switch that reflects\n"
                   "Not each other\nThere is one alone, and it has the parent's MAC address"),
      gateway_option("The router of the containers"),
      ip_range_option(),
      plain_option("aux-address NAME ADDRESS", "An address that no container gets\nWhose it is\nA.B.C.D or X:X::X:X",
                   Times::ForEachName,
                   [](const NetworkConfig& config, const OptionWords& words) { return in_a_subnet(config, words, 2); }),
      plain_option("shim [ADDRESS]",
                   "This host gets a macvlan on the parent: it and the containers reach each other by it\n"
                   "An address of its own there, one line for each",
                   Times::ForEachValue,
                   [](const NetworkConfig& config, const OptionWords& words) { return in_a_subnet(config, words, 1); }),
      plain_option("mac-limit (1-65535)",
                   "How many MAC addresses the parent may carry: what its switch learns, 512 where nothing is said\n"
                   "Containers beyond are not advertised"),
      mtu_option("MTU of the links that berthd makes (parent internal)"),
      nat_check_option(),
  };
  return kOptions;
}

std::vector<std::string> MacvlanDriver::gaps(const NetworkConfig& config) const {
  const MacvlanLines lines(config);
  const std::string of = "network " + config.name;
  std::vector<std::string> out;
  if (lines.parent.empty()) return {"a parent for " + of + " (parent IF, or parent internal)"};
  if (config.docker_network.empty() && !config.plugged && is_predefined_network(config.name))
    out.push_back("another name: Docker makes no network " + config.name);
  for (const char* keyword : {"shim", "aux-address"})
    for (const std::string& each : all_said(config, keyword))
      if (const auto address = IpAddress::parse(each.substr(each.find(' ') + 1));
          address && misplaced(config, *address))
        out.push_back("another " + std::string(keyword) + " for " + of + ": no subnet of it has " +
                      address->to_string() + " for a machine");
  if (lines.internal) {
    for (const SubnetConfig& each : config.subnets)
      if (!each.gateway)
        out.push_back("a gateway in " + each.subnet.to_string() + " for " + of +
                      ": with parent internal this host has it (gateway …)");
    if (lines.shim) out.push_back("no shim for " + of + ": with parent internal this host is on it already");
    if (lines.mode == MacvlanMode::Passthru) out.push_back("another mode for " + of + ": passthru has one container");
    return out;
  }
  if (config.mtu != 0) out.push_back("no mtu for " + of + ": its containers have their parent's");
  if (lines.shim && lines.mode == MacvlanMode::Passthru)
    out.push_back("another mode for " + of + ", or no shim: passthru leaves no place for it on the parent");
  if (lines.shim && lines.mode == MacvlanMode::Private)
    out.push_back("another mode for " + of + ", or no shim: private keeps it from the containers, too");
  if ((advertises_host(config.advertise) || config.allow_labels.contains(LabelKind::Advertise)) && !lines.shim)
    out.push_back("a way from this host to its containers for " + of + " (shim, or parent internal)");
  if (!advertises_subnet(config.advertise)) return out;
  // Others are on the segment, and have a router there: only that one may tell the fabric of it.
  for (const SubnetConfig& each : config.subnets)
    if (!each.gateway || std::ranges::find(lines.shim_addresses, *each.gateway) == lines.shim_addresses.end())
      out.push_back(
          "advertise host for " + of + ": the subnet " + each.subnet.to_string() +
          " is its router's to advertise, and this host is that only where the shim has the gateway's address");
  return out;
}

}  // namespace berth
