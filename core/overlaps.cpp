// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/overlaps.h"

#include <algorithm>
#include <numeric>

namespace berth {

Overlaps find_overlaps(const std::vector<Prefix>& prefixes, std::size_t most) {
  std::vector<std::size_t> order(prefixes.size());
  std::iota(order.begin(), order.end(), 0);
  // By address, then length: each comes after all that contain it.
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return prefixes[a] < prefixes[b]; });
  Overlaps out;
  std::vector<std::size_t> around;  // what contains the prefix at hand, the widest first
  for (const std::size_t each : order) {
    while (!around.empty() && (++out.steps, !prefixes[around.back()].contains(prefixes[each]))) around.pop_back();
    for (const std::size_t outer : around) {
      if (out.pairs.size() == most) return out;
      ++out.steps;
      out.pairs.emplace_back(outer, each);
    }
    around.push_back(each);
  }
  return out;
}

}  // namespace berth
