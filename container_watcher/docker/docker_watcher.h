// SPDX-License-Identifier: GPL-2.0-or-later
//
// Watches one Docker: list and watch without a gap. Thread: the io_context's. Owner: the daemon.
//
// An event means "look again": the stream is drained in its own coroutine into a flag, another one lists. The stream is
// open, with a look two seconds back, before the list is taken. Addresses come from /networks/{id}, which answers at the
// connect event while /containers/{id}/json would block until the start is complete. A list is taken at every connection
// and every minute, since a container that died while Docker was away gives no event.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "container_watcher/docker/docker_client.h"
#include "container_watcher/runtime.h"
#include "core/config.h"

namespace berth {

class DockerWatcher {
 public:
  DockerWatcher(boost::asio::io_context& io, RuntimeConfig config, RuntimeSink& sink);
  void start();
  void stop();

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> drain(std::shared_ptr<bool> alive);
  boost::asio::awaitable<Result<RuntimeSnapshot>> look();

  boost::asio::io_context& io_;
  RuntimeConfig config_;
  RuntimeSink& sink_;
  DockerClient client_;
  boost::asio::steady_timer wake_;
  bool stopping_ = false, dirty_ = false, open_ = false, ended_ = false;
  std::string why_;
};

}  // namespace berth
