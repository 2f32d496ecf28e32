// SPDX-License-Identifier: GPL-2.0-or-later
//
// Does another machine on the segment of a parent have a container's address? Asked once when the endpoint is found on its
// parent (port_book.h) and when that parent has come back, some times in a short time (a frame may be lost), and again each
// minute for as long as somebody answers. A parent that is a link of berthd's own has nobody else behind it.
//
// A macvlan does not hear what its parent sends, so that any answer to it is another machine's, even one with the container's own
// MAC address: Docker makes that of the address. Where the switch reflects, macvlans of the parent hear it and answer, too.
//
// Bounded: so many addresses are asked for at a time, the others wait. A probe that can't be made is counted, told, and made a
// minute later. No clock of its own, nothing blocks; thread: the host's worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/attach/port_book.h"
#include "container_watcher/netlink/address_probe.h"
#include "core/facts.h"

namespace berth {

struct AddressClash {
  EndpointKey key;
  std::string container, network, parent;  // names
  IpAddress address;
  Mac mac = 0;  // the other's
};

class AddressProbes {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Open = std::function<Result<std::unique_ptr<ProbeSocket>>(int index, Mac mac)>;
  struct Counts {
    std::uint64_t probes = 0, clashes = 0, failed = 0;
    bool operator==(const Counts&) const = default;
  };
  explicit AddressProbes(Open open) : open_(std::move(open)) {}
  // All that there are now. `parents` by network.
  void set(const std::map<std::string, MacParent>& parents, const std::vector<ParentEndpoint>& endpoints, Time now);
  bool turn(Time now);              // asks, and reads answers. True: what is told below is different
  std::optional<Time> due() const;  // of the next turn
  std::vector<AddressClash> clashes() const;
  std::map<EndpointKey, Problem> refused() const;    // "address-clash"
  std::optional<Problem> failure(int parent) const;  // "probe-impossible"
  Counts take_counts() { return std::exchange(counts_, {}); }

 private:
  struct Segment {
    MacParent parent;
    std::unique_ptr<ProbeSocket> socket;  // while one is asked for
    bool reflects = false;
    std::optional<Problem> failed;
  };
  struct Probe {
    std::string container, network;
    int parent = 0;
    Mac mac = 0;
    Time next;      // when there is something to do
    int asked = 0;  // times, in this round; 0: none is under way
    Mac clash = 0;  // who answered in the last one
  };
  using Key = std::pair<EndpointKey, IpAddress>;
  void add(const ParentEndpoint& endpoint, int parent, Time now, std::map<Key, Probe>* all);
  bool listen(Time now);
  bool go_on(const IpAddress& address, Probe* probe, Time now);
  bool ask(const IpAddress& address, Probe* probe, Time now);
  Status send(const IpAddress& address, Segment* segment) const;
  std::size_t asking() const;

  const Open open_;
  std::map<int, Segment> segments_;  // by the parent's index
  std::map<Key, Probe> probes_;
  Time turned_{};
  Counts counts_;
};

}  // namespace berth
