// SPDX-License-Identifier: GPL-2.0-or-later
//
// A stream to one of FRR's daemons, whose end is told while nobody asks it for anything: that is how a daemon's death is seen. One
// question at a time, on the executor of who asks.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace berth {

class WatchedStream {
 public:
  using Stream = boost::beast::basic_stream<boost::asio::local::stream_protocol>;
  explicit WatchedStream(const boost::asio::any_io_executor& executor) : stream_(executor) {}

  // For a question, which has that long; from here on nobody watches it. done() follows.
  Stream& ask(std::chrono::milliseconds deadline) {
    *std::exchange(watched_, std::make_shared<bool>(false)) = false;
    boost::system::error_code ignored;
    stream_.socket().cancel(ignored);
    stream_.expires_after(deadline);
    return stream_;
  }
  void done() { stream_.expires_never(); }
  // Tells once when the other end says something that nobody asked for, its end above all.
  void watch(std::function<void()> ended) {
    if (std::exchange(*watched_, true)) return;
    stream_.socket().async_wait(boost::asio::socket_base::wait_read,
                                [ended = std::move(ended), watched = watched_](boost::system::error_code cancelled) {
                                  *watched = false;
                                  if (!cancelled) ended();
                                });
  }
  void close() {
    boost::system::error_code ignored;
    stream_.socket().close(ignored);
  }

 private:
  Stream stream_;
  std::shared_ptr<bool> watched_ = std::make_shared<bool>(false);  // what waits may outlive this by one turn
};

}  // namespace berth
