// SPDX-License-Identifier: GPL-2.0-or-later
//
// The wiring: facts and answers in, steps out. One thread, one io_context; the only place that knows everybody.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>

#include "container_watcher/attach/host_firewall.h"
#include "container_watcher/docker/docker_client.h"
#include "container_watcher/docker/docker_watcher.h"
#include "core/config.h"
#include "fpm_bridge/client/zebra_client.h"
#include "redistribute/redistributor.h"

namespace berth {

class App : public RuntimeSink, public ZebraListener {
 public:
  App(boost::asio::io_context& io, const Config& config);
  void start();
  void stop();
  void reconfigure(const Config& config);  // networks and limits at once; the rest needs a restart, and says so
  void tell() const;                        // routes and counters into the log

 private:
  void runtime_connected(const std::string& runtime, const std::string& version) override;
  void runtime_lost(const std::string& runtime, const std::string& why) override;
  void snapshot(const std::string& runtime, RuntimeSnapshot all) override;
  void container_changed(ContainerFact fact) override;
  void container_gone(const ContainerKey& key) override;
  void network_changed(NetworkFact fact) override;
  void network_gone(const std::string& runtime, const std::string& id) override;
  void zebra_connected(const ZebraInfo& info) override;
  void zebra_lost(const std::string& why) override;
  void zebra_synced(std::uint32_t swept) override;
  void rib_answer(const RibAnswer& answer) override;

  void work();
  void on_tick();
  boost::asio::awaitable<void> attach(std::string network);

  boost::asio::io_context& io_;
  Config config_;
  Redistributor brain_;
  ZebraClient zebra_;
  DockerClient docker_;
  std::unique_ptr<DockerWatcher> watcher_;
  HostFirewall firewall_;
  boost::asio::steady_timer tick_;
  bool docker_up_ = false;
  std::map<std::string, std::string> told_problem_;  // by network
};

}  // namespace berth
