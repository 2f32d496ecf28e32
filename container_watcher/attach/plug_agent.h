// SPDX-License-Identifier: GPL-2.0-or-later
//
// Plugs containers in through the kernel, with addresses from a book that is kept in a file. What is asked at the same time is
// done together: one writing of the file, then each container's links.
//
// An address is used only when the file has it: where it can't be written nobody gets a new one, and who has one keeps it. A
// file that can't be read is never written over.
//
// Thread: everything here is called on the io_context's thread; one thread of its own does what blocks, and posts what came of
// it. Owner: the daemon.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "container_watcher/attach/driver.h"
#include "container_watcher/attach/plugger.h"
#include "container_watcher/netlink/executor.h"

namespace berth {

class PlugAgent : public Plugger {
 public:
  // Where the leases are kept. They block for a disk's time, and are called on the agent's own thread.
  struct Storage {
    std::string name;                           // for an operator
    std::function<Result<std::string>()> load;  // empty: there is nothing yet
    std::function<Status(const std::string&)> save;
  };
  PlugAgent(boost::asio::io_context& io, DriverLookup drivers, Storage storage, Executor& executor);
  ~PlugAgent() override;
  void start() override;
  void stop() override;
  void plug(PlugOrder order, std::function<void(Plugged)> then) override;
  void unplug(const AttachmentKey& key, const Netns& netns, std::function<void(Status)> then) override;
  void configured(std::set<std::string> runtimes, std::set<std::string> networks) override;
  void containers(const std::string& runtime, const std::vector<ContainerFact>& all) override;
  std::shared_ptr<const Leases> leases() const override;

 private:
  struct Worker;
  boost::asio::io_context& io_;
  const DriverLookup drivers_;
  const Storage storage_;
  Executor& executor_;
  std::shared_ptr<Worker> worker_;
};

}  // namespace berth
