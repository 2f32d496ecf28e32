// SPDX-License-Identifier: GPL-2.0-or-later
//
// containerd as a Runtime. It has no networks: ensure() takes note of what is wanted, and a container's links are matched with
// it. Thread: the io_context's; what asks and waits is ContainerdWorker, on threads of its own. Owner: the daemon.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "container_watcher/containerd/containerd_view.h"
#include "container_watcher/containerd/containerd_worker.h"
#include "container_watcher/containerd/task_netns.h"
#include "container_watcher/runtime.h"

namespace berth {

class ContainerdRuntime : public Runtime {
 public:
  // `read`: how a task's namespace is read.
  ContainerdRuntime(boost::asio::io_context& io, const RuntimeConfig& config, RuntimeSink& sink,
                    ContainerdWorker::ReadNetns read = read_task_netns);
  ~ContainerdRuntime() override { stop(); }
  void start() override;
  void stop() override;
  void ensure(const RuntimeNetwork& network, std::function<void(Result<EnsuredNetwork>)> then) override;
  void netns(const ContainerKey& container, std::function<void(Result<Netns>)> then) override;
  std::map<std::string, std::uint64_t> counters() const override;

 private:
  void later(std::function<void()> what);  // in a turn of its own, unless it is stopped before
  void take(ContainerdNews news);
  void take(const ContainerdLost& lost);
  void take(const ContainerdListed& listed);
  void take(ContainerAnswer answer);
  void take(NetnsAnswer answer);
  void tell();

  boost::asio::io_context& io_;
  const RuntimeConfig config_;
  RuntimeSink& sink_;
  const ContainerdWorker::ReadNetns read_;
  ContainerdView view_;
  std::shared_ptr<ContainerdWorker> worker_;  // while it is started: handlers hold it weakly
  bool in_sync_ = false;
  std::uint64_t links_cut_ = 0;  // links and addresses of tasks that were left out, each time
  bool unknown_told_ = false;    // that there are any
  std::uint64_t questions_ = 0;
  std::map<std::uint64_t, std::function<void(Result<Netns>)>> asked_;  // by the question's number
};

}  // namespace berth
