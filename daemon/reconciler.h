// SPDX-License-Identifier: GPL-2.0-or-later
//
// The loop between what is and what should be: events of the runtime, the host and the sink go into the brain, the brain's steps
// come out and are carried out. Knows interfaces alone, and no clock but the one that it is given; a test runs the whole of it
// over stand-ins (tests/unit/reconciler_test.cpp). One thread: the daemon's. Owner: App.
//
// Failures: what fails stays as a difference. A network that the runtime fails to tell of is asked for again with back-off, a
// route that zebra refuses at the tick; both are shown, and told once.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/attach/host.h"
#include "container_watcher/runtime.h"
#include "core/backoff.h"
#include "core/config.h"
#include "core/route_sink.h"
#include "daemon/answer_log.h"
#include "daemon/problem_log.h"
#include "daemon/timers.h"
#include "redistribute/redistributor.h"

namespace berth {

class Reconciler : public RuntimeSink, public RouteSinkListener {
 public:
  using WallTime = std::chrono::system_clock::time_point;
  // Whom it works with. Each is made with the reconciler as its listener, hence begin().
  struct Parts {
    RouteSink& sink;
    Host& host;
    Runtime* runtime = nullptr;  // none is configured
  };
  using LinkExists = std::function<bool(const std::string& name)>;  // on this host

  Reconciler(Timers& timers, const Config& config, LinkExists link_exists);
  void begin(const Parts& parts);  // starts them
  void stop();                     // and stops them; nothing is done any more

  void reconfigure(const Config& config);  // networks and limits, at once
  void withdraw(bool on);
  // Calls `then` when zebra has taken back what withdraw() withdrew, or after some seconds; at once where there is nothing.
  void finish(std::function<void()> then);
  void host_looked(const HostReport& report);

  // --- for the shows ---
  struct RuntimeState {
    bool connected = false;
    std::string version;
  };
  struct SinkState {
    RouteSinkInfo info;
    std::optional<Error> trouble;  // why it is away
  };
  const Redistributor& brain() const { return brain_; }
  const Config& config() const { return config_; }
  const RuntimeState& runtime() const { return runtime_; }
  const SinkState& sink() const { return sink_; }
  // When each route came into its present state.
  const std::map<RibKey, std::pair<RibState, WallTime>>& since();

 private:
  void runtime_connected(const std::string& runtime, const std::string& version) override;
  void runtime_lost(const std::string& runtime, const std::string& why) override;
  void snapshot(const std::string& runtime, RuntimeSnapshot all) override;
  void container_changed(ContainerFact fact) override;
  void container_gone(const ContainerKey& key) override;
  void network_changed(NetworkFact fact) override;
  void network_gone(const std::string& runtime, const std::string& id) override;
  void networks_unknown(const std::string& runtime, std::vector<UnknownNetwork> all) override;
  void sink_connected(const RouteSinkInfo& info) override;
  void sink_lost(const Error& why) override;
  void sink_synced(std::uint32_t swept) override;
  void sink_answered(const RibAnswer& answer) override;

  void work();
  void on_tick();
  void look_at_withdrawal();
  void note_states();  // the clock of since()
  void repeat_connected(const RibKey& mark);
  void attach(const std::string& network);  // makes or checks it in the runtime; its health comes from the host
  void attach_all();
  void ensure(const std::string& network);
  void ensured(const std::string& network, const Result<EnsuredNetwork>& result);
  void note_ensured(const std::string& network, const Result<EnsuredNetwork>& result);
  void ensure_failed_again();
  void tell_endpoints(const HostReport& report);
  void tell_health(const std::string& network);

  Timers& timers_;
  Config config_;
  const LinkExists link_exists_;
  std::optional<Parts> parts_;  // between begin() and stop()
  Redistributor brain_;
  std::unique_ptr<Timer> tick_, ensure_failed_, withdrawal_;  // ensure_failed_: the earliest `due`
  RuntimeState runtime_;
  SinkState sink_;
  // What is known of a configured network's being in the runtime and on the host.
  struct Ensuring {
    bool under_way = false;
    bool again = false;  // once more when done
    Backoff<std::chrono::milliseconds> backoff{std::chrono::seconds(1), std::chrono::seconds(60)};
    std::optional<Timer::Time> due;      // the last try failed: when the next one is
    std::optional<Problem> trouble;      // the runtime could not say: why
    std::optional<NetworkHealth> found;  // as the host sees it, or why it is not there
    std::string blocked_by;              // an interface of this host that is in its way
    NetworkKey key;
    bool has(const std::string& problem) const;  // found
  };
  std::map<std::string, Ensuring> ensuring_;  // by network
  std::vector<UnknownNetwork> unknown_;       // the runtime does not tell who is on it
  ProblemLog problem_log_;
  std::map<EndpointKey, std::string> told_endpoints_;
  AnswerLog answer_log_;
  std::map<RibKey, std::pair<RibState, WallTime>> since_;
  std::set<RibKey> unconnected_;  // marks for which zebra has no connected route
  std::function<void()> finished_;
  int looks_at_withdrawal_ = 0;
};

}  // namespace berth
