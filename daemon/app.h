// SPDX-License-Identifier: GPL-2.0-or-later
//
// The wiring: facts and answers in, steps out. One thread, one io_context; the only place that knows everybody.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "container_watcher/attach/host_agent.h"
#include "container_watcher/docker/docker_client.h"
#include "container_watcher/docker/docker_networks.h"
#include "container_watcher/docker/docker_watcher.h"
#include "core/backoff.h"
#include "core/config.h"
#include "daemon/answer_log.h"
#include "daemon/problem_log.h"
#include "daemon/vty/vty_server.h"
#include "fpm_bridge/client/zebra_client.h"
#include "redistribute/redistributor.h"

namespace berth {

// Where berthd found its configuration and puts its shell.
struct AppOptions {
  std::string config_file;  // `write` saves there
  std::string vty_socket;   // empty: as the configuration says
  std::function<void(const LogConfig&)> set_log;
  std::function<std::uint64_t()> log_dropped;  // lines that the log had no room for
};

class App : public RuntimeSink, public ZebraListener, public ShellHost {
 public:
  App(boost::asio::io_context& io, const Config& config, const AppOptions& options);
  Status start();  // an error: another berthd runs here, or there can never be a shell; nothing was begun
  void stop();
  // Calls `then` when zebra has taken back what `withdraw` withdrew, or after some seconds; at once where there is nothing.
  void finish(std::function<void()> then);
  void reconfigure(const Config& config);  // networks, limits and log at once; the rest needs a restart, and says so
  void reload(const Config& config);       // the same, and the log says what is different
  void tell() const;                       // routes and counters into the log

 private:
  void runtime_connected(const std::string& runtime, const std::string& version) override;
  void runtime_lost(const std::string& runtime, const std::string& why) override;
  void snapshot(const std::string& runtime, RuntimeSnapshot all) override;
  void container_changed(ContainerFact fact) override;
  void container_gone(const ContainerKey& key) override;
  void network_changed(NetworkFact fact) override;
  void network_gone(const std::string& runtime, const std::string& id) override;
  void networks_unknown(const std::string& runtime, std::vector<UnknownNetwork> all) override;
  void zebra_connected(const ZebraInfo& info) override;
  void zebra_lost(const Error& why) override;
  void zebra_synced(std::uint32_t swept) override;
  void rib_answer(const RibAnswer& answer) override;

  // What the shell asks for: app_shell.cpp.
  View view() override;
  const Config& config() const override { return config_; }
  std::string hostname() const override;
  Explanation explain(const std::string& subject) const override { return brain_.explain(subject); }
  void apply(const Config& config) override { reload(config); }
  Status save(const std::string& text) override;
  void withdraw(bool on) override;
  std::optional<firewall::Trace> trace(const firewall::TracedPacket& packet) const override {
    return host_.trace(packet);
  }
  void note_states();  // the clock of `since`
  void repeat_connected(const RibKey& mark);

  void work();
  void on_tick();
  Status open_shell();
  void attach(const std::string& network);  // makes or checks it in Docker; its health comes from the host agent
  void attach_all();
  boost::asio::awaitable<void> ensure(std::string network);
  void ensured(const std::string& network, const Result<EnsuredNetwork>& result);
  void ensure_failed_again();
  void host_looked(const HostReport& report);
  void tell_endpoints(const HostReport& report);
  void tell_health(const std::string& network);
  void set_health(const std::string& network, const NetworkHealth& health);

  boost::asio::io_context& io_;
  const Config started_;  // runtimes and sockets are in use as they were said here
  Config config_;
  Redistributor brain_;
  ZebraClient zebra_;
  DockerClient docker_;
  std::unique_ptr<DockerWatcher> watcher_;
  HostAgent host_;
  boost::asio::steady_timer tick_;
  bool docker_up_ = false, stopping_ = false;
  // What is known of a configured network's being in Docker and on the host.
  struct Ensuring {
    bool under_way = false;
    bool again = false;  // once more when done
    Backoff<std::chrono::milliseconds> backoff{std::chrono::seconds(1), std::chrono::seconds(60)};
    std::optional<std::chrono::steady_clock::time_point> due;  // the last try failed: when the next one is
    std::optional<Problem> trouble;                            // Docker could not say: why
    std::optional<NetworkHealth> found;                        // as the host agent sees it, or why it is not there
    NetworkKey key;
    bool has(const std::string& problem) const;  // found
  };
  std::map<std::string, Ensuring> ensuring_;  // by network
  boost::asio::steady_timer ensure_failed_;   // the earliest `due`
  std::vector<UnknownNetwork> unknown_;       // Docker does not tell who is on it
  ProblemLog problem_log_;
  std::map<EndpointKey, std::string> told_endpoints_;
  AnswerLog answer_log_;
  AppOptions options_;
  VtyServer vty_;
  const WallTime started_at_ = std::chrono::system_clock::now();
  std::string told_shell_;  // why there is no shell
  bool withdrawn_ = false, zebra_up_ = false;
  ZebraInfo zebra_info_;
  std::optional<Error> zebra_trouble_;  // why it is away
  std::string docker_version_;
  std::set<std::string> synced_;                 // runtimes that have listed
  std::map<std::string, NetworkHealth> health_;  // the last of each network
  std::map<RibKey, std::pair<RibState, WallTime>> since_;
  std::set<RibKey> unconnected_;  // marks for which zebra has no connected route
};

}  // namespace berth
