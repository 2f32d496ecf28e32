// SPDX-License-Identifier: GPL-2.0-or-later
//
// The addresses that berthd itself hands out: which container has which, and since when. Pure; one thread.
//
// A container keeps its addresses for as long as its runtime knows it, whether it runs or not. Who it is, is said by its id and
// the time when it was made: another container of the same name gets other addresses. An address that was given back rests for a
// while, since others may still have it in their tables of ARP and ND.
//
// Text form, for a file: a first line that names the form, then one line for each lease. Any names and paths come back as they
// were.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/facts.h"
#include "core/ip.h"
#include "core/result.h"

namespace berth {

inline constexpr std::int64_t kLeaseRests = 30;  // seconds, before an address is handed out again

// What a network has to hand out: the ip-range of each subnet, or all of it.
struct LeasePool {
  std::string network;  // NetworkConfig::name
  std::vector<SubnetConfig> subnets;
  std::set<IpAddress> reserved;    // that no container gets, nor keeps
  std::set<IpAddress> taken = {};  // that others have now: not handed out, but who has a lease of one keeps it
};

struct LeaseKey {
  std::string network;
  ContainerKey container;
  std::int64_t created = 0;  // of the container: Unix seconds; below 0: what it gave up for others, which rests
  auto operator<=>(const LeaseKey&) const = default;
};

struct Lease {
  std::vector<IpAddress> addresses;  // one of each subnet
  std::int64_t given = 0;            // Unix seconds
  std::int64_t released = 0;         // Unix seconds; 0: it is held
  std::uint64_t netns = 0;           // inode of the network namespace that it was last used in; 0: none yet
  std::string netns_path = {};       // where that was
  bool operator==(const Lease&) const = default;
};

class LeaseBook {
 public:
  bool keeps(const LeasePool& pool, const LeaseKey& key) const;  // take() would take no address from it
  // The addresses that it has, or new ones where it has none that fit the pool. Permanent: there is none left.
  Result<Lease> take(const LeasePool& pool, const LeaseKey& key, std::int64_t now);
  bool used_in(const LeaseKey& key, std::uint64_t netns, const std::string& path);  // false: that was known
  void release(const LeaseKey& key, std::int64_t now);
  const std::map<LeaseKey, Lease>& all() const { return leases_; }

  std::string text() const;
  static Result<LeaseBook> parse(std::string_view text);  // Permanent: it is no such text; names the line

 private:
  void drop(std::map<LeaseKey, Lease>::iterator lease);
  void forget_rested(std::int64_t now);
  void put_to_rest(LeaseKey key, Lease rest, std::int64_t now);
  Result<IpAddress> free_address(const LeasePool& pool, const SubnetConfig& subnet) const;

  std::map<LeaseKey, Lease> leases_;
  std::map<IpAddress, LeaseKey> taken_;  // rests included
};

}  // namespace berth
