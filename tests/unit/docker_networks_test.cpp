// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_networks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <optional>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "core/names.h"
#include "tests/support/fake_docker.h"

namespace berth {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

NetworkConfig blue() {
  NetworkConfig config;
  config.name = "blue";
  config.subnets = {{*Prefix::parse("10.10.1.0/24"), IpAddress::parse("10.10.1.1"), Prefix::parse("10.10.1.128/25")}};
  return config;
}

class DockerNetworks : public testing::Test {
 protected:
  void SetUp() override { docker.start(); }

  Result<EnsuredNetwork> ensure(const NetworkConfig& config, bool mtu_at_most = false) {
    RuntimeNetwork wanted = BridgeDriver().runtime_network(config);
    wanted.mtu_at_most = mtu_at_most;
    std::optional<Result<EnsuredNetwork>> out;
    const auto ask = [&]() -> boost::asio::awaitable<void> {
      static_cast<void>(co_await client.negotiate());
      out = co_await ensure_docker_network(client, "docker", wanted, is_there);
    };
    boost::asio::co_spawn(io, ask(), boost::asio::detached);
    for (const auto end = Clock::now() + 10s; !out && Clock::now() < end;) {
      docker.poll();
      io.restart();
      io.run_one_for(1ms);
      io.poll();
    }
    if (!out) return transient("the test's deadline");
    return *out;
  }
  // Another hand's network, `change`d from what berthd would have made for blue().
  void there(const std::function<void(json::object&)>& change = [](json::object&) {}) {
    json::object body{
        {"Name", "blue"},
        {"Driver", "bridge"},
        {"EnableIPv6", false},
        {"Internal", false},
        {"IPAM",
         {{"Driver", "default"},
          {"Options", nullptr},
          {"Config", {{{"Subnet", "10.10.1.0/24"}, {"Gateway", "10.10.1.1"}, {"IPRange", "10.10.1.128/25"}}}}}},
        {"Options", {{"com.docker.network.bridge.name", "br-hand"}}},
        {"Labels", json::object()}};
    change(body);
    docker.make_network("0123456789abcdef", body);
  }
  static json::object& pool(json::object& body) { return body["IPAM"].at("Config").as_array()[0].as_object(); }

  FakeDocker docker;
  boost::asio::io_context io;
  DockerClient client{docker.address()};
  std::set<std::string> links;  // of the host
  const LinkExists is_there = [this](const std::string& name) { return links.contains(name); };
};

TEST_F(DockerNetworks, MakesWhatIsNotThere) {
  const auto made = ensure(blue());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->created);
  EXPECT_TRUE(made->problems.empty());
  EXPECT_EQ(made->fact.name, "blue");
  EXPECT_EQ(made->fact.interface, "br-blue");
  EXPECT_EQ(made->fact.labels, (std::map<std::string, std::string>{{"berth.network", "blue"}}));
  ASSERT_EQ(docker.created.size(), 1U);
  EXPECT_EQ(json::value(docker.created[0]), json::parse(R"({
    "Name": "blue", "Driver": "bridge", "CheckDuplicate": true, "EnableIPv6": false,
    "IPAM": {"Config": [{"Subnet": "10.10.1.0/24", "Gateway": "10.10.1.1", "IPRange": "10.10.1.128/25"}]},
    "Options": {"com.docker.network.bridge.name": "br-blue",
                "com.docker.network.bridge.enable_ip_masquerade": "false",
                "com.docker.network.bridge.gateway_mode_ipv4": "nat-unprotected"},
    "Labels": {"berth.network": "blue"}})"));
}

TEST_F(DockerNetworks, MakesBothFamiliesWithAnMtu) {
  NetworkConfig config = blue();
  config.subnets = {{*Prefix::parse("10.10.1.0/24"), {}, {}}, {*Prefix::parse("fd00:1::/64"), {}, {}}};
  config.mtu = 1450;
  const auto made = ensure(config);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->problems.empty());
  EXPECT_EQ(made->fact.subnets.size(), 2U);
  ASSERT_EQ(docker.created.size(), 1U);
  const json::object& body = docker.created[0];
  EXPECT_EQ(body.at("EnableIPv6"), json::value(true));
  EXPECT_EQ(body.at("IPAM"), json::parse(R"({"Config": [{"Subnet": "10.10.1.0/24"}, {"Subnet": "fd00:1::/64"}]})"));
  const json::object& options = body.at("Options").as_object();
  EXPECT_EQ(options.at("com.docker.network.bridge.gateway_mode_ipv6"), json::value("nat-unprotected"));
  EXPECT_EQ(options.at("com.docker.network.driver.mtu"), json::value("1450"));
}

TEST_F(DockerNetworks, LongNamesGetABridgeOfTheirOwn) {
  std::set<std::string> bridges;
  for (const char* name : {"blue-blue-bl", "blue-blue-blu", "blue-blue-blue", "blue-blue-black"}) {
    NetworkConfig config = blue();
    config.name = name;
    config.subnets.clear();
    const auto made = ensure(config);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_LE(made->fact.interface.size(), 15U) << made->fact.interface;
    bridges.insert(made->fact.interface);
  }
  EXPECT_EQ(bridges.size(), 4U);
}

// What Docker would do with it: take the interface over and give it the network's address instead of its own.
TEST_F(DockerNetworks, AnInterfaceOfTheHostIsNeverHandedToDocker) {
  for (const std::string name : {"lan", "a-network-of-a-long-name"}) {
    NetworkConfig config = blue();
    config.name = name;
    links = {link_name("br-", name)};
    const auto refused = ensure(config);
    ASSERT_TRUE(refused) << refused.error().message;
    EXPECT_TRUE(docker.created.empty()) << name;
    EXPECT_EQ(refused->fact.id, "");
    ASSERT_EQ(refused->problems.size(), 1U);
    EXPECT_EQ(refused->problems[0].code, "bridge-exists");
    EXPECT_TRUE(refused->problems[0].blocks);
    EXPECT_NE(refused->problems[0].text.find(link_name("br-", name)), std::string::npos) << refused->problems[0].text;
    EXPECT_EQ(refused->problems[0].remedy.rfind("ip link del " + link_name("br-", name), 0), 0U);
  }
  links.clear();
  EXPECT_TRUE(ensure(blue())->created);
  links = {"br-blue"};
  EXPECT_TRUE(ensure(blue())->problems.empty()) << "it is Docker's for this network";
}

TEST_F(DockerNetworks, ABridgeOfAnotherNetworkOfDockersIsNamed) {
  there([](json::object& body) { body["Name"] = "theirs", body["Options"] = json::object(); });
  NetworkConfig config = blue();
  config.name = "0123456789ab";
  links = {"br-0123456789ab"};
  const auto refused = ensure(config);
  ASSERT_TRUE(refused);
  ASSERT_EQ(refused->problems.size(), 1U);
  EXPECT_EQ(refused->problems[0].text, "Docker's network theirs has the bridge br-0123456789ab already");
  EXPECT_TRUE(docker.created.empty());
}

TEST_F(DockerNetworks, TheBridgesNameIsAnInterfacesAndTheNetworksAlone) {
  std::set<std::string> names;
  for (int n = 0; n < 20000; ++n) {
    const std::string name = link_name("br-", "customer-network-" + std::to_string(n));
    EXPECT_LE(name.size(), 15U);
    EXPECT_EQ(name.find_first_of("/: \t"), std::string::npos);
    EXPECT_TRUE(names.insert(name).second) << "customer-network-" << n << " gets " << name << " too";
  }
  // Another build, another host: the same.
  EXPECT_EQ(link_name("br-", "blue-blue-blu"), "br-bluegynd4gvc");
  EXPECT_EQ(link_name("br-", "blue-blue-bl"), "br-blue-blue-bl");
  EXPECT_TRUE(is_link_name(link_name("bv-", "red containerd default/task"))) << "whatever it stands for";
}

// An overlay of a swarm beside our bridge: Docker then calls the name ambiguous.
TEST_F(DockerNetworks, OfSeveralOfOneNameOursIsTaken) {
  const json::object overlay{{"Name", "blue"}, {"Driver", "overlay"}, {"Labels", nullptr}};
  docker.make_network("0overlay", overlay);  // the first in every order but ours
  docker.make_network("blue-not", json::object{{"Name", "blue-not"}, {"Driver", "bridge"}});
  const auto only = ensure(blue());
  ASSERT_TRUE(only) << only.error().message;
  ASSERT_EQ(only->problems.size(), 2U) << "driver, subnet";
  EXPECT_EQ(only->problems[0].code, "driver");
  EXPECT_TRUE(docker.created.empty());
  there();
  const auto bridge = ensure(blue());
  ASSERT_TRUE(bridge) << bridge.error().message;
  EXPECT_EQ(bridge->fact.id, "0123456789abcdef");
  ASSERT_EQ(bridge->problems.size(), 1U);
  EXPECT_EQ(bridge->problems[0].code, "namesake");
  EXPECT_FALSE(bridge->problems[0].blocks);
  EXPECT_NE(bridge->problems[0].text.find("overlay"), std::string::npos);
  // A second bridge comes later, and sorts lower: it takes no place; but one with our label is ours.
  docker.make_network("00", json::object{{"Name", "blue"}, {"Driver", "bridge"}});
  EXPECT_EQ(ensure(blue())->fact.id, "0123456789abcdef");
  docker.make_network("ff",
                      json::object{{"Name", "blue"}, {"Driver", "bridge"}, {"Labels", {{"berth.network", "blue"}}}});
  EXPECT_EQ(ensure(blue())->fact.id, "ff");
  EXPECT_EQ(ensure(blue())->problems.back().code, "namesake");
  EXPECT_TRUE(docker.created.empty());
}

// What it has to be made anew with: docker compose knows its own by them.
TEST_F(DockerNetworks, AllLabelsOfANetworkAreKnown) {
  docker.make_network("aa",
                      json::object{{"Name", "blue"},
                                   {"Driver", "bridge"},
                                   {"Labels", {{"com.docker.compose.network", "blue"}, {"berth.network", "blue"}}}});
  const auto found = ensure(blue());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->fact.labels.at("com.docker.compose.network"), "blue");
}

TEST_F(DockerNetworks, NonsenseIsTransient) {
  for (const char* text : {"{]", "{}", "null", "", "\"x\""}) {
    docker.faults["/networks?"] = 200;
    docker.nonsense = text;
    const auto look = ensure(blue());
    ASSERT_FALSE(look) << text;
    EXPECT_EQ(look.error().kind, ErrorKind::Transient) << text;
    EXPECT_TRUE(docker.created.empty()) << text;
  }
}

TEST_F(DockerNetworks, TakesOverWhatFits) {
  there();
  const auto found = ensure(blue());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->created);
  EXPECT_TRUE(found->problems.empty());
  EXPECT_EQ(found->fact.id, "0123456789abcdef");
  EXPECT_EQ(found->fact.interface, "br-hand");
  EXPECT_TRUE(docker.created.empty());
  // and what was made is found again
  NetworkConfig red = blue();
  red.name = "red";
  ASSERT_TRUE(ensure(red));
  const auto again = ensure(red);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(docker.created.size(), 1U);
}

TEST_F(DockerNetworks, WithoutANameTheBridgeIsCalledAfterTheId) {
  there([](json::object& body) { body["Options"] = json::object(); });
  const auto found = ensure(blue());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->fact.interface, "br-0123456789ab");
}

TEST_F(DockerNetworks, SaysWhatDoesNotFitAndWhetherItBlocks) {
  struct Case {
    const char* code;
    const char* text;
    bool blocks;
    std::function<void(json::object&)> change;
  };
  const Case cases[] = {
      {"driver", "it is of driver macvlan, not bridge", true, [](json::object& body) { body["Driver"] = "macvlan"; }},
      {"internal", "it is an internal network", true, [](json::object& body) { body["Internal"] = true; }},
      {"subnet", "it does not have the subnet 10.10.1.0/24", true,
       [](json::object& body) { pool(body)["Subnet"] = "10.10.0.0/16"; }},
      {"gateway", "its gateway is not 10.10.1.1", false,
       [](json::object& body) { pool(body)["Gateway"] = "10.10.1.254"; }},
      {"ip-range", "its ip-range is not 10.10.1.128/25", false,
       [](json::object& body) { pool(body).erase("IPRange"); }},
      {"ip-range", "its ip-range is not 10.10.1.128/25", false,
       [](json::object& body) { pool(body)["IPRange"] = "10.10.1.0/25"; }},
  };
  for (const Case& each : cases) {
    there(each.change);
    const auto found = ensure(blue());
    ASSERT_TRUE(found) << each.text;
    ASSERT_EQ(found->problems.size(), 1U) << each.text;
    EXPECT_EQ(found->problems[0].code, each.code);
    EXPECT_EQ(found->problems[0].text, each.text);
    EXPECT_EQ(found->problems[0].blocks, each.blocks) << each.text;
    EXPECT_EQ(found->problems[0].remedy, "docker network rm blue (berthd makes it anew), or change berthd.conf");
  }
  EXPECT_TRUE(docker.created.empty()) << "what is there is never changed";
}

// Docker shows a gateway only where one was asked for: the one that it chose itself is not known to be another.
TEST_F(DockerNetworks, AGatewayThatDockerChoseIsNoMisfit) {
  there([](json::object& body) { pool(body).erase("Gateway"); });
  const auto found = ensure(blue());
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->problems.empty()) << found->problems[0].text;
}

TEST_F(DockerNetworks, TheMtuIsComparedWhereOneIsConfigured) {
  const char* option = "com.docker.network.driver.mtu";
  NetworkConfig config = blue();
  there([&](json::object& body) { body["Options"].as_object()[option] = "9000"; });
  ASSERT_TRUE(ensure(config));
  EXPECT_TRUE(ensure(config)->problems.empty()) << "any will do";
  config.mtu = 9000;
  EXPECT_TRUE(ensure(config)->problems.empty());
  config.mtu = 1450;
  const auto other = ensure(config);
  ASSERT_EQ(other->problems.size(), 1U);
  EXPECT_EQ(other->problems[0].text, "its mtu is not 1450");
  EXPECT_FALSE(other->problems[0].blocks);
  EXPECT_EQ(ensure(config, true)->problems.size(), 1U) << "more than its links carry";
  config.mtu = 9216;
  EXPECT_TRUE(ensure(config, true)->problems.empty()) << "it was made when they carried less";
  there();
  EXPECT_EQ(ensure(config)->problems.size(), 1U) << "without the option it is Docker's default";
}

TEST_F(DockerNetworks, TheSecondFamilyCountsToo) {
  NetworkConfig config = blue();
  config.subnets.push_back({*Prefix::parse("fd00:1::/64"), {}, {}});
  there();
  const auto found = ensure(config);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->problems.size(), 1U);
  EXPECT_EQ(found->problems[0].text, "it does not have the subnet fd00:1::/64");
}

TEST_F(DockerNetworks, ANetworkWhoseIdBeginsSoIsAnotherOne) {
  docker.make_network("blue0000", "green");
  const auto made = ensure(blue());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->created);
  EXPECT_EQ(made->fact.name, "blue");
  NetworkConfig taken = blue();
  taken.docker_network = "blue00";
  const auto absent = ensure(taken);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::Permanent);
  EXPECT_EQ(docker.created.size(), 1U);
}

TEST_F(DockerNetworks, ATakenNetworkIsNeverMade) {
  NetworkConfig config = blue();
  config.docker_network = "theirs";
  const auto absent = ensure(config);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::Permanent);
  EXPECT_EQ(absent.error().message, "there is no Docker network theirs");
  EXPECT_FALSE(absent.error().remedy.empty());
  EXPECT_TRUE(docker.created.empty());
  there([](json::object& body) { body["Name"] = "theirs"; });
  const auto found = ensure(config);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->created);
  EXPECT_TRUE(found->problems.empty());
}

TEST_F(DockerNetworks, ADockerInTroubleIsTransient) {
  docker.faults["/networks?"] = 503;
  const auto look = ensure(blue());
  ASSERT_FALSE(look);
  EXPECT_EQ(look.error().kind, ErrorKind::Transient);
  EXPECT_TRUE(docker.created.empty());
  docker.faults.clear();
  docker.create_status = 500;
  const auto make = ensure(blue());
  ASSERT_FALSE(make);
  EXPECT_EQ(make.error().kind, ErrorKind::Transient);
  docker.create_status = 0;
  EXPECT_TRUE(ensure(blue()));
  docker.stop();
  const auto away = ensure(blue());
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().kind, ErrorKind::Transient);
}

TEST_F(DockerNetworks, ARefusalIsPermanent) {
  docker.create_status = 403;  // "Pool overlaps with other one on this address space"
  const auto refused = ensure(blue());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Permanent);
  EXPECT_EQ(docker.created.size(), 1U);
}

TEST_F(DockerNetworks, ARaceEndsWithTheOtherHandsNetwork) {
  docker.before_create = [this] { there(); };
  const auto found = ensure(blue());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->created);
  EXPECT_EQ(found->fact.interface, "br-hand");
  EXPECT_EQ(docker.created.size(), 1U);
}

TEST_F(DockerNetworks, TakenAwayAtOnceIsTriedAgain) {
  docker.events = false;
  docker.before_create = [this] { docker.hidden.insert("made1"); };
  const auto gone = ensure(blue());
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::Transient);
  docker.hidden.clear();
  EXPECT_TRUE(ensure(blue()));
}

TEST_F(DockerNetworks, ANameThatIsNoneIsNotAskedFor) {
  NetworkConfig config = blue();
  docker.make_network("0123456789abcdef", "blue");
  for (const char* name : {"blue?x", "blue#x", "../version", "a b", "blue%20"}) {
    config.docker_network = name;
    const auto refused = ensure(config);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().kind, ErrorKind::Permanent) << name;
  }
  for (const std::string& path : docker.asked) EXPECT_FALSE(path.starts_with("/networks")) << path;
}

}  // namespace
}  // namespace berth
