// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/tenants.h"

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/macvlan/macvlan_driver.h"
#include "container_watcher/attach/overlay/overlay_driver.h"
#include "container_watcher/attach/routed/routed_driver.h"
#include "container_watcher/containerd/containerd_runtime.h"
#include "container_watcher/docker/docker_runtime.h"
#include "fpm_bridge/client/zebra_client.h"
#include "fpm_bridge/northbound/northbound_sink.h"

namespace berth {
namespace {

template <class Driver>
const Driver* the() {
  static const Driver kDriver;
  return &kDriver;
}

template <class R>
std::unique_ptr<Runtime> runtime(boost::asio::io_context& io, const RuntimeConfig& config, RuntimeSink& sink) {
  return std::make_unique<R>(io, config, sink);
}

template <class S>
std::unique_ptr<RouteSink> route_sink(boost::asio::io_context& io, const ZebraConfig& config,
                                      RouteSinkListener& listener) {
  return std::make_unique<S>(io, config, listener);
}

template <class Kind>
const Kind* find(const std::vector<Kind>& kinds, std::string_view name) {
  for (const Kind& each : kinds)
    if (each.name == name) return &each;
  return nullptr;
}

}  // namespace

const std::vector<const Driver*>& drivers() {
  static const std::vector<const Driver*> kDrivers = {
      the<BridgeDriver>(),
      the<MacvlanDriver>(),
      the<RoutedDriver>(),
      the<OverlayDriver>(),
  };
  return kDrivers;
}

const std::vector<RuntimeKind>& runtime_kinds() {
  static const std::vector<RuntimeKind> kKinds = {
      {"docker", "A Docker engine", "unix:/run/docker.sock", true, runtime<DockerRuntime>},
      {"containerd", "A containerd", "unix:/run/containerd/containerd.sock", false, runtime<ContainerdRuntime>},
  };
  return kKinds;
}

const std::vector<RouteSinkKind>& route_sink_kinds() {
  static const std::vector<RouteSinkKind> kKinds = {
      {"socket", "The socket of zebra_fpm_bridge.so", "/run/frr/berth.sock", route_sink<ZebraClient>},
      {"northbound", "FRR's own configuration, without a module: static routes", "/run/frr", route_sink<NorthboundSink>,
       true},
  };
  return kKinds;
}

const Driver* find_driver(std::string_view name) {
  for (const Driver* each : drivers())
    if (each->name() == name) return each;
  return nullptr;
}

const RuntimeKind* find_runtime_kind(std::string_view name) {
  return find(runtime_kinds(), name);
}

const RouteSinkKind* find_route_sink_kind(std::string_view name) {
  return find(route_sink_kinds(), name);
}

}  // namespace berth
