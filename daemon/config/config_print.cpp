// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_print.h"

#include "daemon/config/words.h"

namespace berth {

std::string print_network(const NetworkConfig& network) {
  std::string out = "network " + network.name + "\n";
  const auto line = [&](const std::string& text) { out += " " + text + "\n"; };
  line("driver " + network.driver);
  if (!network.docker_network.empty()) line("docker-network " + network.docker_network);
  for (const SubnetConfig& each : network.subnets) {
    line("subnet " + each.subnet.to_string());
    if (each.gateway) line("gateway " + each.gateway->to_string());
    if (each.ip_range) line("ip-range " + each.ip_range->to_string());
  }
  line("advertise " + std::string(to_string(network.advertise)));
  if (network.tag) line("tag " + std::to_string(network.tag));
  if (network.mtu) line("mtu " + std::to_string(network.mtu));
  if (network.max_containers) line("max-containers " + std::to_string(network.max_containers));
  if (network.nat_lenient) line("nat-check lenient");
  for (const LabelKind label : network.allow_labels) {
    std::string text = "allow label " + std::string(to_string(label));
    if (label == LabelKind::Tag)
      for (const std::uint32_t tag : network.allow_tags) text += " " + std::to_string(tag);
    line(text);
  }
  for (const AllowedPrefix& each : network.allow_prefixes)
    line("allow prefix " + each.prefix.to_string() + " ge " + std::to_string(each.ge) + " le " +
         std::to_string(each.le));
  return out + "exit\n";
}

std::string print_config(const Config& config) {
  const Config defaults;
  std::string out = "!\n";
  if (!config.hostname.empty()) out += "hostname " + config.hostname + "\n";
  out += "log " + config.log.target + " " + config.log.level + "\n";
  out += "zebra socket " + config.zebra.socket + "\n";
  out += "zebra grace-time " + std::to_string(config.zebra.grace_seconds) + "\n";
  if (config.zebra.hold_seconds != defaults.zebra.hold_seconds)
    out += "zebra hold-time " + std::to_string(config.zebra.hold_seconds) + "\n";
  if (config.vty.socket != defaults.vty.socket) out += "vty socket " + config.vty.socket + "\n";
  if (config.vty.max_clients != defaults.vty.max_clients)
    out += "vty clients " + std::to_string(config.vty.max_clients) + "\n";
  for (const Prefix& each : config.fabric) out += "fabric " + each.to_string() + "\n";
  for (const RuntimeConfig& each : config.runtimes) out += "runtime " + each.kind + " " + each.address + "\n";
  if (config.max_routes != defaults.max_routes) out += "limit routes " + std::to_string(config.max_routes) + "\n";
  for (const auto& [name, network] : config.networks) out += "!\n" + print_network(network);
  return out + "!\nend\n";
}

}  // namespace berth
