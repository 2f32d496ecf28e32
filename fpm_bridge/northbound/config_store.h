// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where FRR keeps static routes, and how they are changed there: mgmtd's front end, or staticd's own shell where there is no mgmtd.
//
// On the executor of who asks, one thing at a time. Of the errors of read() and commit(), Stale means that somebody holds it up, with an
// empty message that somebody was quicker; Permanent that FRR refuses this change. Either leaves the connection as good as before.
// Transient: it is of no more use.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "fpm_bridge/northbound/static_route.h"

namespace berth {

class ConfigStore {
 public:
  virtual ~ConfigStore() = default;
  virtual boost::asio::awaitable<Status> open() = 0;
  // What is in force.
  virtual boost::asio::awaitable<Result<std::vector<StaticRoute>>> read() = 0;
  // The difference from what was read last: all of it or nothing, in one transaction of FRR's.
  virtual boost::asio::awaitable<Status> commit(StaticPlan plan) = 0;
  // Tells once when the connection ends while nothing is asked.
  virtual void watch(std::function<void()> ended) = 0;
  virtual void close() = 0;
  virtual std::string name() const = 0;  // of the daemon
};

}  // namespace berth
