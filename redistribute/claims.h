// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who wants what, and who gets it: containers' claims to addresses and subnets become at most one candidate for each RIB key;
// those within the limits are granted. Pure; one thread, the daemon's. Owner: the Redistributor.
//
// The rules, all of them by what is and none by who came first:
// - an address belongs to the oldest container to which it was handed out, else to the oldest that has put it on itself;
// - `max-containers N` of a network: the N most senior that claim an address in it;
// - `limit routes N`: subnets first, then the oldest containers' addresses, then the lowest key.
// Each change costs O(log all) for each claim that it changes, and tells which keys to look at again.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/attachment.h"
#include "core/config.h"
#include "core/rib.h"
#include "redistribute/first_n.h"
#include "redistribute/inventory.h"

namespace berth {

// What one container brings, as policy judged it.
struct Contribution {
  struct ClaimKey {
    SharedText network;
    Prefix prefix;
    auto operator<=>(const ClaimKey&) const = default;
  };
  struct Host {
    ClaimKey claim;
    std::uint32_t tag = 0;
  };
  // Both sorted by claim, each claim once: most containers have one, and a host has many containers.
  std::vector<Host> hosts;                                  // addresses to advertise
  std::vector<ClaimKey> subnets;                            // subnets to advertise while it is there
  void add_host(const ClaimKey& claim, std::uint32_t tag);  // the later tag counts
  void add_subnet(const ClaimKey& claim);
  const Host* host(const ClaimKey& claim) const;  // nullptr: not among them
  bool has_subnet(const ClaimKey& claim) const;
};

struct Candidate {
  RibKey key;
  SharedText network;
  std::uint32_t tag = 0;
  std::optional<Seniority> owner;  // absent: a subnet
  bool operator==(const Candidate&) const = default;
};

// What became of a claim.
enum class ClaimState { None, Granted, OtherOwner, TooManyContainers, TooManyRoutes };

class Claims {
 public:
  // How the networks of a driver tell of their subnets; by a connected tag where it is not said. Before set_limits().
  using SubnetRoutes = std::function<SubnetRoute(std::string_view driver)>;
  void set_subnet_routes(SubnetRoutes of) { subnet_routes_ = std::move(of); }
  // What zebra is to have for a subnet of that network; nothing: it is not advertised.
  std::optional<RibKey> subnet_key(const NetworkConfig& network, const Prefix& subnet) const;

  // Each replaces what was there, and adds the keys for which another one may be granted now to `changed`.
  void set_limits(const Config& config, std::set<RibKey>& changed);
  void set(const Seniority& who, const Contribution& what, std::set<RibKey>& changed);

  const Candidate* granted(const RibKey& key) const;                             // nullptr: nobody gets this
  const std::map<RibKey, Candidate>& candidates() const { return candidates_; }  // also those that the limit cut off
  const std::set<RibKey>& of_network(const SharedText& network) const;           // candidates' keys
  ClaimState state(const Seniority& who, const Contribution::ClaimKey& claim) const;
  std::vector<Seniority> claimants(const Prefix& prefix) const;

 private:
  struct Claim {
    Seniority who;
    SharedText network;
    std::strong_ordering operator<=>(const Claim& other) const {
      if (const auto order = who.self_said <=> other.who.self_said; order != 0) return order;
      if (const auto order = who <=> other.who; order != 0) return order;
      return network <=> other.network;
    }
    bool operator==(const Claim&) const = default;
  };
  // Subnets are few and come first; then the oldest.
  struct LimitOrder {
    Seniority who;
    bool host = false;
    RibKey key;
    std::strong_ordering operator<=>(const LimitOrder& other) const {
      if (const auto order = host <=> other.host; order != 0) return order;
      if (const auto order = who <=> other.who; order != 0) return order;
      return key <=> other.key;
    }
    bool operator==(const LimitOrder&) const = default;
  };
  static LimitOrder order_of(const Candidate& candidate) {
    return {candidate.owner.value_or(Seniority{}), candidate.owner.has_value(), candidate.key};
  }
  void add_host(const Seniority& who, const Contribution::ClaimKey& claim, std::uint32_t tag);
  void drop_host(const Seniority& who, const Contribution::ClaimKey& claim);
  void count_subnet(const Contribution::ClaimKey& claim, int by);
  void touch_subnet(const Prefix& subnet);
  std::optional<Candidate> elect_network(const RibKey& key) const;  // whose subnet it is
  void containers_changed(const SharedText& network, const std::vector<Seniority>& containers);
  void settle(std::set<RibKey>& changed);
  void set_candidate(const RibKey& key, std::optional<Candidate> candidate, std::set<RibKey>& changed);
  std::optional<Candidate> elect(const RibKey& key) const;
  using AllClaims = std::map<std::pair<Prefix, Claim>, std::uint32_t>;
  struct ClaimsTo {
    AllClaims::const_iterator first, last;
    AllClaims::const_iterator begin() const { return first; }
    AllClaims::const_iterator end() const { return last; }
  };
  ClaimsTo claims_to(const Prefix& address) const;  // the lowest first
  FirstN<Seniority>& containers_of(const SharedText& network);

  SubnetRoutes subnet_routes_;
  std::map<SharedText, NetworkConfig> networks_;
  std::map<Seniority, Contribution> contributions_;
  AllClaims claims_;                                             // address, who claims it -> tag
  std::map<Prefix, std::map<SharedText, std::size_t>> members_;  // subnet -> network -> containers in it
  std::map<SharedText, FirstN<Seniority>> containers_;           // by network: who may have an address advertised
  std::map<RibKey, Candidate> candidates_;
  std::map<SharedText, std::set<RibKey>> by_network_;
  FirstN<LimitOrder> limit_;
  std::set<RibKey> touched_;
};

}  // namespace berth
