// SPDX-License-Identifier: GPL-2.0-or-later
//
// A runtime that runs one container, named web, on the network that it is told to have. For tests/checks/tenants.py.
#pragma once

#include <boost/asio/io_context.hpp>

#include "container_watcher/runtime.h"

namespace berth {

class StubRuntime : public Runtime {
 public:
  StubRuntime(boost::asio::io_context& io, const RuntimeConfig& config, RuntimeSink& sink)
      : io_(io), name_(config.name), sink_(sink) {}
  void start() override;
  void stop() override { stopped_ = true; }
  void ensure(const RuntimeNetwork& network, std::function<void(Result<EnsuredNetwork>)> then) override;
  void netns(const ContainerKey&, std::function<void(Result<Netns>)> then) override { then(stale("it has none")); }
  std::map<std::string, std::uint64_t> counters() const override { return {{"stubAsked", asked_}}; }

 private:
  boost::asio::io_context& io_;
  const std::string name_;
  RuntimeSink& sink_;
  std::uint64_t asked_ = 0;
  bool stopped_ = false;
};

}  // namespace berth
