// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a watcher of a container runtime tells the daemon. One thread: the daemon's io_context.
//
// A watcher calls the sink from its own coroutine; the sink only takes notes and returns. After runtime_lost() nothing
// is known to be gone: the next snapshot() says what is.
#pragma once

#include <string>
#include <vector>

#include "core/facts.h"

namespace berth {

// A network of which the runtime fails to tell while it tells of others: what was known of it is kept.
struct UnknownNetwork {
  std::string id;
  std::string name;  // empty: it was never listed
  std::string why;
};

struct RuntimeSnapshot {
  std::vector<ContainerFact> containers;  // all, endpoints included
  std::vector<NetworkFact> networks;      // all
  std::vector<UnknownNetwork> unknown;    // all
};

class RuntimeSink {
 public:
  virtual ~RuntimeSink() = default;
  virtual void runtime_connected(const std::string& runtime, const std::string& version) = 0;
  virtual void runtime_lost(const std::string& runtime, const std::string& why) = 0;
  virtual void snapshot(const std::string& runtime, RuntimeSnapshot all) = 0;  // in sync from here on
  virtual void container_changed(ContainerFact fact) = 0;
  virtual void container_gone(const ContainerKey& key) = 0;
  virtual void network_changed(NetworkFact fact) = 0;
  virtual void network_gone(const std::string& runtime, const std::string& id) = 0;
  virtual void networks_unknown(const std::string& runtime, std::vector<UnknownNetwork> all) = 0;  // all of them
};

}  // namespace berth
