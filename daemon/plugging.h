// SPDX-License-Identifier: GPL-2.0-or-later
//
// The reconciler's part of plugging single containers in: asks the container's runtime for its network namespace, has the plugger
// do it, and adds what it made to what the runtime says of the container. So a container that berthd plugged in is one on a
// network like any other to all who come after. One thread: the daemon's. Owner: the Reconciler.
//
// Failures: what does not succeed stays a difference in the brain and is tried again; it is told once.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "container_watcher/attach/plugger.h"
#include "container_watcher/runtime.h"
#include "core/config.h"
#include "daemon/timers.h"
#include "redistribute/redistributor.h"

namespace berth {

class Plugging {
 public:
  using Deliver = std::function<void(ContainerFact)>;
  Plugging(Redistributor& brain, Timers& timers) : brain_(brain), timers_(timers) {}
  // `deliver`: what a runtime said, where whole() makes something else of it now; `work`: the brain may have something to do.
  void begin(Plugger& plugger, std::map<std::string, Runtime*> runtimes, Deliver deliver, std::function<void()> work);
  void stop() { plugger_ = nullptr; }

  // What the runtime says of a container, with what was plugged in.
  ContainerFact whole(ContainerFact fact);
  void forget(const ContainerKey& container);
  void listed(const std::string& runtime, const std::vector<ContainerFact>& all);
  void configure(const AttachmentKey& key, const AttachmentSpec& spec, const NetworkConfig& network,
                 const NetworkKey& network_key);
  void unconfigure(const AttachmentKey& key);
  // Something took its link away: it is made again.
  void lost(const EndpointKey& endpoint);
  // The same of those whose own link on the host is not there.
  void look(const std::function<bool(const std::string& link)>& is_there);
  // How long each ran before it was plugged in, from when its runtime told of it.
  std::map<ContainerKey, std::chrono::milliseconds> delays() const;

 private:
  struct Known {
    ContainerFact said;  // by the runtime
    EndpointFact plugged;
    std::optional<std::string> incarnation;  // that it was plugged in; nothing: none
    std::string told;                        // of what went wrong
    unsigned stale = 0;                      // failures in a row that look like its end
    std::optional<Timer::Time> runs_since;   // and is without an address
    std::chrono::milliseconds delay{};
  };
  void configured(const AttachmentKey& key, const std::string& incarnation, Plugger::Plugged result);
  void failed(const AttachmentKey& key, const Error& why);
  void without(Known* known);

  Redistributor& brain_;
  Timers& timers_;
  Plugger* plugger_ = nullptr;  // between begin() and stop()
  std::map<std::string, Runtime*> runtimes_;
  Deliver deliver_;
  std::function<void()> work_;
  std::map<ContainerKey, Known> known_;  // containers that have no network of their runtime's, and ask for one
};

}  // namespace berth
