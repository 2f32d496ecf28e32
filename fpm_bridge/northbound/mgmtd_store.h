// SPDX-License-Identifier: GPL-2.0-or-later
//
// A ConfigStore over mgmtd's front end: FRR 10.2 and newer.
//
// What somebody else has typed and not committed would be committed with what is ours, so that nothing is changed while there is such a
// thing, or a lock. Between a look and the change that follows lies a millisecond: berthd locks for longer than one edit only where it
// has to replace the whole (10.7 with several removals), since nobody can type a line meanwhile.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "fpm_bridge/northbound/config_store.h"
#include "fpm_bridge/northbound/mgmtd_frame.h"
#include "fpm_bridge/northbound/static_yang.h"
#include "fpm_bridge/vty/watched_stream.h"

namespace berth {

class MgmtdStore : public ConfigStore {
 public:
  MgmtdStore(const boost::asio::any_io_executor& executor, const std::string& folder);
  boost::asio::awaitable<Status> open() override;
  boost::asio::awaitable<Result<std::vector<StaticRoute>>> read() override;
  boost::asio::awaitable<Status> commit(StaticPlan plan) override;
  void watch(std::function<void()> ended) override { stream_.watch(std::move(ended)); }
  void close() override { stream_.close(); }
  std::string name() const override { return "mgmtd"; }

 private:
  mgmtd::Head head() { return {session_, ++request_}; }
  boost::asio::awaitable<Result<mgmtd::Reply>> exchange(std::string frame);
  boost::asio::awaitable<Result<std::string>> data(mgmtd::Datastore where, std::uint8_t what, std::string xpath);
  boost::asio::awaitable<Result<std::string>> settled();
  boost::asio::awaitable<Status> lock(mgmtd::Datastore where, bool on);
  boost::asio::awaitable<Status> unlock();
  boost::asio::awaitable<Status> edit(mgmtd::EditOperation operation, std::string xpath, std::string body);
  boost::asio::awaitable<Status> edit_candidate(std::string removal);
  boost::asio::awaitable<Status> commit_flat(const StaticPlan& plan);
  boost::asio::awaitable<Status> commit_nested(const StaticPlan& plan);

  const std::string socket_;
  WatchedStream stream_;
  mgmtd::FrameReader frames_;
  std::uint64_t session_ = 0, request_ = 0;
  StaticSchema schema_ = StaticSchema::Nested;
  mgmtd::Datastore candidate_ = mgmtd::Datastore::One;
  bool locked_[2] = {false, false};
  std::string text_;  // of the last read(), and what it says of static routes
  StaticTree tree_;
  std::set<std::string> emptied_;  // lists that this session has taken the last route out of
};

}  // namespace berth
