// SPDX-License-Identifier: GPL-2.0-or-later
//
// Problems in the log: one line when one begins, with what to do, and one when it ends; nothing while it lasts, and nothing
// of what may pass by itself. Thread: the daemon's.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/facts.h"

namespace berth {

class ProblemLog {
 public:
  // `subject`: "network blue". `now`: all of its problems; what is not among them any more is over.
  void tell(const std::string& subject, const std::vector<Problem>& now);
  void forget(const std::string& subject) { told_.erase(subject); }  // it is not ours any more

 private:
  using Key = std::tuple<std::string, Family, std::string>;  // code, family, text
  std::map<std::string, std::set<Key>> told_;                // by subject
};

}  // namespace berth
