// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be said of an overlay.
#include <algorithm>

#include "container_watcher/attach/link_checks.h"
#include "container_watcher/attach/options.h"
#include "container_watcher/attach/overlay/overlay_driver.h"
#include "core/names.h"
#include "core/number.h"

namespace berth {

namespace {

constexpr const char* kGatewayMac = "gateway-mac";  // what `gateway ADDRESS mac MAC` keeps beside the address

// One bridge has the gateways of both families, and one MAC address.
NetworkOption gateway_with_mac() {
  NetworkOption out = gateway_option("The containers' router: the same on every host");
  out.syntax += " [mac MAC]";
  out.help += "\nThe bridge's MAC address, the same on every host; made of the VNI where nothing is said\nX:X:X:X:X:X";
  out.set = [set = out.set](NetworkConfig& network, const OptionWords& words,
                            bool live) -> std::optional<OptionMistake> {
    const Mac mac = words.size() > 3 ? parse_mac(words[3]) : 0;
    if (words.size() > 3 && !is_one_machine(mac))
      return OptionMistake{3, "the MAC address of one machine, X:X:X:X:X:X"};
    const auto before = said(network, kGatewayMac);
    if (mac != 0 && before && *before != mac_text(mac) && !live)
      return OptionMistake{3, "the MAC address that was said before, " + *before + ": the bridge has one"};
    if (auto mistake = set(network, {words[0], words[1]}, live)) return mistake;
    if (mac != 0) network.options[kGatewayMac] = {mac_text(mac)};
    return {};
  };
  out.unset = [unset = out.unset](NetworkConfig& network, const OptionWords& words,
                                  bool live) -> std::optional<OptionMistake> {
    if (auto mistake = unset(network, words, live)) return mistake;
    if (std::ranges::none_of(network.subnets, [](const SubnetConfig& each) { return each.gateway.has_value(); }))
      network.options.erase(kGatewayMac);
    return {};
  };
  out.print = [print = out.print](const NetworkConfig& network) {
    std::vector<std::string> lines = print(network);
    const auto mac = said(network, kGatewayMac);
    if (mac && !lines.empty()) lines.front() += " mac " + *mac;
    return lines;
  };
  return out;
}

}  // namespace

OverlayLines::OverlayLines(const NetworkConfig& config) {
  vni = parse_number<std::uint32_t>(said(config, "vni").value_or("")).value_or(0);
  if (const auto address = said(config, "vtep")) vtep = IpAddress::parse(*address);
  gateway_mac = parse_mac(said(config, kGatewayMac).value_or(""));
  if (gateway_mac == 0) gateway_mac = local_mac("vni " + std::to_string(vni));
  bridge = our_bridge(config);
  tunnel = link_name("vx-", config.name);
  spare = link_name("vs-", config.name);
  spare_end = link_name("vy-", config.name);
}

const std::vector<NetworkOption>& OverlayDriver::options() const {
  static const std::vector<NetworkOption> kOptions = {
      plain_option("vni (1-16777215)", "The segment's number, the same on every host\nVXLAN network identifier"),
      plain_option("vtep ADDRESS",
                   "This host's address in the underlay; the loopback's, where nothing is said\nA.B.C.D or X:X::X:X"),
      gateway_with_mac(),
      ip_range_option(),
      mtu_option("MTU of the containers; what the uplinks carry less the tunnel's header, where nothing is said"),
      plain_option(kRouteBetween, "Let what is routed pass between this overlay and others that say the same"),
      nat_check_option(),
  };
  return kOptions;
}

std::vector<std::string> OverlayDriver::gaps(const NetworkConfig& config) const {
  std::vector<std::string> out;
  const std::string of = "network " + config.name;
  if (OverlayLines(config).vni == 0) out.push_back("a vni for " + of + " (vni N)");
  if (!config.docker_network.empty()) out.push_back("no docker-network for " + of + ": its bridge is berthd's");
  if (config.docker_network.empty() && !config.plugged && is_predefined_network(config.name))
    out.push_back("another name: Docker makes no network " + config.name);
  for (const SubnetConfig& each : config.subnets)
    if (!each.gateway)
      out.push_back("a gateway in " + each.subnet.to_string() + " for " + of + ": berthd's bridge has it (gateway …)");
  room_gaps(config, &out);
  range_gaps(config, &out);
  return out;
}

}  // namespace berth
