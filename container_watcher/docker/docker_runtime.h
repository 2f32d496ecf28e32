// SPDX-License-Identifier: GPL-2.0-or-later
//
// Docker as a Runtime: a watcher, and a client of its own that makes networks. Thread: the io_context's. Owner: the daemon.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "container_watcher/docker/docker_client.h"
#include "container_watcher/docker/docker_networks.h"
#include "container_watcher/docker/docker_watcher.h"
#include "container_watcher/runtime.h"

namespace berth {

class DockerRuntime : public Runtime {
 public:
  DockerRuntime(boost::asio::io_context& io, const RuntimeConfig& config, RuntimeSink& sink)
      : io_(io), name_(config.name), client_(config.address), watcher_(io, config, sink) {}
  void start() override { watcher_.start(); }
  void stop() override;
  void ensure(const RuntimeNetwork& network, std::function<void(Result<EnsuredNetwork>)> then) override;
  void netns(const ContainerKey& container, std::function<void(Result<Netns>)> then) override;
  std::map<std::string, std::uint64_t> counters() const override;

 private:
  using Then = std::function<void(Result<EnsuredNetwork>)>;
  boost::asio::awaitable<void> ask(RuntimeNetwork network, std::shared_ptr<Then> then);
  using ThenNetns = std::function<void(Result<Netns>)>;
  boost::asio::awaitable<void> ask_netns(std::string container, std::shared_ptr<ThenNetns> then);

  boost::asio::io_context& io_;
  const std::string name_;  // of the runtime line
  DockerClient client_;
  DockerWatcher watcher_;
  bool stopped_ = false;
};

}  // namespace berth
