// SPDX-License-Identifier: GPL-2.0-or-later
//
// The two printers of the shows: text for people, JSON for programs. They print what the rows say, and decide nothing. Pure; any
// thread. The keys of the JSON documents are an interface (docs/berthctl.md): they only ever get added.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "container_watcher/firewall/verdict.h"
#include "daemon/show/rows.h"

namespace berth {

boost::json::value to_json(const StatusRows& status);
boost::json::value to_json(const NetworksRows& rows);
boost::json::value to_json(const ContainersRows& rows);
boost::json::value to_json(const AttachmentsRows& rows);
boost::json::value to_json(const RoutesRows& rows);
boost::json::value to_json(const LeasesRows& rows);
boost::json::value to_json(const ParentsRows& rows);
boost::json::value to_json(const OverlaysRows& rows);
boost::json::value to_json(const CountersRows& rows);
boost::json::value to_json(const VersionRows& version);
boost::json::value to_json(const RunningConfigRows& config);
boost::json::value to_json(const Explanation& explanation);
boost::json::value to_json(const firewall::Trace& trace);

std::string to_text(const StatusRows& status);
std::string to_text(const NetworksRows& rows);
std::string to_text(const ContainersRows& rows);
std::string to_text(const AttachmentsRows& rows);
std::string to_text(const RoutesRows& rows);
std::string to_text(const LeasesRows& rows);
std::string to_text(const ParentsRows& rows);
std::string to_text(const OverlaysRows& rows);
std::string to_text(const CountersRows& rows);
std::string to_text(const VersionRows& version);
std::string to_text(const RunningConfigRows& config);
std::string to_text(const Explanation& explanation);
std::string to_text(const firewall::Trace& trace);

// With line breaks and two spaces for each level, as FRR prints JSON.
std::string pretty(const boost::json::value& value);

template <class Rows>
std::string printed(const Rows& rows, bool as_json) {
  return as_json ? pretty(to_json(rows)) : to_text(rows);
}

}  // namespace berth
