// SPDX-License-Identifier: GPL-2.0-or-later
//
// The status view: what the shows tell, put together from those who keep the facts. Thread: the daemon's. Owner: App.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "daemon/reconciler.h"
#include "daemon/show/view.h"

namespace berth {

class StatusView {
 public:
  using Counters = std::map<std::string, std::uint64_t>;
  // `started`: the configuration at the start; runtimes and sockets are in use as they were said there. `counters`: of all the
  // parts.
  StatusView(const Config& started, Reconciler& reconciler, std::function<Counters()> counters);
  View view();
  std::string hostname() const;

 private:
  const Config started_;
  Reconciler& reconciler_;
  std::function<Counters()> counters_;
  const WallTime started_at_ = std::chrono::system_clock::now();
};

}  // namespace berth
