// SPDX-License-Identifier: GPL-2.0-or-later
//
// A RouteSink over FRR's own configuration, where no module can be loaded: static routes with a tag, written through mgmtd or staticd
// (config_store.h), read back from zebra's RIB; subnets by prefix-lists (subnet_lists.h).
//
// A change costs FRR its whole configuration, so what comes within the commit delay is one change, and each is worked out anew from
// what should be there and what is (static_route.h): a configuration that somebody else changed, or a daemon that lost it, is only a
// larger difference. FRR tells of nothing by itself. What was changed is looked up until it is there; all of it once a minute, and
// after a daemon has ended.
//
// Thread: the io_context's. Owner: the daemon. The routes stay when it stops, and when it crashes: nobody in FRR counts a grace time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/backoff.h"
#include "core/config.h"
#include "core/route_sink.h"
#include "fpm_bridge/northbound/config_store.h"
#include "fpm_bridge/northbound/rib_answer.h"
#include "fpm_bridge/northbound/rib_watch.h"
#include "fpm_bridge/northbound/static_route.h"
#include "fpm_bridge/northbound/subnet_lists.h"

namespace berth {

class NorthboundSink : public RouteSink {
 public:
  NorthboundSink(boost::asio::io_context& io, ZebraConfig options, RouteSinkListener& listener);
  ~NorthboundSink() override;
  void start() override;
  void stop() override;
  void put(const RibObject& object) override;
  void remove(const RibKey& key) override;
  void ask(const Prefix& prefix) override;
  void end_of_sync(std::vector<Prefix> keep = {}) override;
  bool idle() const override;
  const std::map<std::string, std::uint64_t>& counters() const override { return counters_; }

 private:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  static constexpr Time kNever = RibWatch::kNever;
  struct Session;

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<Status> session();
  boost::asio::awaitable<Status> talk(Session& session);
  boost::asio::awaitable<Status> round(Session& session);
  boost::asio::awaitable<void> rest(Session& session);
  boost::asio::awaitable<Status> answer_questions(Session& session);
  boost::asio::awaitable<Status> set_subnets(Session& session);
  boost::asio::awaitable<Status> set_routes(Session& session);
  boost::asio::awaitable<Result<std::optional<StaticPlan>>> step(Session& session, const Rib& rib);
  boost::asio::awaitable<Status> look(Session& session);
  boost::asio::awaitable<Result<Rib>> rib_of(Session& session, std::vector<Prefix> prefixes);
  void displace(StaticPlan& plan, const std::vector<StaticRoute>& have);
  void settle(const StaticPlan& plan, const std::set<Prefix>& said);
  void bar(const StaticPlan& plan, const Error& why);
  void judge(const RibKey& key, const std::vector<RibEntry>& entries);
  void follow(const RibKey& key);
  void tell(const RibAnswer& answer);
  void held(const Error& why);
  void trouble(std::optional<Error> routes, std::optional<Error> subnets);
  void changed(const RibKey& key);
  void wake();
  void reset();
  std::set<Prefix>& unsaid(RibKind kind) { return kind == RibKind::Route ? unsaid_routes_ : unsaid_subnets_; }

  boost::asio::io_context& io_;
  const ZebraConfig options_;
  RouteSinkListener& listener_;
  boost::asio::steady_timer wake_;
  Session* session_ = nullptr;
  bool stopping_ = false, ready_ = false, woken_ = false, synced_ = false;
  StaticMark mark_;  // its tags only ever get more: what bore one is ours for as long as berthd runs
  StaticWishes wishes_;
  std::map<Prefix, StaticRoute> hiding_;  // what the zebra before this one has left, to be displaced
  SubnetWishes subnets_;
  std::set<Prefix> questions_, in_question_;
  std::set<RibKey> unanswered_;                      // put or removed, and not told of since
  std::set<Prefix> unsaid_routes_, unsaid_subnets_;  // put or removed, and FRR was not told of that
  RibWatch watch_;
  std::map<RibKey, std::pair<RibState, std::string>> told_;
  bool sync_wanted_ = false, whole_wanted_ = false;  // all is looked at, and not what was changed alone
  bool single_ = false;                              // FRR refused one of several: which of them is found out
  std::uint64_t syncs_said_ = 0;
  std::uint32_t swept_ = 0;
  Time routes_due_ = kNever, subnets_due_ = kNever, daemons_due_ = kNever, full_look_due_ = kNever;
  Time daemons_since_{};                         // a daemon that redistributes has ended, or may be about to start
  std::size_t daemons_ = 0;                      // that have the subnets' lists
  Backoff<std::chrono::milliseconds> patience_;  // with who holds a change up
  Time held_since_ = kNever;
  std::optional<Error> routes_trouble_, subnets_trouble_;
  std::map<std::string, std::uint64_t> counters_;
};

}  // namespace berth
