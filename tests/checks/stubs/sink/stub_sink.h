// SPDX-License-Identifier: GPL-2.0-or-later
//
// A way into nothing: what it is told becomes lines of a file. For tests/checks/tenants.py.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>

#include "core/config.h"
#include "core/route_sink.h"

namespace berth {

class StubSink : public RouteSink {
 public:
  StubSink(boost::asio::io_context& io, const ZebraConfig& config, RouteSinkListener& listener)
      : io_(io), path_(config.socket), listener_(listener) {}
  void start() override;
  void stop() override { stopped_ = true; }
  void put(const RibObject& object) override;
  void remove(const RibKey& key) override;
  void ask(const Prefix& prefix) override;
  void end_of_sync(std::vector<Prefix> keep = {}) override;
  bool idle() const override { return true; }
  const std::map<std::string, std::uint64_t>& counters() const override { return counters_; }

 private:
  void write(const std::string& line);
  void answer(const RibKey& key, RibState state);

  boost::asio::io_context& io_;
  const std::string path_;
  RouteSinkListener& listener_;
  std::map<std::string, std::uint64_t> counters_;
  bool stopped_ = false;
};

}  // namespace berth
