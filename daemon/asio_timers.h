// SPDX-License-Identifier: GPL-2.0-or-later
//
// Timers over an io_context and the machine's clocks. Thread: the io_context's; outlived by it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>

#include "daemon/timers.h"

namespace berth {

class AsioTimers : public Timers {
 public:
  explicit AsioTimers(boost::asio::io_context& io) : io_(io) {}
  Timer::Time now() const override { return std::chrono::steady_clock::now(); }
  std::chrono::system_clock::time_point wall() const override { return std::chrono::system_clock::now(); }
  std::unique_ptr<Timer> make() override { return std::make_unique<One>(io_); }

 private:
  class One : public Timer {
   public:
    explicit One(boost::asio::io_context& io) : timer_(io) {}
    void at(Time due, std::function<void()> then) override {
      then_ = std::make_shared<std::function<void()>>(std::move(then));
      timer_.expires_at(due);
      // One that is due already can't be cancelled any more: it finds that it is forgotten.
      timer_.async_wait([weak = std::weak_ptr(then_)](boost::system::error_code error) {
        if (const auto call = weak.lock(); call && !error) (*call)();
      });
    }
    void cancel() override {
      then_.reset();
      timer_.cancel();
    }

   private:
    boost::asio::steady_timer timer_;
    std::shared_ptr<std::function<void()>> then_;
  };
  boost::asio::io_context& io_;
};

}  // namespace berth
