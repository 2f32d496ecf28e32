// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/show/rows.h"

#include <string_view>

#include "core/number.h"
#include "daemon/config/config_gaps.h"
#include "daemon/config/config_print.h"
#include "daemon/config/words.h"
#include "daemon/show/attachment_rows.h"

namespace berth {
namespace {

std::vector<std::string> silent_runtimes(const View& view) {
  std::vector<std::string> out;
  for (const RuntimeStatus& each : view.runtimes)
    if (!each.connected)
      out.push_back("Runtime " + each.name + " does not answer; see show status.");
    else if (!each.in_sync)
      out.push_back("Runtime " + each.name + " has not listed its containers yet.");
  return out;
}

NetworkRow network_row(const View& view, const AttachmentRows& attachments, const NetworkConfig& network) {
  NetworkRow out;
  out.name = network.name;
  out.runtime_network = network.runtime_network();
  out.driver = network.driver;
  for (const SubnetConfig& each : network.subnets) out.subnets.push_back(each.subnet.to_string());
  out.advertise = to_string(network.advertise);
  out.tag = network.tag;
  out.containers = attachments.containers_in(network.name);
  const auto health = view.health.find(network.name);
  out.looked_at = health != view.health.end();
  const NetworkHealth found = out.looked_at ? health->second : NetworkHealth{};
  out.interface = found.interface;
  out.attached = found.attached;
  out.nat = to_string(found.nat);
  out.v4 = found.v4;
  out.v6 = found.v6;
  out.problems = found.problems;
  return out;
}

// What stands for the network of a container that has no endpoint of its own.
std::string shared_network(const View& view, const ContainerFact& container) {
  constexpr std::string_view kShared = "container:";
  const std::string& mode = container.network_mode;
  if (!mode.starts_with(kShared)) return mode == "host" || mode == "none" ? mode : "";
  const std::string other = mode.substr(kShared.size());
  for (const ContainerFact& each : view.containers)
    if (each.key.id == other || each.name == other) return "of " + each.name;
  return "of " + other.substr(0, 12);
}

}  // namespace

StatusRows status_rows(const View& view) {
  StatusRows out;
  out.now = view.now;
  out.started_at = view.started_at;
  out.version = view.version;
  out.hostname = view.hostname;
  out.in_sync = view.in_sync;
  out.unknown_networks = view.unknown_networks;
  out.withdrawn = view.withdrawn;
  out.runtimes = view.runtimes;
  out.zebra = view.zebra;
  out.networks = view.config.networks.size();
  for (const auto& [name, health] : view.health) out.networks_with_problems += health.problems.empty() ? 0 : 1;
  out.containers = view.containers.size();
  out.routes = view.routes.size();
  for (const RouteView& route : view.routes) ++out.routes_in[std::string(to_string(route.state))];
  out.counters = view.counters;
  return out;
}

NetworksRows networks_rows(const View& view) {
  const AttachmentRows attachments(view);
  NetworksRows out{{}, silent_runtimes(view)};
  for (const auto& [name, network] : view.config.networks)
    out.networks.push_back(network_row(view, attachments, network));
  return out;
}

ContainersRows containers_rows(const View& view) {
  const AttachmentRows attachments(view);
  ContainersRows out{{}, silent_runtimes(view)};
  for (const ContainerFact& each : view.containers)
    out.containers.push_back({each.key.id, each.name, each.key.runtime, each.state, each.network_mode,
                              shared_network(view, each), attachments.of(each)});
  return out;
}

AttachmentsRows attachments_rows(const View& view) {
  const AttachmentRows attachments(view);
  AttachmentsRows out{{}, silent_runtimes(view)};
  for (const ContainerFact& each : view.containers)
    for (AttachmentRow& row : attachments.of(each)) out.attachments.push_back(std::move(row));
  return out;
}

RoutesRows routes_rows(const View& view) {
  RoutesRows out{{}, view.now, silent_runtimes(view), view.zebra.way};
  for (const RouteView& route : view.routes) {
    const auto since = view.since.find(route.key);
    out.routes.push_back({route.key.prefix.to_string(), route.network, route.container, route.subnet, route.tag,
                          std::string(to_string(route.state)), route.reason,
                          since == view.since.end() ? view.now : since->second});
  }
  return out;
}

LeasesRows leases_rows(const View& view) {
  LeasesRows out{{}, view.now};
  if (!view.leases) return out;
  std::map<ContainerKey, const ContainerFact*> containers;
  for (const ContainerFact& each : view.containers) containers[each.key] = &each;
  for (const auto& [key, lease] : *view.leases) {
    LeaseRow row{key.network, {}, key.container.id, key.container.runtime, {}, -1, "kept", {}};
    row.given = WallTime(std::chrono::seconds(lease.given));
    for (const IpAddress& each : lease.addresses) row.addresses.push_back(each.to_string());
    const auto found = containers.find(key.container);
    if (found != containers.end() && found->second->created == key.created) {
      row.container = found->second->name;
      for (const EndpointFact& each : found->second->endpoints)
        if (each.plugged() && each.addresses == lease.addresses) row.state = "used";
    }
    if (lease.released != 0) row.state = "rests";
    if (const auto delay = view.plug_delays.find(key.container); row.state == "used" && delay != view.plug_delays.end())
      row.delay = delay->second.count();
    out.leases.push_back(std::move(row));
  }
  return out;
}

ParentsRows parents_rows(const View& view) {
  ParentsRows out;
  for (const auto& [name, network] : view.config.networks) {
    const auto said = network.options.find("parent");
    if (said == network.options.end() || said->second.empty()) continue;
    ParentRow row;
    row.network = name;
    row.parent = *said->second.begin();
    if (const auto found = view.parents.find(name); found != view.parents.end()) {
      const HostParent& parent = found->second;
      row.parent = parent.name;
      row.state = !parent.there ? "missing" : !parent.up ? "down" : !parent.carrier ? "noCarrier" : "up";
      row.macs = parent.macs;
      row.limit = parent.limit;
      row.clashes = parent.clashes;
    }
    out.parents.push_back(std::move(row));
  }
  return out;
}

OverlaysRows overlays_rows(const View& view) {
  OverlaysRows out;
  for (const auto& [name, network] : view.config.networks) {
    const auto said = network.options.find("vni");
    if (said == network.options.end() || said->second.empty()) continue;
    OverlayRow row;
    row.network = name;
    if (const auto found = view.overlays.find(name); found != view.overlays.end()) row.overlay = found->second;
    row.overlay.vni = parse_number<std::uint32_t>(*said->second.begin()).value_or(0);
    for (const HostOverlay::Machine& each : row.overlay.machines) ++(each.vtep ? row.far : row.here);
    if (const auto health = view.health.find(name); health != view.health.end()) row.problems = health->second.problems;
    out.overlays.push_back(std::move(row));
  }
  return out;
}

CountersRows counters_rows(const View& view) {
  return {view.counters};
}

VersionRows version_rows(const View& view) {
  return {view.version,  view.hostname, view.zebra.connected, view.zebra.frr_version, view.zebra.module_version,
          view.zebra.way};
}

RunningConfigRows running_config_rows(const Config& config, const std::map<std::string, NetworkConfig>& drafts) {
  RunningConfigRows out{print_config(config), {}};
  for (const auto& [name, draft] : drafts) out.drafts.push_back({network_gap(config, draft), print_network(draft)});
  return out;
}

}  // namespace berth
