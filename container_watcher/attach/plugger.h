// SPDX-License-Identifier: GPL-2.0-or-later
//
// Plugs single containers into networks whose runtime does not: a link, addresses that berthd hands out, a default route.
// PlugAgent is the real one. One thread: the daemon's io_context; nothing here blocks, and what is asked is answered in a later
// turn of the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/ipam/lease_book.h"
#include "container_watcher/netlink/operation.h"
#include "core/attachment.h"
#include "core/config.h"
#include "core/facts.h"
#include "core/result.h"

namespace berth {

struct PlugOrder {
  AttachmentKey key;
  std::int64_t created = 0;  // of the container: Unix seconds
  std::string incarnation;   // incarnation_of() the container
  NetworkConfig network;     // settled
  NetworkKey network_key;    // which one of its runtime's that is
  Netns netns;
  std::string netns_path = {};  // where it can be looked for later, where the runtime says it
  bool plugged_in = false;      // it is there already, and routes may point at it: nothing of it is taken away
  std::set<IpAddress> of_host = {}, of_others = {};  // addresses that somebody has who has no lease
};

using Leases = std::map<LeaseKey, Lease>;

class Plugger {
 public:
  // Nothing: what is plugged in can't become what is ordered, and has to be unplugged first; it is as it was.
  using Plugged = Result<std::optional<EndpointFact>>;

  virtual ~Plugger() = default;
  virtual void start() = 0;
  virtual void stop() = 0;  // nothing is answered any more
  // Doing it twice is doing it once. The endpoint is there when it is answered, and is the only link of berth's there. Stale: the
  // container has ended meanwhile. Transient: again, later. Permanent: the operator must do something.
  virtual void plug(PlugOrder order, std::function<void(Plugged)> then) = 0;
  virtual void unplug(const AttachmentKey& key, const Netns& netns, std::function<void(Status)> then) = 0;
  // Whose full lists come, and into which networks containers are plugged. A lease of another network, or of a runtime of which no
  // list comes, is one that no list names.
  virtual void configured(std::set<std::string> runtimes, std::set<std::string> networks) = 0;
  // A full list of a runtime. Addresses of containers that two such lists do not name are given back.
  virtual void containers(const std::string& runtime, const std::vector<ContainerFact>& all) = 0;
  virtual std::shared_ptr<const Leases> leases() const = 0;
};

}  // namespace berth
