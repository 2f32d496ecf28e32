// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/policy.h"

#include <algorithm>

#include "core/number.h"
#include "core/reserved.h"

namespace berth {
namespace {

bool tag_allowed(const Config& config, const NetworkConfig& network, std::uint32_t tag) {
  if (!network.allow_tags.empty()) return network.allow_tags.contains(tag);
  return std::any_of(config.networks.begin(), config.networks.end(),
                     [tag](const auto& entry) { return entry.second.tag == tag; });
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 64;
  std::string out(text.substr(0, kMost));
  for (char& each : out)
    if (each < 0x20 || each > 0x7e) each = '?';
  return text.size() > kMost ? out + "..." : out;
}

bool subnet_advertisable(const Prefix& subnet) {
  return !reserved_range(subnet);  // the default route has them all in it
}

LabelEffect apply_labels(const Config& config, const NetworkConfig& network, const ContainerFact& container,
                         const std::set<std::string>& attached) {
  LabelEffect effect{network.advertise, network.tag, {}};
  std::size_t untold = 0;
  const auto refuse = [&](const std::string& label, std::string why) {
    if (effect.refused.size() < kRefusalsOfLabels)
      effect.refused.push_back({printable(label), std::move(why)});
    else
      ++untold;
  };
  const auto heard = [&](const std::string& label, LabelKind kind, const char* word) {
    if (network.allow_labels.contains(kind)) return true;
    refuse(label, "network " + network.name + " does not say 'allow label " + word + "'");
    return false;
  };
  bool elsewhere = false;
  for (auto entry = container.labels.lower_bound("berth."); entry != container.labels.end(); ++entry) {
    const auto& [label, value] = *entry;
    if (!label.starts_with("berth.")) break;
    if (label == "berth.advertise") {
      if (!heard(label, LabelKind::Advertise, "advertise")) continue;
      if (value == "none")
        effect.advertise = Advertise::None;
      else if (value == "host")
        effect.advertise = advertises_subnet(effect.advertise) ? Advertise::Both : Advertise::Host;
      else
        refuse(label, "the value must be host or none");
    } else if (label == "berth.tag") {
      if (!heard(label, LabelKind::Tag, "tag")) continue;
      const auto tag = parse_number<std::uint32_t>(value);
      if (!tag || *tag == 0)
        refuse(label, "the value must be a number from 1 to 4294967295");
      else if (!tag_allowed(config, network, *tag))
        refuse(label, "tag " + std::to_string(*tag) + " is not among the allowed ones");
      else
        effect.tag = *tag;
    } else if (label == "berth.network") {
      if (!heard(label, LabelKind::Network, "network")) continue;
      if (!attached.contains(value))
        refuse(label, "the container is on no configured network '" + printable(value) + "'");
      else
        elsewhere = value != network.name;
    } else {
      refuse(label, "this label is not known here");
    }
  }
  if (elsewhere) effect.advertise = Advertise::None;
  if (untold > 0) effect.refused.push_back({"berth.*", std::to_string(untold) + " more labels"});
  return effect;
}

Verdict judge(const NetworkConfig& network, const LabelEffect& labels, const std::set<IpAddress>& host_addresses,
              const IpAddress& address) {
  Verdict verdict;
  const auto no = [&](std::string step, std::string detail, std::string remedy) {
    verdict.step = std::move(step);
    verdict.detail = std::move(detail);
    verdict.remedy = std::move(remedy);
    return verdict;
  };
  if (!advertises_host(network.advertise) && !advertises_host(labels.advertise))
    return no("policy", "network " + network.name + " does not advertise hosts", "advertise host");
  if (!advertises_host(labels.advertise))
    return no("label", "the labels ask for none here (berth.advertise or berth.network)", "remove the label");
  if (labels.tag == 0) return no("policy", "network " + network.name + " has no tag", "tag N");
  if (is_reserved(address))
    return no("prefix", address.to_string() + " is of a reserved range", "give the container another address");
  if (host_addresses.contains(address))
    return no("prefix", address.to_string() + " is an address of this host", "give the container another address");
  for (const SubnetConfig& subnet : network.subnets) {
    if (subnet.gateway == address)
      return no("prefix", address.to_string() + " is the gateway of " + network.name, "use another address");
    if (!subnet.subnet.contains(address)) continue;
    if (is_subnet_edge(subnet.subnet, address))
      return no("prefix", address.to_string() + " is the first or last of its subnet", "use another address");
    verdict.advertise = true;
  }
  const unsigned bits = address.bits();
  for (const AllowedPrefix& allowed : network.allow_prefixes)
    if (allowed.prefix.contains(address) && bits <= allowed.le && bits >= allowed.ge) verdict.advertise = true;
  if (!verdict.advertise)
    return no("prefix", address.to_string() + " is outside of the subnets of " + network.name, "allow prefix …");
  verdict.tag = labels.tag;
  return verdict;
}

}  // namespace berth
