// SPDX-License-Identifier: GPL-2.0-or-later
//
// Watches the host for bridge networks: its addresses, its links, its firewall. Looks again whenever the kernel says
// that something changed (rtnetlink, nf_tables), when a wish changes, and once a minute in any case.
//
// Thread: everything here is called on the io_context's thread; one worker thread of its own does what blocks and posts
// what it found. Owner: the daemon. A notification means "look again" and is never read for its content, so a lost one
// (ENOBUFS) means the same. While the kernel is silent nothing runs.
//
// Failures: what can't be seen is a problem of the networks, in their health; without netlink groups it looks every
// five seconds.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/attach/host_firewall.h"
#include "core/facts.h"

namespace berth {

struct HostReport {
  std::set<IpAddress> addresses;                // the host's own
  std::map<std::string, NetworkHealth> health;  // of the networks that are wanted
};

class HostAgent {
 public:
  using Listener = std::function<void(const HostReport&)>;  // called when something is different, and after each want()
  HostAgent(boost::asio::io_context& io, Listener listener);
  ~HostAgent();
  void start();
  void stop();

  // The configured networks. One that is no longer named keeps its rules until forget(): first withdraw, then detach.
  void configured(const std::set<std::string>& networks);
  void sweep();  // zebra holds nothing of any other network: what an earlier berthd left of rules for those may go
  void want(const NetworkSite& site, std::vector<Problem> problems);  // the runtime has it; with what it says is wrong
  void unwant(const std::string& network);                            // the runtime hasn't; its rules stay
  void forget(const std::string& network);                            // nothing of it is advertised: its rules go

  struct Counters {
    std::uint64_t looks = 0, notifications = 0, overruns = 0, rule_changes = 0, held_back = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  struct Worker;
  struct Result {
    HostState state;
    Findings findings;
    std::chrono::steady_clock::duration took{};
    bool seen = false;  // the host's state was read, now or before
    std::uint64_t wish = 0;
  };
  using Socket = boost::asio::posix::stream_descriptor;
  void open(Socket* socket, int protocol, const std::vector<unsigned>& groups);
  void wait(Socket* socket);
  void look_soon(std::chrono::steady_clock::duration delay);
  void ask();
  void found(Result result);
  bool hold_back(const std::string& network, const NetworkHealth& health, const RulesVerdict& verdict);

  boost::asio::io_context& io_;
  Listener listener_;
  Socket route_, netfilter_;
  boost::asio::steady_timer soon_, slow_;
  std::chrono::steady_clock::time_point soon_at_{};
  bool soon_armed_ = false, busy_ = false, again_ = false, blind_ = false, stopped_ = true;
  std::chrono::steady_clock::duration last_took_{};
  HostWish wish_;
  std::uint64_t wish_number_ = 0, reported_wish_ = 0;
  std::map<std::string, std::uint64_t> wished_at_;        // by network: what was looked at earlier was another site
  std::map<std::string, std::vector<Problem>> problems_;  // the runtime's
  std::map<std::string, std::chrono::steady_clock::time_point> bad_since_;
  HostReport last_;
  Counters counters_;
  std::shared_ptr<Worker> worker_;
};

}  // namespace berth
