// SPDX-License-Identifier: GPL-2.0-or-later
//
// What runs where, as the runtimes say it, found by container, by network and by address. Pure; one thread, the daemon's.
// Owner: the Redistributor. A fact replaces the one before it; each change costs O(endpoints of that container).
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/facts.h"

namespace berth {

// Who comes first where not all can: the older one, then the lower key. An age that is not known counts as the youngest.
struct Seniority {
  std::int64_t created = std::numeric_limits<std::int64_t>::max();
  ContainerKey key;
  bool self_said = false;  // what is on its links is all that is known of its addresses: it can put any there
  auto operator<=>(const Seniority&) const = default;
};
inline Seniority seniority_of(const ContainerFact& fact) {
  const bool plugged = std::ranges::any_of(fact.endpoints, [](const EndpointFact& each) { return each.plugged(); });
  return {fact.created > 0 ? fact.created : std::numeric_limits<std::int64_t>::max(), fact.key,
          fact.network_mode == kByCni && !plugged};
}

class Inventory {
 public:
  // False when this is what was known already.
  bool upsert(const ContainerFact& fact);
  bool remove(const ContainerKey& key);

  const ContainerFact* find(const ContainerKey& key) const;
  const std::map<ContainerKey, ContainerFact>& all() const { return containers_; }
  const std::set<ContainerKey>& on_network(const NetworkName& name) const;
  std::vector<ContainerKey> with_address(const IpAddress& address) const;
  std::vector<ContainerKey> of_runtime(const SharedText& runtime) const;

 private:
  void index(const ContainerFact& fact);
  void unindex(const ContainerFact& fact);

  std::map<ContainerKey, ContainerFact> containers_;
  std::map<NetworkName, std::set<ContainerKey>> by_network_;
  std::set<std::pair<IpAddress, ContainerKey>> by_address_;
};

}  // namespace berth
