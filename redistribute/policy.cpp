// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/policy.h"

#include <algorithm>
#include <charconv>

namespace berth {
namespace {

bool tag_allowed(const Config& config, const NetworkConfig& network, std::uint32_t tag) {
  if (!network.allow_tags.empty()) return network.allow_tags.contains(tag);
  return std::any_of(config.networks.begin(), config.networks.end(),
                     [tag](const auto& entry) { return entry.second.tag == tag; });
}

// The first and, for IPv4, the last address of a subnet are no container's.
bool is_subnet_edge(const Prefix& subnet, const IpAddress& address) {
  if (!subnet.is_v4() || subnet.length() >= 31) return address == subnet.address() && subnet.length() < 127;
  std::uint32_t host = 0;
  for (const std::uint8_t byte : address.bytes()) host = host << 8 | byte;
  const std::uint32_t mask = 0xffffffffu >> subnet.length();
  return (host & mask) == 0 || (host & mask) == mask;
}

}  // namespace

LabelEffect apply_labels(const Config& config, const NetworkConfig& network, const ContainerFact& container) {
  LabelEffect effect{network.advertise, network.tag, {}};
  for (const auto& [label, value] : container.labels) {
    if (!label.starts_with("berth.")) continue;
    const auto refuse = [&, name = label](std::string why) { effect.refused.push_back({name, std::move(why)}); };
    if (label == "berth.advertise") {
      if (!network.allow_labels.contains(LabelKind::Advertise))
        refuse("network " + network.name + " does not say 'allow label advertise'");
      else if (value == "none")
        effect.advertise = Advertise::None;
      else if (value == "host")
        effect.advertise = advertises_subnet(effect.advertise) ? Advertise::Both : Advertise::Host;
      else
        refuse("the value must be host or none");
    } else if (label == "berth.tag") {
      std::uint32_t tag = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), tag);
      if (!network.allow_labels.contains(LabelKind::Tag))
        refuse("network " + network.name + " does not say 'allow label tag'");
      else if (error != std::errc() || end != value.data() + value.size() || tag == 0)
        refuse("the value must be a number from 1 to 4294967295");
      else if (!tag_allowed(config, network, tag))
        refuse("tag " + value + " is not among the allowed ones");
      else
        effect.tag = tag;
    } else {
      refuse("this label is not known here");
    }
  }
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
    return no("label", "the label berth.advertise asks for none", "remove the label");
  if (labels.tag == 0) return no("policy", "network " + network.name + " has no tag", "tag N");
  if (address.is_unspecified() || address.is_loopback() || address.is_multicast() || address.is_link_local())
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
