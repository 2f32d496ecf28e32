// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/app.h"

#include <net/if.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "daemon/config/config_changes.h"
#include "daemon/config/file_access.h"
#include "daemon/log.h"
#include "daemon/tenants.h"

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kShellRetry = 5s;

// The lines that differ and are not acted upon while berthd runs.
std::string waits_for_a_start(const Config& started, const Config& now) {
  std::string out;
  const auto line = [&](const char* name, bool differs) {
    if (differs) out.append(out.empty() ? "" : ", ").append(name);
  };
  line("runtime", now.runtimes != started.runtimes);
  line("zebra socket", now.zebra.way != started.zebra.way || now.zebra.socket != started.zebra.socket);
  line("zebra grace-time", now.zebra.grace_seconds != started.zebra.grace_seconds);
  line("zebra commit-delay", now.zebra.commit_delay != started.zebra.commit_delay);
  line("zebra route-limit", now.zebra.route_limit != started.zebra.route_limit);
  line("zebra hold-time", now.zebra.hold_seconds != started.zebra.hold_seconds);
  line("lease-file", now.lease_file != started.lease_file);
  line("vty socket", now.vty.socket != started.vty.socket);
  return out;
}

// Where FRR's daemons have their sockets.
std::string frr_folder(const ZebraConfig& zebra) {
  const RouteSinkKind* kind = find_route_sink_kind(zebra.way);
  return kind && kind->folder ? zebra.socket : std::filesystem::path(zebra.socket).parent_path().string();
}

PlugAgent::Storage lease_storage(const std::string& path) {
  return {path,
          [path] {
            return access(path.c_str(), F_OK) != 0 && errno == ENOENT ? Result<std::string>(std::string())
                                                                      : read_file(path, ReadFrom::File);
          },
          [path](const std::string& text) {
            std::error_code ignored;  // what keeps the folder from being made keeps the file from being saved
            std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
            return save_file(path, text);
          }};
}

}  // namespace

App::App(boost::asio::io_context& io, const Config& config, AppOptions options)
    : started_(config),
      options_(std::move(options)),
      timers_(io),
      reconciler_(timers_, config, [](const std::string& name) { return if_nametoindex(name.c_str()) != 0; }),
      sink_(find_route_sink_kind(config.zebra.way)->make(io, config.settled_zebra(), reconciler_)),
      host_(
          io, [this](const HostReport& report) { reconciler_.host_looked(report); }, find_driver),
      plugs_(io, find_driver, lease_storage(config.lease_file), plugs_executor_),
      evpn_(io, frr_folder(config.zebra), [this](const Evpn::Problems& problems) { reconciler_.evpn_found(problems); }),
      status_(started_, reconciler_, [this] { return counters(); }),
      vty_(io, {options_.vty_socket.empty() ? config.vty.socket : options_.vty_socket, config.vty.max_clients}, *this),
      shell_(timers_.make()) {
  for (const RuntimeConfig& each : config.runtimes)
    runtimes_[each.name] = find_runtime_kind(each.kind)->make(io, each, reconciler_);
}

Status App::start() {
  Status shell = open_shell();
  if (!shell && shell.error().kind == ErrorKind::Permanent) return shell;
  std::map<std::string, Runtime*> runtimes;
  for (const auto& [name, runtime] : runtimes_) runtimes[name] = runtime.get();
  reconciler_.begin({*sink_, host_, plugs_, std::move(runtimes), find_driver, &evpn_});
  look_for_shell();
  return {};
}

Status App::open_shell() {
  Status listening = vty_.start();
  const std::string why = listening ? "" : listening.error().message + "; " + listening.error().remedy;
  if (!listening && why != told_shell_) spdlog::error("no shell: {}", why);
  told_shell_ = why;
  return listening;
}

void App::look_for_shell() {
  if (!vty_.listening()) static_cast<void>(open_shell());
  shell_->at(timers_.now() + kShellRetry, [this] { look_for_shell(); });
}

void App::stop() {
  vty_.stop();
  shell_->cancel();
  reconciler_.stop();
}

void App::reload(const Config& config) {
  const std::string changes = config_changes(reconciler_.config(), config);
  notice("the configuration was read: {}", changes.empty() ? "nothing changed" : changes);
  reconfigure(config);
}

void App::reconfigure(const Config& config) {
  const std::string late = waits_for_a_start(started_, config);
  if (!late.empty()) spdlog::warn("changed since berthd started, and in force from its next start on: {}", late);
  if (!(config.log == reconciler_.config().log) && options_.set_log) options_.set_log(config.log);
  vty_.set_max_clients(config.vty.max_clients);
  reconciler_.reconfigure(config);
}

void App::tell() const {
  for (const RouteView& route : reconciler_.brain().routes())
    spdlog::info("{}{} tag {} network {} {} {} {}", route.subnet ? "subnet " : "", route.key.prefix.to_string(),
                 route.tag, route.network, route.container, to_string(route.state), route.reason);
  for (const auto& [name, n] : reconciler_.brain().counters()) spdlog::info("counter {} {}", name, n);
}

Status App::save(const std::string& text) {
  Status saved = save_file(options_.config_file, text);
  if (saved) notice("the configuration is saved in {}", options_.config_file);
  return saved;
}

StatusView::Counters App::counters() const {
  StatusView::Counters out = sink_->counters();
  const auto add = [&](const StatusView::Counters& more) {
    for (const auto& [name, value] : more) out[name] += value;
  };
  add(vty_.counters());
  for (const auto& [name, runtime] : runtimes_) add(runtime->counters());
  add({{"hostLooks", host_.counters().looks},
       {"hostOverruns", host_.counters().overruns},
       {"hostHeldBack", host_.counters().held_back},
       {"entriesWritten", host_.counters().entries_written},
       {"addressProbes", host_.counters().address_probes},
       {"addressClashes", host_.counters().address_clashes},
       {"addressProbesFailed", host_.counters().address_probes_failed},
       {"hostRuleChanges", host_.counters().rule_changes}});
  if (options_.log_dropped) add({{"logDropped", options_.log_dropped()}});
  return out;
}

}  // namespace berth
