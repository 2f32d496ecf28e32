// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whether another host advertises an address already: asked of the RIB before the address is announced for the first time in
// a session, and again as long as the other one is there, less often each time. Pure; one thread, the daemon's. Owner: the
// Redistributor.
//
// The other one's is what a routing protocol brought. What an operator or the kernel has on this host is not: zebra decides
// which of two is better, and says so. Where the RIB holds a route of ours, an earlier session announced it, and it stays.
// Where the RIB can't be asked, nothing speaks against the address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/backoff.h"
#include "core/rib.h"

namespace berth {

class Elsewhere {
 public:
  struct Owner {
    std::string text;         // which address, and whose route is there: protocol, next hops
    bool is_lasting = false;  // longer than a container's move from host to host takes
  };

  bool may_announce(const Prefix& address);  // no, and it is to be asked, where that is not known
  void forget(const Prefix& address);        // it was announced, or is not to be
  void session_begun();                      // nothing is known
  // Whether anything else than before is known. What nobody wants to know any more is left aside.
  bool answer(const RibFound& found);

  std::optional<Prefix> take();  // the next one to be asked
  bool has_due() const { return !due_.empty(); }
  bool any_unanswered() const { return unanswered_ > 0; }  // asked for the first time
  bool is_unanswered(const Prefix& address) const;
  const Owner* owner(const Prefix& address) const;  // nullptr: no other host has it, as far as is known

  // The clock of what another host has, in hundreds of milliseconds.
  void ask_again();
  bool any_waits() const { return !waiting_.empty(); }

 private:
  static constexpr std::uint64_t kLongest = 32, kLasting = 20;  // calls of ask_again()
  struct Entry {
    bool is_answered = false;
    std::optional<Owner> owner;
    Backoff<std::uint64_t> delay{1, kLongest};
    std::uint64_t since = 0, again = 0;  // calls of ask_again(): the owner was found, is asked for next
  };
  std::map<Prefix, Entry> entries_;
  std::size_t unanswered_ = 0;
  std::set<Prefix> due_;
  std::set<std::pair<std::uint64_t, Prefix>> waiting_;  // by when they are asked again
  std::uint64_t now_ = 0;
};

}  // namespace berth
