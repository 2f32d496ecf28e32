// SPDX-License-Identifier: GPL-2.0-or-later
//
// The loop between what is and what should be: events of the runtime, the host and the sink go into the brain, its actions
// come out and are carried out. Knows interfaces alone, and no clock but the one that it is given; a test runs the whole of it
// over stand-ins (tests/unit/reconciler_test.cpp). One thread: the daemon's. Owner: App.
//
// Failures: what fails stays as a difference in the brain. An attachment that failed is tried again each second, slower each
// time; a route that zebra refuses at the tick; both are shown, and told once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "container_watcher/attach/driver.h"
#include "container_watcher/attach/host.h"
#include "container_watcher/attach/plugger.h"
#include "container_watcher/runtime.h"
#include "core/config.h"
#include "core/evpn.h"
#include "core/route_sink.h"
#include "daemon/answer_log.h"
#include "daemon/plugging.h"
#include "daemon/problem_log.h"
#include "daemon/timers.h"
#include "redistribute/redistributor.h"

namespace berth {

class Reconciler : public RuntimeSink, public RouteSinkListener {
 public:
  using WallTime = std::chrono::system_clock::time_point;
  using FindDriver = std::function<const Driver*(std::string_view name)>;  // nullptr: there is none of that name
  // Whom it works with. Each is made with the reconciler as its listener, hence begin().
  struct Parts {
    RouteSink& sink;
    Host& host;
    Plugger& plugger;
    std::map<std::string, Runtime*> runtimes;  // by the name of their line in berthd.conf
    FindDriver driver;
    Evpn* evpn = nullptr;  // nobody asks FRR what it does for segments
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
  void evpn_found(const Evpn::Problems& problems);

  // --- for the shows ---
  struct RuntimeState {
    bool connected = false;
    std::string version;
    bool was_away = false;  // since berthd began: it may have started anew
  };
  struct SinkState {
    RouteSinkInfo info;
    std::optional<Error> trouble;  // why it is away
  };
  const Redistributor& brain() const { return brain_; }
  const Config& config() const { return said_; }  // the last one, with what waits for a start
  const RuntimeState& runtime(const std::string& name) const;
  const SinkState& sink() const { return sink_; }
  std::map<EndpointKey, HostPort> ports() const {
    return parts_ ? parts_->host.ports() : std::map<EndpointKey, HostPort>();
  }
  std::map<std::string, HostOverlay> overlays() const {
    return parts_ ? parts_->host.overlays() : std::map<std::string, HostOverlay>();
  }
  std::map<std::string, HostParent> parents() const {
    return parts_ ? parts_->host.parents() : std::map<std::string, HostParent>();
  }
  std::shared_ptr<const Leases> leases() const { return parts_ ? parts_->plugger.leases() : nullptr; }
  std::map<ContainerKey, std::chrono::milliseconds> plug_delays() const { return plugging_.delays(); }
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
  void sink_troubled(const std::optional<Error>& why) override;
  void sink_synced(std::uint32_t swept) override;
  void sink_answered(const RibAnswer& answer) override;
  void sink_found(const RibFound& found) override;

  void work();
  void on_tick();
  void look_at_withdrawal();
  void note_states();  // the clock of since()
  void repeat_connected(const RibKey& mark);
  void look_again(const std::string& runtime);  // at all networks of it
  void configure(const std::string& network);   // makes or checks it in the runtime; its health comes from the host
  bool has_ground(const NetworkConfig& network);
  void configured(const NetworkConfig& asked, std::uint64_t question, const Result<EnsuredNetwork>& result);
  void note_configured(const NetworkConfig& network, const Result<EnsuredNetwork>& result);
  void retry_attachments();
  void ask_again();
  void tell_endpoints(const HostReport& report);
  void tell_health(const std::string& network);
  void tell_health_of(const std::string& runtime);  // of all its networks
  void tell_host_of_runtimes();
  void note_standing(const NetworkFact& fact);
  void tell_standing();
  void tell_plugger();  // whose addresses it hands out
  void tell_evpn();     // which segments it is to look after
  std::string kind_of(const std::string& runtime) const;

  Timers& timers_;
  Config said_, config_;  // the latter: acted upon, with the runtimes that berthd was started with
  const LinkExists link_exists_;
  std::optional<Parts> parts_;  // between begin() and stop()
  Redistributor brain_;
  Plugging plugging_{brain_, timers_};
  std::unique_ptr<Timer> tick_, attachments_failed_, withdrawal_, elsewhere_;
  bool attachments_failed_armed_ = false, elsewhere_armed_ = false;
  bool swept_ = false;  // the host was told that all is known
  std::map<std::string, RuntimeState> runtimes_;
  SinkState sink_;
  // What is known of a configured network's being in the runtime and on the host.
  struct Known {
    std::optional<Problem> trouble;      // the runtime could not say: why
    std::optional<NetworkHealth> found;  // as the host sees it, or why it is not there
    std::string blocked_by;              // an interface of this host that is in its way
    NetworkKey key;
    bool wanted = false;                         // of the host
    unsigned made_before = 0;                    // GroundReport::made when its runtime was last seen to start
    bool host_asked = false;                     // what it finds of the network is the answer that the brain waits for
    std::uint64_t question = 0;                  // the last one that the runtime was asked of it
    bool has(const std::string& problem) const;  // found
  };
  std::map<std::string, Known> known_;                          // by network
  std::map<std::string, std::vector<UnknownNetwork>> unknown_;  // by runtime: it does not tell who is on it
  // By runtime and id: links on which its networks stand, whoever made them.
  std::map<std::string, std::map<std::string, std::set<std::string>>> standing_;
  std::map<std::string, GroundReport> grounds_;  // by network, of the configuration that is acted upon
  Evpn::Problems evpn_;
  std::uint64_t questions_ = 0;
  ProblemLog problem_log_;
  std::map<EndpointKey, std::string> told_endpoints_;
  AnswerLog answer_log_;
  std::map<RibKey, std::pair<RibState, WallTime>> since_;
  std::set<RibKey> unconnected_;  // marks for which zebra has no connected route
  std::function<void()> finished_;
  int looks_at_withdrawal_ = 0;
};

}  // namespace berth
