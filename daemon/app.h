// SPDX-License-Identifier: GPL-2.0-or-later
//
// The wiring: which runtime, which way into zebra, which host stand behind the interfaces that the reconciler knows, and the
// shell over it all. One thread, one io_context. Owner: main().
//
//   DockerRuntime ─ RuntimeSink ─> Reconciler <─ RouteSinkListener ─ ZebraClient
//   HostAgent ─ HostReport ──────>  │      │
//                                   │      └ StatusView ─> View ─> shows
//   VtyServer ─ ShellHost ─> App ───┘
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "container_watcher/attach/host_agent.h"
#include "container_watcher/attach/plug_agent.h"
#include "container_watcher/netlink/executor.h"
#include "core/config.h"
#include "core/route_sink.h"
#include "daemon/asio_timers.h"
#include "daemon/reconciler.h"
#include "daemon/status_view.h"
#include "daemon/vty/vty_server.h"
#include "fpm_bridge/vty/evpn_check.h"

namespace berth {

// Where berthd found its configuration and puts its shell.
struct AppOptions {
  std::string config_file;  // `write` saves there
  std::string vty_socket;   // empty: as the configuration says
  std::function<void(const LogConfig&)> set_log;
  std::function<std::uint64_t()> log_dropped;  // lines that the log had no room for
};

class App : public ShellHost {
 public:
  App(boost::asio::io_context& io, const Config& config, AppOptions options);
  Status start();  // an error: another berthd runs here, or there can never be a shell; nothing was begun
  void stop();
  void finish(std::function<void()> then) { reconciler_.finish(std::move(then)); }  // see there
  void reconfigure(const Config& config);  // networks, limits and log at once; the rest needs a restart, and says so
  void reload(const Config& config);       // the same, and the log says what is different
  void tell() const;                       // routes and counters into the log

 private:
  // What the shell asks for.
  View view() override { return status_.view(); }
  const Config& config() const override { return reconciler_.config(); }
  std::string hostname() const override { return status_.hostname(); }
  Explanation explain(const std::string& subject) const override { return reconciler_.brain().explain(subject); }
  void apply(const Config& config) override { reload(config); }
  Status save(const std::string& text) override;
  void withdraw(bool on) override { reconciler_.withdraw(on); }
  std::optional<firewall::Trace> trace(const firewall::TracedPacket& packet) const override {
    return host_.trace(packet);
  }

  Status open_shell();
  void look_for_shell();  // until /run/frr is there
  StatusView::Counters counters() const;

  const Config started_;  // runtimes and sockets are in use as they were said here
  const AppOptions options_;
  AsioTimers timers_;
  Reconciler reconciler_;
  std::unique_ptr<RouteSink> sink_;
  HostAgent host_;
  KernelExecutor plugs_executor_;
  PlugAgent plugs_;
  EvpnCheck evpn_;
  std::map<std::string, std::unique_ptr<Runtime>> runtimes_;  // by the name of their line
  StatusView status_;
  VtyServer vty_;
  std::unique_ptr<Timer> shell_;
  std::string told_shell_;  // why there is no shell
};

}  // namespace berth
