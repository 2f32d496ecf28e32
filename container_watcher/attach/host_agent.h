// SPDX-License-Identifier: GPL-2.0-or-later
//
// Watches the host for its networks: its addresses, its links and their sysctls, its firewall, and the ports by which
// containers hang on their bridges. Looks again whenever the kernel says that something changed (rtnetlink, nf_tables),
// when a wanted changes, and once a minute in any case.
//
// Thread: everything here is called on the io_context's thread; one worker thread of its own does what blocks and posts
// what it found. Owner: the daemon. A notification means "look again" and is never read for its content, so a lost one
// (ENOBUFS) means the same. While the kernel is silent nothing runs.
//
// Failures: what can't be seen is looked at again within a second, slower each time; until then what was seen last counts.
// After some failures it is a problem of the networks, in their health: it blocks only where nothing was ever seen, for
// what was good is not bad because one can't look. Without netlink groups it looks every five seconds.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/attach/host.h"
#include "container_watcher/attach/host_keeper.h"
#include "container_watcher/attach/port_book.h"
#include "container_watcher/netlink/watch.h"
#include "core/backoff.h"
#include "core/config.h"
#include "core/facts.h"

namespace berth {

class HostAgent : public Host {
 public:
  // `drivers`: of the networks that are wanted. One whose driver is not among them is never attached.
  HostAgent(boost::asio::io_context& io, Listener listener, DriverLookup drivers = {});
  ~HostAgent() override;
  void start() override;
  void stop() override;
  void configured(const std::map<std::string, NetworkConfig>& networks, const HostSettings& settings) override;
  void sweep() override;
  void want(const NetworkSite& site, std::vector<Problem> problems) override;
  void unwant(const std::string& network) override;
  void forget(const std::string& network) override;
  void repeat_addresses(const std::string& interface) override;
  void runtime_here(bool here) override;
  void standing(std::optional<std::set<std::string>> links) override;
  void containers(const std::string& runtime, const std::vector<ContainerFact>& all) override;
  void container_changed(const ContainerFact& fact) override;
  void container_gone(const ContainerKey& key) override;
  // One packet through the rules as they were last read. Nothing: they were never read.
  std::optional<firewall::Trace> trace(const firewall::TracedPacket& packet) const;
  const HostCounters& counters() const override { return counters_; }
  std::map<EndpointKey, HostPort> ports() const override { return book_->ports(); }
  std::map<std::string, HostParent> parents() const override { return parents_; }
  const std::map<std::string, HostOverlay>& overlays() const override { return overlays_; }

 private:
  struct Worker;
  struct Look;
  using Clock = std::chrono::steady_clock;
  void look_soon(Clock::duration delay);
  void look_after_rest();
  void follow();
  void ask();
  void found(Look look);
  void be_patient(const std::string& network, NetworkHealth* health, bool docker_writes);
  void note_closed(Look* look);
  bool may_pass(Clock::time_point since, bool docker_writes);
  template <class Key>
  bool hold_back(std::map<Key, Clock::time_point>* bad_since, const Key& key, bool docker_writes);
  void look_at_ports(bool unbound);
  void note_endpoints(HostReport* report, std::map<EndpointKey, Problem> found);

  boost::asio::io_context& io_;
  Listener listener_;
  const DriverLookup drivers_;
  struct Followed {  // as long as a network needs it: a host may have a full table
    Watch watch;
    bool on = false;
  };
  void follow(Followed* what, bool wanted);
  Watch watch_;
  Followed routes_, neighbours_;
  boost::asio::steady_timer soon_, slow_;
  Clock::time_point soon_at_{};
  bool soon_armed_ = false, busy_ = false, again_ = false, blind_ = false, stopped_ = true;
  Clock::duration last_took_{};
  Backoff<Clock::duration> retry_{std::chrono::milliseconds(250), std::chrono::seconds(30)};  // of what can't be seen
  WantedHost wanted_;
  std::uint64_t wanted_number_ = 0, reported_number_ = 0, configured_number_ = 0;
  std::map<std::string, std::uint64_t> wanted_at_;        // by network: what was looked at earlier was another site
  std::map<std::string, std::vector<Problem>> problems_;  // the runtime's
  Clock::duration patience_{};
  std::map<std::pair<std::string, Family>, Clock::time_point> dropped_since_;  // network, family
  std::map<std::string, std::vector<Prefix>> closed_;  // by network: addresses that were reported as closed
  std::map<std::pair<std::string, Prefix>, Clock::time_point> closed_since_;  // of those that are not reported yet
  std::map<EndpointKey, Clock::time_point> endpoint_bad_since_;
  bool runtime_here_ = true;
  Clock::time_point runtime_came_{}, rules_moved_{};
  std::set<std::string> repeats_;  // interfaces
  HostReport last_;
  std::map<std::string, HostParent> parents_;  // of the last look
  std::map<std::string, HostOverlay> overlays_;
  std::shared_ptr<const JudgedRules> judged_;  // what the last verdicts were made of
  HostCounters counters_;
  const std::shared_ptr<PortBook> book_;  // the worker has it too
  std::shared_ptr<Worker> worker_;
};

}  // namespace berth
