// SPDX-License-Identifier: GPL-2.0-or-later
//
// A ConfigStore over staticd's shell: FRR until 9.1, where each daemon has its configuration itself. It knows no lock and no candidate.
#pragma once

#include <utility>

#include "fpm_bridge/northbound/config_store.h"
#include "fpm_bridge/vty/frr_shell.h"

namespace berth {

class StaticdStore : public ConfigStore {
 public:
  // `folder`: where FRR's daemons have their sockets.
  StaticdStore(const boost::asio::any_io_executor& executor, const std::string& folder);
  boost::asio::awaitable<Status> open() override;
  boost::asio::awaitable<Result<std::vector<StaticRoute>>> read() override;
  boost::asio::awaitable<Status> commit(StaticPlan plan) override;
  void watch(std::function<void()> ended) override { shell_.watch(std::move(ended)); }
  void close() override { shell_.close(); }
  std::string name() const override { return "staticd"; }

 private:
  FrrShell shell_;
};

}  // namespace berth
