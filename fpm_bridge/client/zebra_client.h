// SPDX-License-Identifier: GPL-2.0-or-later
//
// A RouteSink: berthd's end of the talk with zebra_fpm_bridge.so (fpm_bridge/proto/berth.proto).
//
// Thread: the io_context's. Owner: the daemon. It connects again every 100 ms where nobody listens, with back-off where a
// session failed. The queue holds at most one change per key. A zebra that is there and says nothing for the hold time (it is stopped, or hangs) is lost like one
// that is not there; its routes stay.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/result.h"
#include "core/route_sink.h"

namespace berth::fpm {
class Message;
class QueryReply;
}  // namespace berth::fpm

namespace berth {

class ZebraClient : public RouteSink {
 public:
  ZebraClient(boost::asio::io_context& io, ZebraConfig options, RouteSinkListener& listener);
  void start() override;
  void stop() override;  // with a Bye, so that the module says why
  void put(const RibObject& object) override;
  void remove(const RibKey& key) override;
  void ask(const Prefix& prefix) override;
  void end_of_sync(std::vector<Prefix> keep = {}) override;
  bool idle() const override { return queue_.empty() && in_flight_.empty() && asked_.empty() && !sync_wanted_; }
  const std::map<std::string, std::uint64_t>& counters() const override { return counters_; }
  std::size_t queued() const { return queue_.size(); }

 private:
  // What is wanted of a key: it waits in queue_, or the module has not answered it yet, or both (a mind changed meanwhile).
  struct WantedChange {
    bool waiting = false;
    std::optional<RibObject> object;  // absent: remove
    std::uint64_t unanswered = 0;     // sequence of the batch that bore it last; 0: answered
  };
  using WantedChanges = std::unordered_map<RibKey, WantedChange>;
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<Status> session();
  boost::asio::awaitable<Status> connect();
  boost::asio::awaitable<Result<RouteSinkInfo>> greet();
  boost::asio::awaitable<Result<const fpm::Message*>> receive();  // lives until the next call
  Status on_message(const fpm::Message& message);
  void on_reply(const fpm::QueryReply& reply);
  void change(const RibKey& key, std::optional<RibObject> object);
  void pump();
  void pump_later();
  void say_questions();
  void write_some();
  void settle(std::uint64_t sequence);  // one operation of that batch is answered
  void send(const fpm::Message& message);
  void keep_alive();
  void give_up(std::string why);  // it does not answer
  void reset();

  boost::asio::io_context& io_;
  ZebraConfig options_;
  RouteSinkListener& listener_;
  boost::asio::local::stream_protocol::socket socket_;
  boost::asio::steady_timer timer_, alive_;
  bool stopping_ = false, ready_ = false, pump_posted_ = false, writing_ = false, sync_wanted_ = false;
  bool reached_ = false;                         // somebody listens
  bool synced_ = false;                          // this session saw SyncDone
  std::string given_up_;                         // not empty: why this end closed the session
  std::chrono::seconds hold_{0};                 // 0: the module knows of no Keepalive
  std::chrono::steady_clock::time_point heard_;  // the last byte that came
  std::vector<Prefix> keep_;                     // of the end_of_sync() that is not said yet
  std::uint32_t window_ = 1, max_operations_ = 1;
  std::uint64_t sequence_ = 0;
  WantedChanges wishes_;
  std::deque<WantedChanges::value_type*> queue_;    // those that wait, in the order of the first wish
  std::map<std::uint64_t, std::size_t> in_flight_;  // sequence -> operations not answered yet
  std::string route_type_;                          // of what berthd puts there
  std::uint64_t questions_ = 0;                     // the last one's number
  std::map<Prefix, std::uint64_t> asked_;           // the last question on each prefix that is not answered
  std::deque<std::pair<std::uint64_t, Prefix>> questions_waiting_;
  std::map<std::uint64_t, Prefix> questions_in_flight_;
  std::string out_;  // what the socket has not taken yet
  struct Stream;
  std::shared_ptr<Stream> stream_;
  std::map<std::string, std::uint64_t> counters_;
};

}  // namespace berth
