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

// Is an address left for a container? Docker takes the gateway out of the range, too, where none is said.
bool has_room(const SubnetConfig& each) {
  const Prefix& range = each.ip_range ? *each.ip_range : each.subnet;
  const unsigned bits = range.address().bits() - range.length();
  unsigned left = 1u << std::min(bits, 8u);
  if (is_subnet_edge(each.subnet, range.address())) --left;
  if (bits > 0 && is_subnet_edge(each.subnet, range.last())) --left;
  if (left > 0 && (!each.gateway || range.contains(*each.gateway))) --left;
  return left > 0;
}

// --- lines that one driver alone knows ---

using Values = std::set<std::string>;  // of one keyword: what stands behind it, for each line

std::string rest_of(const OptionWords& words, std::size_t from) {
  std::string out;
  for (std::size_t at = from; at < words.size(); ++at) out += (at == from ? "" : " ") + words[at];
  return out;
}

// A keyword without a line has no entry: networks are compared.
void put(NetworkConfig& network, const std::string& keyword, Values values) {
  if (values.empty())
    network.options.erase(keyword);
  else
    network.options[keyword] = std::move(values);
}

// What is left without the lines that this one would replace.
Values without(Values values, Times times, const std::string& name) {
  if (times == Times::Once) return {};
  if (times == Times::ForEachValue) return values.erase(name), values;
  std::erase_if(values, [&](const std::string& each) { return each == name || each.starts_with(name + " "); });
  return values;
}

// Of "aux-address NAME ADDRESS": "no aux-address NAME [ADDRESS]"; of "parent IF": "no parent [IF]"; what may be left out
// already stays so.
std::string unset_syntax(const std::string& syntax, Times times) {
  std::size_t end = syntax.find(' ');
  if (times == Times::ForEachName && end != std::string::npos) end = syntax.find(' ', end + 1);
  std::string kept = "no " + syntax.substr(0, end);
  if (end == std::string::npos) return kept;
  const std::string rest = syntax.substr(end + 1);
  return kept + (rest.starts_with("[") ? " " + rest : " [" + rest + "]");
}

}  // namespace

std::set<std::string> all_said(const NetworkConfig& network, const std::string& keyword) {
  const auto found = network.options.find(keyword);
  return found == network.options.end() ? Values{} : found->second;
}

std::optional<std::string> said(const NetworkConfig& network, const std::string& keyword) {
  const Values all = all_said(network, keyword);
  return all.empty() ? std::nullopt : std::optional(*all.begin());
}

bool is_gateway_of(const Prefix& subnet, const IpAddress& address) {
  return subnet.contains(address) && !is_subnet_edge(subnet, address);
}

NetworkOption docker_network_option(std::string_view driver) {
  return {"docker-network NAME",
          "Take a Docker network as it is, never make one\nIts name in Docker",
          [of = std::string(driver)](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
            if (!is_docker_name(words[1]) || (is_predefined_network(words[1]) && words[1] != of))
              return OptionMistake{1,
                                   "the name of a Docker network of its driver " + of + ": letters, digits, and - _ ."};
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

void room_gaps(const NetworkConfig& config, std::vector<std::string>* out) {
  for (const SubnetConfig& each : config.subnets)
    if (!has_room(each))
      out->push_back("an ip-range that leaves an address for a container of network " + config.name + ": " +
                     (each.ip_range ? *each.ip_range : each.subnet).to_string() + " does not");
}

void range_gaps(const NetworkConfig& config, std::vector<std::string>* out) {
  for (const SubnetConfig& each : config.subnets)
    if (!each.ip_range)
      out->push_back("an ip-range of " + each.subnet.to_string() + " in network " + config.name +
                     ": each host hands out another part of it");
}

NetworkOption plain_option(const std::string& syntax, const std::string& help, Times times, const OptionCheck& check) {
  const std::string keyword = syntax.substr(0, syntax.find(' '));
  NetworkOption out;
  out.syntax = syntax;
  out.help = help;
  out.set = [=](NetworkConfig& network, const OptionWords& words, bool live) -> Mistake {
    if (auto mistake = check ? check(network, words) : Mistake{}) return mistake;
    const Values before = all_said(network, keyword);
    Values now = without(before, times, words.size() > 1 ? words[1] : "");
    if (!live && now.size() != before.size())
      return times == Times::Once          ? OptionMistake{0, "one " + keyword + " line"}
             : times == Times::ForEachName ? OptionMistake{1, "one " + keyword + " line for each name"}
                                           : OptionMistake{0, "each " + keyword + " line once"};
    now.insert(rest_of(words, 1));
    put(network, keyword, std::move(now));
    return {};
  };
  out.unset_syntax = unset_syntax(syntax, times);
  out.unset_help = "Take back\n" + help;
  out.unset = [=](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
    const Values before = all_said(network, keyword);
    Values now = without(before, words.size() > 2 ? times : Times::Once, words.size() > 2 ? words[2] : "");
    if (times != Times::Once && words.size() > 2 && now.size() == before.size())
      return OptionMistake{2, "one that was said (" + syntax + ")"};
    put(network, keyword, std::move(now));
    return {};
  };
  out.print = [=](const NetworkConfig& network) {
    Lines lines;
    for (const std::string& each : all_said(network, keyword))
      lines.push_back(rest_of(each.empty() ? OptionWords{keyword} : OptionWords{keyword, each}, 0));
    return lines;
  };
  return out;
}

}  // namespace berth
