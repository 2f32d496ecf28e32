// SPDX-License-Identifier: GPL-2.0-or-later
//
// What berth can work with: the kinds of attachment, of runtime, and of way into zebra. A new one is a folder of its own and a
// line in daemon/tenants.cpp; the configuration's grammar, `?` and berthd itself read these tables. Any thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/attach/driver.h"
#include "container_watcher/runtime.h"
#include "core/config.h"
#include "core/route_sink.h"

namespace berth {

const std::vector<const Driver*>& drivers();
// nullptr: there is none of that name.
const Driver* find_driver(std::string_view name);

struct RuntimeKind {
  std::string name;     // as in `runtime docker SOCKET`
  std::string help;     // one line, for `?`
  std::string address;  // where it is on most hosts: "unix:/run/docker.sock"
  bool networks;        // it makes networks and plugs containers into them; else berthd does
  std::unique_ptr<Runtime> (*make)(boost::asio::io_context& io, const RuntimeConfig& config, RuntimeSink& sink);
};
const std::vector<RuntimeKind>& runtime_kinds();
const RuntimeKind* find_runtime_kind(std::string_view name);

struct RouteSinkKind {
  std::string name;     // as in `zebra socket PATH`
  std::string help;     // one line, for `?`
  std::string address;  // where it is on most hosts: "/run/frr/berth.sock"
  std::unique_ptr<RouteSink> (*make)(boost::asio::io_context& io, const ZebraConfig& config,
                                     RouteSinkListener& listener);
  bool folder = false;  // the address is the folder where FRR's daemons have their sockets, and can be left out
};
const std::vector<RouteSinkKind>& route_sink_kinds();
const RouteSinkKind* find_route_sink_kind(std::string_view name);

}  // namespace berth
