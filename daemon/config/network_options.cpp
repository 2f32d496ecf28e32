// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/network_options.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "container_watcher/attach/options.h"
#include "core/names.h"
#include "core/number.h"
#include "core/reserved.h"
#include "daemon/config/words.h"

namespace berth {
namespace {

using Mistake = std::optional<OptionMistake>;
using Lines = std::vector<std::string>;
using Drivers = std::vector<const Driver*>;

std::uint32_t number(const std::string& word) {
  return parse_number<std::uint32_t>(word).value_or(0);  // the grammar let no other through
}

// --- driver ---

std::set<std::string> lines_of(const NetworkConfig& network, const Driver& driver) {
  std::set<std::string> out;
  for (const NetworkOption& option : driver.options())
    for (std::string& line : option.print(network)) out.insert(std::move(line));
  return out;
}

// What is set and this driver does not take. It has to be taken back before the driver changes: afterwards `no …` of such a
// line would be of another driver, and a line that nobody prints would be lost by the next `write`.
std::set<std::string> foreign_lines(const NetworkConfig& network, const Drivers& drivers, const Driver& now) {
  std::set<std::string> out;
  for (const Driver* other : drivers) out.merge(lines_of(network, *other));
  for (const std::string& line : lines_of(network, now)) out.erase(line);
  return out;
}

Mistake change_driver(NetworkConfig& network, const Drivers& drivers, const std::string& name) {
  const auto driver =
      std::find_if(drivers.begin(), drivers.end(), [&](const Driver* each) { return each->name() == name; });
  std::string foreign;
  if (driver != drivers.end())
    for (const std::string& line : foreign_lines(network, drivers, **driver))
      foreign += (foreign.empty() ? "" : ", ") + line;
  if (!foreign.empty())
    return OptionMistake{1, "a network without what driver " + name + " does not take; take back first: " + foreign};
  network.driver = name;
  return {};
}

NetworkOption driver_option(const Drivers& drivers) {
  std::vector<std::string> names;
  std::string helps;
  for (const Driver* each : drivers) {
    names.emplace_back(each->name());
    helps += "\n" + std::string(each->help());
  }
  return {"driver " + one_of(names),
          "How containers are attached" + helps,
          [drivers](NetworkConfig& network, const OptionWords& words, bool) {
            return change_driver(network, drivers, words[1]);
          },
          "no driver [" + one_of(names) + "]",
          "Take back\nUse the runtime's bridge" + helps,
          [drivers](NetworkConfig& network, const OptionWords&, bool) {
            return change_driver(network, drivers, NetworkConfig{}.driver);
          },
          [](const NetworkConfig& network) { return Lines{"driver " + network.driver}; }};
}

// --- runtime ---

NetworkOption runtime_option() {
  return {"runtime NAME",
          "Whose network it is; without a line, the first runtime's\nName of a runtime",
          [](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
            if (!is_network_name(words[1]))
              return OptionMistake{1, "the name of a runtime: a letter or digit, and at most " +
                                          std::to_string(kLongestName) + " letters, digits, and - _ . in all"};
            network.runtime = words[1];
            return {};
          },
          "no runtime [NAME]",
          "Take back\nIt is the first runtime's\nName of the runtime",
          [](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
            if (words.size() > 2 && network.runtime != words[2]) return OptionMistake{2, "the runtime of this network"};
            network.runtime = {};
            return {};
          },
          [](const NetworkConfig& network) {
            return network.runtime.empty() ? Lines{} : Lines{"runtime " + network.runtime};
          }};
}

// --- subnet ---

OptionMistake reserved(std::size_t word, const Prefix& prefix, const ReservedRange& range) {
  const std::string what = range.prefix.to_string() + " (" + std::string(range.what) + ")";
  return {word, "addresses that containers can have: " + prefix.to_string() +
                    (range.prefix.contains(prefix) ? " is of " + what : " has " + what + " in it")};
}

// Judged as the policy, the module and Docker judge it later.
Mistake check_subnet(const Prefix& prefix) {
  if (prefix.is_default()) return OptionMistake{1, "a subnet: the default route is never advertised"};
  if (const ReservedRange* range = reserved_range(prefix)) return reserved(1, prefix, *range);
  if (prefix.length() > longest_subnet(prefix))
    return OptionMistake{1, "a subnet of at most /" + std::to_string(longest_subnet(prefix)) +
                                ", with an address for the gateway and one for a container"};
  return {};
}

Mistake set_subnet(NetworkConfig& network, const OptionWords& words, bool live) {
  const Prefix prefix = *Prefix::parse(words[1]);
  if (auto mistake = check_subnet(prefix)) return mistake;
  for (SubnetConfig& each : network.subnets) {
    if (each.subnet.is_v4() != prefix.is_v4()) continue;
    if (!live) return OptionMistake{1, "one subnet for each family"};
    each.subnet = prefix;
    if (each.gateway && !is_gateway_of(prefix, *each.gateway)) each.gateway.reset();
    if (each.ip_range && !prefix.contains(*each.ip_range)) each.ip_range.reset();
    return {};
  }
  network.subnets.push_back({prefix, {}, {}});
  return {};
}

Mistake unset_subnet(NetworkConfig& network, const OptionWords& words, bool) {
  const Prefix prefix = *Prefix::parse(words[2]);
  if (!std::erase_if(network.subnets, [&](const SubnetConfig& each) { return each.subnet == prefix; }))
    return OptionMistake{2, "a subnet of this network"};
  return {};
}

NetworkOption subnet_option() {
  return {"subnet PREFIX",
          "The addresses of this network, one prefix for each family\nA.B.C.D/M or X:X::X:X/M",
          set_subnet,
          "no subnet PREFIX",
          "Take back\nA prefix of this network, with its gateway and range\nA.B.C.D/M or X:X::X:X/M",
          unset_subnet,
          [](const NetworkConfig& network) {
            Lines out;
            for (const SubnetConfig& each : network.subnets) out.push_back("subnet " + each.subnet.to_string());
            return out;
          }};
}

// --- advertise, tag, max-containers, anycast ---

Advertise advertise_of(const std::string& word) {
  for (const Advertise each : {Advertise::Host, Advertise::Subnet, Advertise::Both})
    if (to_string(each) == word) return each;
  return Advertise::None;
}

NetworkOption advertise_option() {
  return {"advertise <host|subnet|both|none>",
          "What the fabric hears\nA route for each container\nThe subnet, from the first container to the "
          "last\nBoth\nNothing",
          [](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
            network.advertise = advertise_of(words[1]);
            return {};
          },
          "no advertise [<host|subnet|both|none>]",
          "Take back\nThe fabric hears nothing\nA route for each container\nThe subnet\nBoth\nNothing",
          [](NetworkConfig& network, const OptionWords&, bool) -> Mistake {
            network.advertise = Advertise::None;
            return {};
          },
          [](const NetworkConfig& network) { return Lines{"advertise " + std::string(to_string(network.advertise))}; }};
}

NetworkOption tag_option() {
  return {
      "tag (1-4294967295)",
      "The tag that FRR's route-map matches\nTag",
      [](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
        network.tag = number(words[1]);
        return {};
      },
      "no tag [(1-4294967295)]",
      "Take back\nThe tag that FRR's route-map matches\nTag",
      [](NetworkConfig& network, const OptionWords&, bool) -> Mistake {
        network.tag = 0;
        return {};
      },
      [](const NetworkConfig& network) { return network.tag ? Lines{"tag " + std::to_string(network.tag)} : Lines{}; }};
}

NetworkOption max_containers_option() {
  return {"max-containers (1-1000000)",
          "Containers of this network that are advertised at a time\nHow many",
          [](NetworkConfig& network, const OptionWords& words, bool) -> Mistake {
            network.max_containers = number(words[1]);
            return {};
          },
          "no max-containers [(1-1000000)]",
          "Take back\nNo bound but limit routes\nHow many",
          [](NetworkConfig& network, const OptionWords&, bool) -> Mistake {
            network.max_containers = 0;
            return {};
          },
          [](const NetworkConfig& network) {
            return network.max_containers ? Lines{"max-containers " + std::to_string(network.max_containers)} : Lines{};
          }};
}

NetworkOption anycast_option() {
  return {"anycast",
          "Addresses that another host advertises, too, are advertised all the same",
          [](NetworkConfig& network, const OptionWords&, bool) -> Mistake {
            network.anycast = true;
            return {};
          },
          "no anycast",
          "Take back\nAn address that another host advertises is refused",
          [](NetworkConfig& network, const OptionWords&, bool) -> Mistake {
            network.anycast = false;
            return {};
          },
          [](const NetworkConfig& network) { return network.anycast ? Lines{"anycast"} : Lines{}; }};
}

// --- allow label ---

LabelKind label_of(const std::string& word) {
  return word == "tag" ? LabelKind::Tag : word == "network" ? LabelKind::Network : LabelKind::Advertise;
}

Mistake unset_label(NetworkConfig& network, const OptionWords& words, bool) {
  network.allow_labels.erase(label_of(words[3]));
  if (words[3] == "tag") network.allow_tags.clear();
  return {};
}

Mistake unset_label_tags(NetworkConfig& network, const OptionWords& words, bool) {
  for (std::size_t at = 4; at < words.size(); ++at) network.allow_tags.erase(number(words[at]));
  // Without a number any tag of the configuration would do: that must be asked for.
  if (network.allow_tags.empty()) network.allow_labels.erase(LabelKind::Tag);
  return {};
}

Lines print_labels(const NetworkConfig& network) {
  Lines out;
  for (const LabelKind label : network.allow_labels) {
    out.push_back("allow label " + std::string(to_string(label)));
    if (label == LabelKind::Tag)
      for (const std::uint32_t tag : network.allow_tags) out.back() += " " + std::to_string(tag);
  }
  return out;
}

Mistake set_label(NetworkConfig& network, const OptionWords& words, bool) {
  network.allow_labels.insert(label_of(words[2]));
  for (std::size_t at = 3; at < words.size(); ++at) network.allow_tags.insert(number(words[at]));
  return {};
}

NetworkOption label_option() {
  return {
      "allow label <advertise|network>",
      "What containers may ask for\nBy a label\nberth.advertise=host or none\nberth.network=NAME, of those it is on",
      set_label,
      "no allow label <advertise|network|tag>",
      "Take back\nWhat containers may ask for\nBy a label\nberth.advertise=host or "
      "none\nberth.network=NAME\nberth.tag=N",
      unset_label,
      print_labels};
}

NetworkOption label_tag_option() {
  return {"allow label tag [(1-4294967295)]...",
          "What containers may ask for\nBy a label\nberth.tag=N\nThis tag; without one, any tag of the configuration",
          set_label,
          "no allow label tag (1-4294967295)...",
          "Take back\nWhat containers may ask for\nBy a label\nberth.tag=N\nThis tag",
          unset_label_tags,
          [](const NetworkConfig&) { return Lines{}; }};  // print_labels() does, all labels in one order
}

// --- allow prefix ---

// Where the word behind a keyword stands; 0: the keyword is not there.
std::size_t word_after(const OptionWords& words, const char* keyword) {
  const auto found = std::find(words.begin(), words.end(), keyword);
  return found == words.end() ? 0 : static_cast<std::size_t>(found - words.begin()) + 1;
}

// The prefix is the line's word of that index.
Mistake read_allowed(const OptionWords& words, std::size_t at, AllowedPrefix& out) {
  out.prefix = *Prefix::parse(words[at]);
  const unsigned low = out.prefix.length(), high = out.prefix.address().bits();
  const std::size_t ge = word_after(words, "ge"), le = word_after(words, "le");
  out.ge = low;
  out.le = ge && !le ? high : low;
  for (const auto& [word, to] : {std::pair{ge, &out.ge}, std::pair{le, &out.le}}) {
    if (!word) continue;
    *to = number(words[word]);
    if (*to < low || *to > high)
      return OptionMistake{word, "a number from " + std::to_string(low) + " to " + std::to_string(high)};
  }
  if (out.le < out.ge) return OptionMistake{le, "a number from " + std::to_string(out.ge) + " on"};
  return {};
}

// Only containers' addresses are judged by it: one that ends before their length allows nothing.
Mistake allow_prefix(NetworkConfig& network, const OptionWords& words, bool) {
  AllowedPrefix allowed;
  if (auto mistake = read_allowed(words, 2, allowed)) return mistake;
  const unsigned bits = allowed.prefix.address().bits();
  if (allowed.le < bits) {
    const std::size_t le = word_after(words, "le");
    return OptionMistake{le ? le : 2, (le ? "" : allowed.prefix.to_string() + " le ") + std::to_string(bits) +
                                          ", else no container's address can match"};
  }
  // One that takes in more than such a range allows the rest of it.
  if (const ReservedRange* range = reserved_range(allowed.prefix); range && range->prefix.contains(allowed.prefix))
    return reserved(2, allowed.prefix, *range);
  if (std::count(network.allow_prefixes.begin(), network.allow_prefixes.end(), allowed) == 0)
    network.allow_prefixes.push_back(allowed);
  return {};
}

Mistake no_allow_prefix(NetworkConfig& network, const OptionWords& words, bool) {
  AllowedPrefix allowed;
  if (auto mistake = read_allowed(words, 3, allowed)) return mistake;
  if (!std::erase(network.allow_prefixes, allowed)) return OptionMistake{3, "a prefix that is allowed"};
  return {};
}

NetworkOption allow_prefix_option() {
  const std::string help =
      "What containers may ask for\nAddresses outside of the own subnets\nA.B.C.D/M or X:X::X:X/M\nShortest "
      "length\nBits\nLongest length\nBits";
  return {"allow prefix PREFIX [ge (0-128)] [le (0-128)]",
          help,
          allow_prefix,
          "no allow prefix PREFIX [ge (0-128)] [le (0-128)]",
          "Take back\n" + help,
          no_allow_prefix,
          [](const NetworkConfig& network) {
            Lines out;
            for (const AllowedPrefix& each : network.allow_prefixes)
              out.push_back("allow prefix " + each.prefix.to_string() + " ge " + std::to_string(each.ge) + " le " +
                            std::to_string(each.le));
            return out;
          }};
}

}  // namespace

std::string one_of(const std::vector<std::string>& words) {
  if (words.size() == 1) return words[0];
  std::string out;
  for (const std::string& each : words) out += (out.empty() ? "<" : "|") + each;
  return out + ">";
}

std::vector<NetworkOption> common_network_options(const std::vector<const Driver*>& drivers) {
  return {driver_option(drivers),  runtime_option(), subnet_option(), advertise_option(), tag_option(),
          max_containers_option(), anycast_option(), label_option(),  label_tag_option(), allow_prefix_option()};
}

}  // namespace berth
