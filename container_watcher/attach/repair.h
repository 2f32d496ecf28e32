// SPDX-License-Identifier: GPL-2.0-or-later
//
// Carries out a plan of the host's, with measure: what somebody undoes again and again is set a few times a minute. Blocks
// for some netlink messages and files in /proc/sys: on the worker's thread.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "container_watcher/attach/budget.h"
#include "container_watcher/attach/host_plan.h"
#include "container_watcher/netlink/executor.h"

namespace berth {

class Repair {
 public:
  explicit Repair(Executor& executor) : executor_(executor) {}

  struct Outcome {
    std::vector<Undone> undone;
    bool changed = false;  // something was done
    bool waiting = false;  // an address is missing for so short a time that Docker may be at it
  };
  // `all`: what is to be done now. What is no longer among it is as it should be.
  Outcome apply(const std::vector<Sequence>& all);

 private:
  struct Wanted {
    Budget::Clock::time_point since;  // it is wanted; nothing: it is not, at present
    Budget budget;
    std::optional<Undone> failed;  // how its last attempt ended, where it did not succeed
  };
  std::map<Operation, Wanted> wanted_;  // by the last of each sequence
  Executor& executor_;
};

}  // namespace berth
