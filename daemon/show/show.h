// SPDX-License-Identifier: GPL-2.0-or-later
//
// The shows: a View as text for people and as JSON for programs. Pure; any thread. The keys of the JSON documents are an
// interface (docs/berthctl.md): they only ever get added.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "container_watcher/firewall/verdict.h"
#include "daemon/show/view.h"

namespace berth {

boost::json::value status_json(const View& view);
boost::json::value networks_json(const View& view);
boost::json::value containers_json(const View& view);
boost::json::value attachments_json(const View& view);
boost::json::value routes_json(const View& view);
boost::json::value counters_json(const View& view);
boost::json::value version_json(const View& view);
boost::json::value running_config_json(const View& view);
boost::json::value explain_json(const Explanation& explanation);

boost::json::value trace_json(const firewall::Trace& trace);

std::string status_text(const View& view);
std::string networks_text(const View& view);
std::string containers_text(const View& view);
std::string attachments_text(const View& view);
std::string routes_text(const View& view);
std::string counters_text(const View& view);
std::string version_text(const View& view);
std::string trace_text(const firewall::Trace& trace);
std::string explain_text(const Explanation& explanation);

// With line breaks and two spaces for each level, as FRR prints JSON.
std::string pretty(const boost::json::value& value);

}  // namespace berth
