// SPDX-License-Identifier: GPL-2.0-or-later
//
// The whole daemon between a Docker, a zebra and a kernel, in a network namespace of its own; skipped where that is not
// allowed. Docker and zebra's module are stand-ins, links and firewall are the kernel's.
#include <gtest/gtest.h>
#include <sched.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sstream>

#include "daemon/app.h"
#include "daemon/config/config_file.h"
#include "fpm_bridge/wire/codec.h"
#include "tests/support/fake_docker.h"
#include "tests/support/fake_module.h"

extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libnftables\nleak:libxtables\n";
}

namespace berth {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
namespace json = boost::json;

int run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str());
}

class AppDocker : public testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "no network namespace of its own";
    ASSERT_EQ(run("ip link set lo up"), 0);
    auto logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_st>(log));
    logger->set_pattern("%l %v");
    before = spdlog::default_logger();
    spdlog::set_default_logger(logger);
    docker.made = [](const json::object& told) {
      const std::string bridge(told.at("Options").at("com.docker.network.bridge.name").as_string());
      const std::string gateway(told.at("IPAM").at("Config").at(0).at("Gateway").as_string());
      ASSERT_EQ(run("ip link add " + bridge + " type bridge && ip addr add " + gateway + "/24 dev " + bridge +
                    " && ip link set " + bridge + " up"),
                0);
    };
    docker.make("c1", {"web", "running", {}});
    docker.make("c2", {"db", "running", {}});
  }
  void TearDown() override {
    if (app) {
      app->stop();
      until([] { return false; }, 50ms);
      app.reset();
    }
    if (before) spdlog::set_default_logger(before);
  }
  static std::string network(const std::string& name, int third) {
    const std::string net = "10.10." + std::to_string(third) + ".";
    return "network " + name + "\n subnet " + net + "0/24\n gateway " + net + "1\n advertise host\n tag 100\nexit\n";
  }
  void start(const std::string& networks) {
    docker.start();
    const auto config = parse_config("zebra socket " + module.path() + "\nvty socket " + module.path() +
                                         ".vty\nruntime docker " + docker.address() + "\n" + networks,
                                     "f");
    ASSERT_TRUE(config) << config.error().message;
    app = std::make_unique<App>(io, *config, AppOptions{});
    ASSERT_TRUE(app->start());
  }
  bool until(const std::function<bool()>& done, Clock::duration most = 20s) {
    for (const auto end = Clock::now() + most; Clock::now() < end;) {
      docker.poll();
      module.poll();
      io.restart();
      io.run_one_for(1ms);
      io.poll();
      if (done()) return true;
    }
    return false;
  }
  View view() { return static_cast<ShellHost&>(*app).view(); }
  std::string problems(const std::string& network) {
    std::string out;
    const View now = view();
    const auto health = now.health.find(network);
    if (health == now.health.end()) return "not looked at";
    for (const Problem& each : health->second.problems) out += each.code + (each.blocks ? "! " : " ");
    return out;
  }
  std::string kept() const {
    std::string out;
    for (const fpm::Prefix& each : module.kept) {
      const auto address =
          IpAddress::from_bytes({reinterpret_cast<const std::uint8_t*>(each.address().data()), each.address().size()});
      out += Prefix::of(*address, each.length()).to_string() + " ";
    }
    return out;
  }
  bool holds(const std::string& address) const {
    const IpAddress parsed = *IpAddress::parse(address);
    const auto bytes = parsed.bytes();
    return module.held.contains(std::string(bytes.begin(), bytes.end()) + "r");
  }
  std::size_t told(const std::string& what) const {
    std::size_t n = 0;
    const std::string text = log.str();
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
    return n;
  }

  FakeDocker docker;
  FakeModule module;
  std::ostringstream log;
  std::shared_ptr<spdlog::logger> before;
  boost::asio::io_context io;
  std::unique_ptr<App> app;
};

TEST_F(AppDocker, ANetworkThatCannotBeMadeHoldsUpNoOther) {
  docker.create_status = 500;
  docker.create_fails = "red";
  start(network("blue", 1) + network("red", 2));
  ASSERT_TRUE(until([&] { return module.syncs == 1; })) << log.str();
  EXPECT_EQ(kept(), "10.10.2.0/24 ");
  ASSERT_TRUE(until([&] { return !docker.created.empty() && problems("blue").empty(); }));
  docker.connect("c1", "made1", "10.10.1.5");
  ASSERT_TRUE(until([&] { return holds("10.10.1.5"); })) << log.str();
  EXPECT_EQ(problems("red"), "docker! ");
  EXPECT_FALSE(view().in_sync);
  EXPECT_EQ(view().unknown_networks, std::set<std::string>{"red"});
  const auto asked = [&] {
    return std::count_if(docker.created.begin(), docker.created.end(),
                         [](const json::object& each) { return each.at("Name").as_string() == "red"; });
  };
  ASSERT_TRUE(until([&] { return asked() >= 2; }));  // after 1 s; then after 2 s, 4 s
  const auto begun = Clock::now();
  const auto now = asked();
  ASSERT_TRUE(until([&] { return asked() > now; }));
  EXPECT_GE(Clock::now() - begun, 1500ms) << "longer each time";
  EXPECT_EQ(told("out of order") + told("/networks/create"), 1u) << "said once\n" << log.str();
  docker.create_status = 0;
  ASSERT_TRUE(until([&] { return view().in_sync; })) << log.str();
  EXPECT_EQ(module.syncs, 2);
  EXPECT_EQ(kept(), "");
  EXPECT_EQ(problems("red"), "");
}

TEST_F(AppDocker, ANetworkOfWhichDockerDoesNotTellHoldsUpNoOther) {
  for (const char* name : {"blue", "red"}) {
    const std::string third = name == std::string("blue") ? "1" : "2";
    const json::object body{
        {"Name", name},
        {"Driver", "bridge"},
        {"IPAM", {{"Config", {{{"Subnet", "10.10." + third + ".0/24"}, {"Gateway", "10.10." + third + ".1"}}}}}},
        {"Options", {{"com.docker.network.bridge.name", std::string("br-") + name}}}};
    docker.made(body);
    docker.make_network(std::string("id-") + name, body);
  }
  docker.connect("c1", "id-blue", "10.10.1.5");
  docker.connect("c2", "id-red", "10.10.2.5");
  docker.faults["/networks/id-red"] = 500;
  start(network("blue", 1) + network("red", 2));
  ASSERT_TRUE(until([&] { return module.syncs == 1 && holds("10.10.1.5"); })) << log.str();
  EXPECT_EQ(kept(), "10.10.2.0/24 ");
  EXPECT_EQ(problems("red"), "docker ");
  EXPECT_TRUE(view().runtimes[0].in_sync);
  EXPECT_FALSE(view().in_sync);
  docker.faults.clear();
  ASSERT_TRUE(until([&] { return view().in_sync && holds("10.10.2.5"); })) << log.str();
  EXPECT_EQ(kept(), "");
  // Once known it is no reason to take anything back, nor to keep zebra waiting.
  docker.faults["/networks/id-red"] = 500;
  docker.faults["/networks?"] = 500;
  docker.tell("network", "connect", "id-red");
  ASSERT_TRUE(until([&] { return problems("red") == "docker "; })) << problems("red");
  module.drop();
  ASSERT_TRUE(until([&] { return module.syncs == 3; }));
  EXPECT_EQ(kept(), "10.10.2.0/24 ");
  EXPECT_TRUE(holds("10.10.2.5"));
}

TEST_F(AppDocker, ABridgeOfTheHostIsNotHandedToDocker) {
  ASSERT_EQ(run("ip link add br-lan type bridge && ip addr add 192.168.7.1/24 dev br-lan && ip link set br-lan up"), 0);
  ASSERT_EQ(run("ip link add eth7 type veth peer name eth8 && ip link property add dev eth7 altname br-wan"), 0);
  start(network("lan", 1) + network("wan", 2) + network("blue", 3));
  ASSERT_TRUE(until([&] { return module.syncs == 1; })) << log.str();
  EXPECT_EQ(kept(), "") << "it is known: there is no such network";
  ASSERT_TRUE(until([&] { return problems("blue").empty(); }));
  for (const json::object& each : docker.created) EXPECT_EQ(each.at("Name").as_string(), "blue");
  EXPECT_EQ(problems("lan"), "bridge-exists! ");
  EXPECT_EQ(problems("wan"), "bridge-exists! ");
  EXPECT_EQ(run("ip addr show dev br-lan | grep -q 192.168.7.1/24"), 0);
  // The remedy, as it is printed.
  const std::string remedy = view().health["lan"].problems[0].remedy;
  ASSERT_EQ(run(remedy.substr(0, remedy.find(','))), 0) << remedy;
  ASSERT_TRUE(until([&] { return problems("lan").empty(); })) << problems("lan");
  EXPECT_EQ(docker.created.size(), 2u);
}

TEST_F(AppDocker, AnOverlayOfTheSameNameIsNotAdvertised) {
  docker.make_network("0overlay", json::object{{"Name", "blue"}, {"Driver", "overlay"}});
  const json::object body{{"Name", "blue"},
                          {"Driver", "bridge"},
                          {"IPAM", {{"Config", {{{"Subnet", "10.10.1.0/24"}, {"Gateway", "10.10.1.1"}}}}}},
                          {"Options", {{"com.docker.network.bridge.name", "br-blue"}}}};
  docker.made(body);
  docker.make_network("first", body);
  docker.connect("c1", "0overlay", "10.10.1.5");
  docker.connect("c2", "first", "10.10.1.6");
  start(network("blue", 1));
  ASSERT_TRUE(until([&] { return module.syncs == 1 && holds("10.10.1.6"); })) << log.str();
  EXPECT_FALSE(holds("10.10.1.5"));
  EXPECT_EQ(problems("blue"), "namesake ");
  // Made anew by hand: another network under the same name and bridge.
  docker.remove_network("first");
  ASSERT_TRUE(until([&] { return !holds("10.10.1.6"); })) << log.str();
  docker.make_network("second", body);
  docker.connect("c2", "second", "10.10.1.7");
  ASSERT_TRUE(until([&] { return holds("10.10.1.7"); })) << log.str();
  EXPECT_FALSE(holds("10.10.1.5"));
}

}  // namespace
}  // namespace berth
