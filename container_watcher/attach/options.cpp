// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/options.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "core/names.h"
#include "core/number.h"
#include "core/reserved.h"

namespace berth {
namespace {

using Mistake = std::optional<OptionMistake>;
using Lines = std::vector<std::string>;

constexpr const char* kSubnetFirst = "a subnet of the same family before it (subnet …)";

SubnetConfig* subnet_of_family(NetworkConfig& network, bool v4) {
  for (SubnetConfig& each : network.subnets)
    if (each.subnet.is_v4() == v4) return &each;
  return nullptr;
}

Mistake set_gateway(NetworkConfig& network, const OptionWords& words, bool) {
  const IpAddress address = *IpAddress::parse(words[1]);
  SubnetConfig* of = subnet_of_family(network, address.is_v4());
  if (!of) return OptionMistake{1, kSubnetFirst};
  const std::string subnet = of->subnet.to_string();
  if (!of->subnet.contains(address)) return OptionMistake{1, "an address inside of " + subnet};
  if (!is_gateway_of(of->subnet, address))
    return OptionMistake{1, std::string("another address: this one is the ") +
                                (address == of->subnet.address() ? "first" : "last") + " of " + subnet +
                                ", which Docker gives to nobody"};
  of->gateway = address;
  return {};
}

Mistake unset_gateway(NetworkConfig& network, const OptionWords& words, bool) {
  SubnetConfig* of = subnet_of_family(network, IpAddress::parse(words[2])->is_v4());
  if (!of) return OptionMistake{2, kSubnetFirst};
  of->gateway.reset();
  return {};
}

Mistake set_ip_range(NetworkConfig& network, const OptionWords& words, bool) {
  const Prefix range = *Prefix::parse(words[1]);
  SubnetConfig* of = subnet_of_family(network, range.is_v4());
  if (!of) return OptionMistake{1, kSubnetFirst};
  if (!of->subnet.contains(range)) return OptionMistake{1, "a prefix inside of " + of->subnet.to_string()};
  of->ip_range = range;
  return {};
}

Mistake unset_ip_range(NetworkConfig& network, const OptionWords& words, bool) {
  SubnetConfig* of = subnet_of_family(network, Prefix::parse(words[2])->is_v4());
  if (!of) return OptionMistake{2, kSubnetFirst};
  of->ip_range.reset();
  return {};
}

// The words from that one on, as they stand in a line.
std::string rest_of(const OptionWords& words, std::size_t from) {
  std::string out;
  for (std::size_t at = from; at < words.size(); ++at) out += (at == from ? "" : " ") + words[at];
  return out;
}

void erase_name(std::set<std::string>& values, const std::string& name) {
  std::erase_if(values, [&](const std::string& each) { return each == name || each.starts_with(name + " "); });
}

}  // namespace

bool is_gateway_of(const Prefix& subnet, const IpAddress& address) {
  return subnet.contains(address) && !is_subnet_edge(subnet, address);
}

NetworkOption docker_network_option(std::string_view driver) {
  return {
      "docker-network NAME",
      "Take a Docker network as it is, never make one\nIts name in Docker",
      [of = std::string(driver)](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
        if (!is_docker_name(words[1]) || (is_predefined_network(words[1]) && words[1] != of))
          return OptionMistake{1, "the name of a Docker network of its driver " + of + ": letters, digits, and - _ ."};
        network.docker_network = words[1];
        return {};
      },
      "no docker-network [NAME]",
      "Take back\nMake the Docker network\nIts name in Docker",
      [](NetworkConfig& network, const OptionWords&, bool) -> Mistake {
        network.docker_network = {};
        return {};
      },
      [](const NetworkConfig& network) {
        return network.docker_network.empty() ? Lines{} : Lines{"docker-network " + network.docker_network};
      }};
}

NetworkOption gateway_option(const std::string& help) {
  return {"gateway ADDRESS",
          help + "\nA.B.C.D or X:X::X:X",
          set_gateway,
          "no gateway ADDRESS",
          "Take back\nLet the runtime choose\nA.B.C.D or X:X::X:X",
          unset_gateway,
          [](const NetworkConfig& network) {
            Lines out;
            for (const SubnetConfig& each : network.subnets)
              if (each.gateway) out.push_back("gateway " + each.gateway->to_string());
            return out;
          }};
}

NetworkOption ip_range_option() {
  return {"ip-range PREFIX",
          "What the runtime may give to containers\nA.B.C.D/M or X:X::X:X/M, inside of the subnet",
          set_ip_range,
          "no ip-range PREFIX",
          "Take back\nUse the whole subnet\nA.B.C.D/M or X:X::X:X/M",
          unset_ip_range,
          [](const NetworkConfig& network) {
            Lines out;
            for (const SubnetConfig& each : network.subnets)
              if (each.ip_range) out.push_back("ip-range " + each.ip_range->to_string());
            return out;
          }};
}

NetworkOption mtu_option(const std::string& help) {
  return {
      "mtu (1280-65535)",
      help + "\nBytes",
      [](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
        network.mtu = parse_number<std::uint32_t>(words[1]).value_or(0);  // the grammar let no other through
        return {};
      },
      "no mtu [(1280-65535)]",
      "Take back\nUse the runtime's MTU\nBytes",
      [](NetworkConfig& network, const OptionWords&, bool) -> Mistake {
        network.mtu = 0;
        return {};
      },
      [](const NetworkConfig& network) { return network.mtu ? Lines{"mtu " + std::to_string(network.mtu)} : Lines{}; }};
}

NetworkOption nat_check_option() {
  return {"nat-check <strict|lenient>",
          "What a NAT that can't be judged does\nIt holds the network back, the default\nIt is told",
          [](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
            network.nat_lenient = words[1] == "lenient";
            return {};
          },
          "no nat-check [<strict|lenient>]",
          "Take back\nHold the network back\nIt holds the network back\nIt is told",
          [](NetworkConfig& network, const OptionWords&, bool) -> Mistake {
            network.nat_lenient = false;
            return {};
          },
          [](const NetworkConfig& network) { return network.nat_lenient ? Lines{"nat-check lenient"} : Lines{}; }};
}

NetworkOption plain_option(const std::string& syntax, const std::string& help, Times times, OptionCheck check) {
  const std::string word = syntax.substr(0, syntax.find(' '));
  const std::string rest = syntax.substr(std::min(word.size() + 1, syntax.size()));
  NetworkOption out;
  out.syntax = syntax;
  out.help = help;
  out.set = [=, check = std::move(check)](NetworkConfig& network, const OptionWords& words, bool live) -> Mistake {
    if (check)
      if (auto mistake = check(network, words)) return mistake;
    const auto known = network.options.find(word);
    const std::set<std::string> before = known == network.options.end() ? std::set<std::string>{} : known->second;
    std::set<std::string> now = times == Times::Once ? std::set<std::string>{} : before;
    if (times == Times::ForEachName) erase_name(now, words[1]);
    if (!live && now.size() != before.size())
      return times == Times::Once ? OptionMistake{0, "one " + word + " line"}
                                  : OptionMistake{1, "one " + word + " line for each name"};
    now.insert(rest_of(words, 1));
    network.options[word] = std::move(now);
    return {};
  };
  const std::string name = times == Times::Once ? "" : rest.substr(0, rest.find(' '));
  const std::string more = name.empty() ? rest : rest.substr(std::min(name.size() + 1, rest.size()));
  out.unset_syntax = "no " + word + (name.empty() ? "" : " " + name) + (more.empty() ? "" : " [" + more + "]");
  out.unset_help = "Take back\n" + help;
  out.unset = [=](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
    const auto values = network.options.find(word);
    if (times == Times::ForEachName) {
      const std::size_t before = values == network.options.end() ? 0 : values->second.size();
      if (before) erase_name(values->second, words[2]);
      if (!before || values->second.size() == before) return OptionMistake{2, "one that was said (" + syntax + ")"};
      if (!values->second.empty()) return {};
    }
    if (values != network.options.end()) network.options.erase(values);
    return {};
  };
  out.print = [=](const NetworkConfig& network) {
    Lines lines;
    if (const auto values = network.options.find(word); values != network.options.end())
      for (const std::string& each : values->second) lines.push_back(each.empty() ? word : word + " " + each);
    return lines;
  };
  return out;
}

}  // namespace berth
