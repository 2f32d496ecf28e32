// SPDX-License-Identifier: GPL-2.0-or-later
//
// The way into zebra's RIB, whatever it is: the client of our module is one, FRR's northbound another. One suite of
// tests runs over every one of them (tests/support/route_sink_suite.h). One thread: the daemon's io_context.
//
// A sink connects by itself, and again when it was lost. Each session begins with sink_connected(); the listener then says
// everything anew and ends with end_of_sync(). What is put, removed or asked while there is no session is dropped. Changes
// coalesce by key: of two that wait, the later one counts. A sink calls its listener from its own turn of the loop, never from
// within a call of the listener's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/rib.h"

namespace berth {

// Whom the sink has reached.
struct RouteSinkInfo {
  std::string frr_version;
  std::string software;    // the other end's: the module and its version
  std::string route_type;  // as FRR names it: "openfabric"
};

class RouteSinkListener {
 public:
  virtual ~RouteSinkListener() = default;
  virtual void sink_connected(const RouteSinkInfo& info) = 0;
  virtual void sink_lost(const Error& why) = 0;  // also where nobody was found; the same trouble is told once
  // It is connected, and what is said is held up for now, and why; nothing: no longer. A sink that tries again itself.
  virtual void sink_troubled(const std::optional<Error>& why) = 0;
  virtual void sink_synced(std::uint32_t swept) = 0;  // all that was said is done, and so many old objects were swept
  virtual void sink_answered(const RibAnswer& answer) = 0;  // what became of one object; again when that changes
  virtual void sink_found(const RibFound& found) = 0;       // the answer to ask()
};

class RouteSink {
 public:
  virtual ~RouteSink() = default;
  virtual void start() = 0;
  virtual void stop() = 0;  // in order: what is in the RIB stays there for the grace time
  virtual void put(const RibObject& object) = 0;
  virtual void remove(const RibKey& key) = 0;
  // What the RIB has for exactly this prefix. Of several questions on one prefix the last one is answered, unless the session
  // ends before; by an error where the sink can't say.
  virtual void ask(const Prefix& prefix) = 0;
  // After all that was put before; may be said again. `keep`: where nothing must be swept, since it is not known yet what should
  // be there.
  virtual void end_of_sync(std::vector<Prefix> keep = {}) = 0;
  virtual bool idle() const = 0;  // nothing waits to be said or answered
  virtual const std::map<std::string, std::uint64_t>& counters() const = 0;
};

}  // namespace berth
