// SPDX-License-Identifier: GPL-2.0-or-later
//
// The whole loop over stand-ins: a reconciler with a sink, a host, a plugger and one fake runtime for each that the configuration
// names. What each says waits for a turn; the RIB outlives it. And a log that says nothing.
#pragma once

#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/reconciler.h"
#include "tests/support/fake_parts.h"
#include "tests/support/fake_route_sink.h"

namespace berth {

// Where berthd's log goes for as long as it lives.
class LogTo {
 public:
  explicit LogTo(spdlog::sink_ptr sink = std::make_shared<spdlog::sinks::null_sink_st>())
      : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::move(sink)));
  }
  ~LogTo() { spdlog::set_default_logger(before_); }
  LogTo(const LogTo&) = delete;
  LogTo& operator=(const LogTo&) = delete;

 private:
  std::shared_ptr<spdlog::logger> before_;
};

struct ReconcilerWorld {
  ReconcilerWorld(
      FakeRib& the_rib, const Config& config, Reconciler::FindDriver drivers,
      Reconciler::LinkExists link_exists = [](const std::string&) { return false; })
      : rib(the_rib),
        reconciler(timers, config, std::move(link_exists)),
        sink(rib, reconciler),
        host([this](const HostReport& report) { reconciler.host_looked(report); }) {
    std::map<std::string, Runtime*> all;
    for (const RuntimeConfig& each : config.runtimes)
      all[each.name] = runtimes.emplace_back(std::make_unique<FakeRuntime>(reconciler, each.name)).get();
    reconciler.begin({sink, host, plugger, std::move(all), std::move(drivers), &evpn});
  }
  ~ReconcilerWorld() { reconciler.stop(); }
  ReconcilerWorld(const ReconcilerWorld&) = delete;
  ReconcilerWorld& operator=(const ReconcilerWorld&) = delete;

  // Each says one thing that waits. False: nothing did.
  bool turn() {
    bool any = sink.turn();
    for (const auto& each : runtimes) any |= each->turn();
    any |= host.turn();
    for (const auto& each : runtimes) any |= each->turn_netns();
    return plugger.turn() || any;
  }
  void settle() {
    for (int turns = 0; turn(); ++turns) ASSERT_LT(turns, 10000) << "it never comes to rest";
  }

  FakeRib& rib;
  HandTimers timers;
  Reconciler reconciler;
  FakeRouteSink sink;
  std::vector<std::unique_ptr<FakeRuntime>> runtimes;  // as the configuration has them
  FakeHost host;
  FakePlugger plugger;
  FakeEvpn evpn;
};

// "10.10.1.2/32 on br-blue (stale) …", by prefix.
inline std::string routes_of(const FakeRib& rib) {
  std::string out;
  for (const auto& [key, entry] : rib.entries)
    out += (out.empty() ? "" : " ") + key.prefix.to_string() + " on " + entry.object.interface +
           (entry.stale ? " (stale)" : "");
  return out;
}

}  // namespace berth
