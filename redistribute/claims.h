// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who wants what, and who gets it: containers' claims to addresses and subnets become at most one wish for each RIB key,
// within the limits. Pure; one thread, the daemon's. Owner: the Redistributor.
//
// The rules, all of them by what is and none by who came first:
// - an address belongs to the claim of the lowest Rank (the oldest container);
// - `max-containers N` of a network: the N lowest Ranks that claim an address in it;
// - `limit routes N`: subnets first, then the oldest containers' addresses, then the lowest key.
// Each change costs O(log all) for each claim that it changes, and tells which keys to look at again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/rib.h"
#include "redistribute/first_n.h"
#include "redistribute/inventory.h"

namespace berth {

// What one container brings, as policy judged it.
struct Contribution {
  struct Place {
    SharedText network;
    Prefix prefix;
    auto operator<=>(const Place&) const = default;
  };
  struct Host {
    Place place;
    std::uint32_t tag = 0;
  };
  // Both sorted by place, each place once: most containers have one, and a host has many containers.
  std::vector<Host> hosts;                               // addresses to advertise
  std::vector<Place> subnets;                            // subnets to advertise while it is there
  void add_host(const Place& place, std::uint32_t tag);  // the later tag counts
  void add_subnet(const Place& place);
  const Host* host(const Place& place) const;  // nullptr: not among them
  bool has_subnet(const Place& place) const;
};

struct Wish {
  RibKey key;
  SharedText network;
  std::uint32_t tag = 0;
  std::optional<Rank> owner;  // absent: a subnet
  bool operator==(const Wish&) const = default;
};

// Why a claim is not a wish.
enum class ClaimState { None, Wished, OtherOwner, TooManyContainers, TooManyRoutes };

class Claims {
 public:
  // Each replaces what was there, and adds the keys whose wish may have changed to `changed`.
  void set_limits(const Config& config, std::set<RibKey>& changed);
  void set(const Rank& who, const Contribution& what, std::set<RibKey>& changed);

  const Wish* wish(const RibKey& key) const;                                // nullptr: nobody gets this
  const std::map<RibKey, Wish>& candidates() const { return candidates_; }  // wishes and what the limit cut off
  const std::set<RibKey>& of_network(const SharedText& network) const;      // candidates' keys
  ClaimState state(const Rank& who, const Contribution::Place& place) const;
  std::vector<Rank> claimants(const Prefix& prefix) const;

 private:
  struct Claim {
    Rank who;
    SharedText network;
    auto operator<=>(const Claim&) const = default;
  };
  // Subnets are few and come first; then the oldest.
  struct Seat {
    Rank who;
    bool host = false;
    RibKey key;
    std::strong_ordering operator<=>(const Seat& other) const {
      if (const auto order = host <=> other.host; order != 0) return order;
      if (const auto order = who <=> other.who; order != 0) return order;
      return key <=> other.key;
    }
    bool operator==(const Seat&) const = default;
  };
  static Seat seat(const Wish& wish) { return {wish.owner.value_or(Rank{}), wish.owner.has_value(), wish.key}; }
  void add_host(const Rank& who, const Contribution::Place& place, std::uint32_t tag);
  void drop_host(const Rank& who, const Contribution::Place& place);
  void count_subnet(const Contribution::Place& place, int by);
  void containers_changed(const SharedText& network, const std::vector<Rank>& ranks);
  void settle(std::set<RibKey>& changed);
  void set_candidate(const RibKey& key, std::optional<Wish> wish, std::set<RibKey>& changed);
  std::optional<Wish> elect(const RibKey& key) const;
  using AllClaims = std::map<std::pair<Prefix, Claim>, std::uint32_t>;
  struct ClaimsTo {
    AllClaims::const_iterator first, last;
    AllClaims::const_iterator begin() const { return first; }
    AllClaims::const_iterator end() const { return last; }
  };
  ClaimsTo claims_to(const Prefix& address) const;  // the lowest first
  FirstN<Rank>& containers_of(const SharedText& network);

  std::map<SharedText, NetworkConfig> networks_;
  std::map<Rank, Contribution> contributions_;
  AllClaims claims_;                                             // address, who claims it -> tag
  std::map<Prefix, std::map<SharedText, std::size_t>> members_;  // subnet -> network -> containers in it
  std::map<SharedText, FirstN<Rank>> containers_;                // by network: who may have an address advertised
  std::map<RibKey, Wish> candidates_;
  std::map<SharedText, std::set<RibKey>> by_network_;
  FirstN<Seat> seats_;
  std::set<RibKey> touched_;
};

}  // namespace berth
