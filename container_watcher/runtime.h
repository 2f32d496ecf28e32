// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a container runtime is to the daemon, whichever it is: facts out, networks made. One thread: the daemon's io_context.
//
// A runtime connects by itself, and again when it was lost. It calls the sink from its own turn of the loop, never from within a
// call of the daemon's; the sink only takes notes and returns. After runtime_lost() nothing is known to be gone: the next
// snapshot() says what is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "container_watcher/netlink/operation.h"
#include "core/config.h"
#include "core/facts.h"
#include "core/result.h"

namespace berth {

// A network of which the runtime fails to tell while it tells of others: what was known of it is kept.
struct UnknownNetwork {
  std::string id;
  std::string name;  // empty: it was never listed
  std::string why;   // for an operator: "Docker does not tell who is on it: …"
  std::string remedy = {};
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

// A network that the runtime is to have, in words that every runtime understands. Made by a driver (attach/driver.h).
struct RuntimeNetwork {
  std::string network;         // NetworkConfig::name: what our mark on it says
  std::string name;            // in the runtime
  bool make = true;            // where it is not there; else it is taken as it is
  std::string driver;          // the runtime's own word: "bridge"
  std::string interface;       // what its link on the host is to be called
  bool there_already = false;  // that link is another's, and is there
  std::vector<SubnetConfig> subnets;
  std::uint32_t mtu = 0;                           // bytes; 0: the runtime's default
  bool mtu_at_most = false;                        // one that is there may have less
  std::map<std::string, IpAddress> reserved = {};  // addresses that no container gets, by whose they are
  bool nat = false;                                // whether the runtime masquerades what leaves it
  // More of the runtime driver's own, as they stand: "parent" -> "eth1". What it does where one is not said: `defaults`.
  std::map<std::string, std::string> options = {}, defaults = {};
};

// What became of a network of berthd.conf in the runtime.
struct EnsuredNetwork {
  NetworkFact fact;  // without an id: it is not there, and the problems say why it can't be made
  bool created = false;
  std::vector<Problem> problems;
  std::string blocked_by = {};  // an interface of this host that is in its way: ask again when that is gone
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual void start() = 0;
  virtual void stop() = 0;  // its coroutines end with the next turns of the loop; nothing is called back any more
  // Makes the network where it is not there, and says how it is; never changes one that is there. What the runtime has told
  // already is not asked for again. Transient: the runtime does not say, ask again.
  virtual void ensure(const RuntimeNetwork& network, std::function<void(Result<EnsuredNetwork>)> then) = 0;
  // Where a running container's network namespace is: by a way that a later process of the same pid does not end up in. Stale:
  // it runs no more, or has none of its own.
  virtual void netns(const ContainerKey& container, std::function<void(Result<Netns>)> then) = 0;
  virtual std::map<std::string, std::uint64_t> counters() const = 0;  // for `show counters`
};

}  // namespace berth
