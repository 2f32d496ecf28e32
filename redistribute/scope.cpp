// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/scope.h"

#include <algorithm>

namespace berth {
namespace {

// Sorted, a prefix comes right before what lies in it.
void drop_inner(std::vector<Prefix>& prefixes) {
  std::sort(prefixes.begin(), prefixes.end());
  std::vector<Prefix> out;
  for (const Prefix& each : prefixes)
    if (out.empty() || !out.back().contains(each)) out.push_back(each);
  prefixes = std::move(out);
}

}  // namespace

std::vector<Prefix> scope_of(const NetworkConfig& network) {
  std::vector<Prefix> out;
  out.reserve(network.subnets.size() + network.allow_prefixes.size());
  for (const SubnetConfig& each : network.subnets) out.push_back(each.subnet);
  for (const AllowedPrefix& each : network.allow_prefixes) out.push_back(each.prefix);
  if (out.empty()) out = {*Prefix::parse("0.0.0.0/0"), *Prefix::parse("::/0")};
  return out;
}

std::vector<Prefix> covering(std::vector<Prefix> prefixes, std::size_t most) {
  for (drop_inner(prefixes); prefixes.size() > most; drop_inner(prefixes)) {
    unsigned longest = 0;
    for (const Prefix& each : prefixes) longest = std::max(longest, each.length());
    if (longest == 0) break;
    for (Prefix& each : prefixes)
      if (each.length() == longest) each = Prefix::of(each.address(), longest - 1);
  }
  return prefixes;
}

bool overlap(const std::vector<Prefix>& some, const std::vector<Prefix>& others) {
  return std::any_of(some.begin(), some.end(), [&](const Prefix& each) {
    return std::any_of(others.begin(), others.end(), [&](const Prefix& other) { return each.overlaps(other); });
  });
}

}  // namespace berth
