// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/status_view.h"

#include <unistd.h>

#include <fstream>
#include <utility>

namespace berth {
namespace {

LinkStatus link_of(const std::string& interface) {
  LinkStatus out;
  if (interface.empty() || interface.find('/') != std::string::npos) return out;
  const std::string folder = "/sys/class/net/" + interface;
  std::ifstream(folder + "/mtu") >> out.mtu;
  std::string state;
  std::ifstream(folder + "/operstate") >> state;
  out.up = state == "up" || state == "unknown";
  return out;
}

}  // namespace

StatusView::StatusView(const Config& started, Reconciler& reconciler, std::function<Counters()> counters)
    : started_(started), reconciler_(reconciler), counters_(std::move(counters)) {}

std::string StatusView::hostname() const {
  if (!reconciler_.config().hostname.empty()) return reconciler_.config().hostname;
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && *name ? name : "berthd";
}

View StatusView::view() {
  const Redistributor& brain = reconciler_.brain();
  const Reconciler::SinkState& sink = reconciler_.sink();
  View view;
  view.now = std::chrono::system_clock::now();
  view.started_at = started_at_;
  view.version = BERTH_VERSION;
  view.hostname = hostname();
  view.in_sync = brain.in_sync();
  view.unknown_networks = brain.unknown_networks();
  view.withdrawn = brain.withdrawn();
  for (const RuntimeConfig& each : started_.runtimes) {
    const Reconciler::RuntimeState& runtime = reconciler_.runtime(each.name);
    view.runtimes.push_back(
        {each.name, each.kind, runtime.version, runtime.connected, runtime.connected && brain.listed(each.name)});
  }
  view.zebra = {brain.zebra_up(), brain.zebra_up() && brain.in_sync(), started_.zebra.socket, sink.info.frr_version,
                sink.info.software};
  view.zebra.way = started_.zebra.way;
  if (sink.trouble) {
    view.zebra.reason = sink.trouble->message;
    view.zebra.remedy = sink.trouble->remedy;
  }
  view.counters = brain.counters();
  for (const auto& [name, value] : counters_()) view.counters[name] += value;
  view.config = reconciler_.config();
  view.config.runtimes = started_.runtimes;
  view.health = brain.health();
  view.routes = brain.routes();
  const auto& since = reconciler_.since();
  for (const RouteView& route : view.routes)
    if (const auto entry = since.find(route.key); entry != since.end() && entry->second.first == route.state)
      view.since[route.key] = entry->second.second;
  view.containers = brain.containers();
  for (const auto& [name, health] : view.health) view.links[health.interface] = link_of(health.interface);
  view.ports = reconciler_.ports();
  view.endpoint_problems = brain.endpoint_problems();
  view.parents = reconciler_.parents();
  view.overlays = reconciler_.overlays();
  view.leases = reconciler_.leases();
  view.plug_delays = reconciler_.plug_delays();
  return view;
}

}  // namespace berth
