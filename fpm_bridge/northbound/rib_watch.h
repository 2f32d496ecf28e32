// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which keys are looked up in the RIB, and when: those that were changed, until they are as they should become. FRR tells of nothing by
// itself. Pure: the caller has the clock.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <vector>

#include "core/ip.h"
#include "core/rib.h"

namespace berth {

class RibWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr Time kNever = Time::max();

  void follow(const RibKey& key, Time now) { looks_[key] = {now, now, 0}; }                  // from the beginning
  void look_at(const RibKey& key, Time now) { looks_.try_emplace(key, Look{now, now, 0}); }  // unless it is followed
  void forget(const RibKey& key) { looks_.erase(key); }
  void clear() { looks_.clear(), rests_until_ = Time(); }
  bool follows(const RibKey& key) const { return looks_.contains(key); }
  bool is_on_its_way(const RibKey& key, Time now) const;  // it was changed so lately that it may not have arrived
  Time due() const;

  // What is due: few are asked for one by one, which also says what else there is for them; many by one listing. Of those that have been
  // as they are for long, so many at a time as zebra does not mind.
  struct Questions {
    std::vector<Prefix> alone;
    std::vector<RibKey> together;
  };
  Questions questions(Time now);

  // It was looked at. `arrived`: it is as it should become. True: tell what it is; else it may be on its way.
  bool seen(const RibKey& key, bool arrived, Time now);

 private:
  struct Look {
    Time since, due;
    int tries = 0;
  };
  bool settled(const Look& look, Time now) const;

  std::map<RibKey, Look> looks_;
  Time rests_until_{};  // with those that do not change
};

}  // namespace berth
