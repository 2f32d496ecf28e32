// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host of its own, on a real kernel, on which containers are plugged in. What they run in are named namespaces.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/macvlan/macvlan_driver.h"
#include "container_watcher/attach/plug_agent.h"
#include "container_watcher/attach/routed/routed_driver.h"
#include "container_watcher/netlink/executor.h"
#include "tests/netns/host_fixture.h"

namespace berth {

inline const Driver* driver(std::string_view name) {
  static const BridgeDriver kBridge;
  static const MacvlanDriver kMacvlan;
  static const RoutedDriver kRouted;
  return name == "bridge"   ? static_cast<const Driver*>(&kBridge)
         : name == "routed" ? static_cast<const Driver*>(&kRouted)
                            : &kMacvlan;
}

// The kernel, which is busy at times.
class BusyExecutor : public Executor {
 public:
  Status apply(const Operation& operation) override {
    if (busy > 0 && std::holds_alternative<DeleteMarkedLinks>(operation)) return --busy, transient("busy");
    return kernel_.apply(operation);
  }
  std::atomic<int> busy = 0;

 private:
  KernelExecutor kernel_;
};

class PlugAgentTest : public OwnNamespace {
 protected:
  void SetUp() override {
    if (!own_) GTEST_SKIP() << "no network namespace: not root";
    network.name = "green";
    network.plugged = true;
    network.subnets = {{*Prefix::parse("10.20.0.0/16"), IpAddress::parse("10.20.1.1"), Prefix::parse("10.20.1.0/24")},
                       {*Prefix::parse("fd00:20::/64"), IpAddress::parse("fd00:20::1"), {}}};
    run("ip link set lo up");
    make();
  }
  void TearDown() override { agent.reset(); }
  static void run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }
  void make() {
    agent.reset();
    agent = std::make_unique<PlugAgent>(
        io, driver,
        PlugAgent::Storage{"leases", [this] { return load_fails ? Result<std::string>(*load_fails) : file; },
                           [this](const std::string& text) {
                             if (save_fails) return Status(*save_fails);
                             file = text;
                             ++saves;
                             return Status();
                           }},
        executor);
    agent->start();
    agent->configured({"containerd", "docker"}, {"green", "red"});
    // The ground, as the host makes it.
    const auto ground = driver(network.driver.view())->groundwork(network, {});
    if (ground)
      for (const Operation& each : ground->missing)
        if (const Status done = executor.apply(each); !done) ADD_FAILURE() << done.error().message;
  }
  PlugOrder order(const std::string& name, bool fresh = true) const {
    if (fresh) run("ip netns add " + name);
    PlugOrder out;
    out.key = {network.name, {{"containerd", "default/" + name}, kPlug}};
    out.created = 7;
    out.incarnation = "first";
    out.network = network;
    out.network_key = {"containerd", "green"};
    out.netns.path = out.netns_path = "/run/netns/" + name;
    return out;
  }
  bool turn_until(const std::function<bool()>& done) {
    for (const auto end = Clock::now() + 10s; !done();) {
      if (Clock::now() > end) return false;
      io.restart();
      io.run_one_for(10ms);
    }
    return true;
  }
  std::optional<Result<EndpointFact>> plug(const PlugOrder& what) {
    std::optional<Result<EndpointFact>> out;
    agent->plug(what, [&](Plugger::Plugged result) {
      out = !result ? result.error() : *result ? Result<EndpointFact>(**result) : stale("to be unplugged first");
    });
    turn_until([&] { return out.has_value(); });
    return out;
  }
  void unplug(const PlugOrder& what) {
    std::optional<Status> done;
    agent->unplug(what.key, what.netns, [&](const Status& status) { done = status; });
    ASSERT_TRUE(turn_until([&] { return done.has_value(); }));
    EXPECT_TRUE(done->ok());
  }
  // Names of the links in there, but the loopback.
  static std::string links_in(const std::string& name) {
    return output_of("ip -n " + name +
                     " -o link show | cut -d' ' -f2 | cut -d@ -f1 | tr -d : | grep -v '^lo$' | tr '\\n' ' '");
  }
  static std::string ports() { return output_of("ip -o link | grep -c ' bv-\\| rv'"); }
  std::string plugged(const PlugOrder& what) {
    const auto result = plug(what);
    if (!result || !*result) return result ? result->error().message : "no answer";
    std::string out;
    for (const IpAddress& each : (*result)->addresses) out += (out.empty() ? "" : " ") + each.to_string();
    return out;
  }
  static bool reaches(const std::string& from, const std::string& address) {
    // A machine that is there refuses.
    return output_of("ip netns exec " + from + " timeout 3 bash -c 'exec 3<>/dev/tcp/" + address + "/9' 2>&1")
               .find("refused") != std::string::npos;
  }

  boost::asio::io_context io;
  BusyExecutor executor;
  NetworkConfig network;
  std::string file;
  std::optional<Error> load_fails, save_fails;
  std::atomic<int> saves = 0;
  std::unique_ptr<PlugAgent> agent;
};

}  // namespace berth
