// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which endpoints are closed by the firewall, of those that there are.
#include "container_watcher/attach/port_book.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace berth {
namespace {

ContainerFact container(const std::string& id, const std::vector<std::string>& addresses) {
  ContainerFact out;
  out.key = {"docker", id};
  out.name = "the-" + id;
  EndpointFact endpoint{id + "-ep", "blue", "net1", "", {}};
  for (const std::string& each : addresses) endpoint.addresses.push_back(*IpAddress::parse(each));
  out.endpoints = {endpoint};
  return out;
}

class ClosedEndpoints : public testing::Test {
 protected:
  ClosedEndpoints() {
    NetworkConfig blue;
    blue.name = "blue";
    blue.runtime = "docker";
    book.set_networks({{"blue", blue}});
  }
  std::map<EndpointKey, Problem> closed(const std::vector<std::string>& prefixes) {
    std::vector<std::pair<Prefix, Problem>> all;
    for (const std::string& each : prefixes) {
      const Prefix prefix = *Prefix::parse(each);
      all.emplace_back(prefix,
                       Problem{"firewall-drops", "dropped", "do", true, prefix.is_v4() ? Family::V4 : Family::V6});
    }
    none_left.clear();
    return book.closed("blue", all, &none_left);
  }
  PortBook book;
  std::map<Family, Problem> none_left;
};

TEST_F(ClosedEndpoints, AreThoseOfTheAddressAndNoOthers) {
  book.upsert(container("a", {"10.10.1.2", "fd00:10::2"}));
  book.upsert(container("b", {"10.10.1.3", "fd00:10::3"}));
  const auto found = closed({"10.10.1.2/32"});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.begin()->first.container.id, "a");
  EXPECT_EQ(found.begin()->second.family, Family::V4);
  EXPECT_NE(found.begin()->second.text.find("10.10.1.2 of the-a"), std::string::npos);
  EXPECT_TRUE(none_left.empty()) << "b is reached";
  EXPECT_TRUE(closed({}).empty());
}

TEST_F(ClosedEndpoints, OfAllContainersMakeAClosedFamily) {
  book.upsert(container("a", {"10.10.1.2", "fd00:10::2"}));
  book.upsert(container("b", {"10.10.1.3", "fd00:10::3"}));
  EXPECT_EQ(closed({"10.10.1.2/31"}).size(), 2u);
  ASSERT_EQ(none_left.size(), 1u);
  EXPECT_EQ(none_left.begin()->first, Family::V4);
  book.remove({"docker", "b"});
  EXPECT_EQ(closed({"fd00:10::2/128", "10.10.1.2/32"}).begin()->second.family, Family::Both);
}

TEST_F(ClosedEndpoints, OfAnEmptyNetworkAreNone) {
  EXPECT_TRUE(closed({"10.10.1.0/24"}).empty());
  EXPECT_TRUE(none_left.empty());
}

// Networks on parents that carry the containers' MAC addresses.
class OnAParent : public testing::Test {
 protected:
  OnAParent() {
    std::map<std::string, NetworkConfig> networks;
    for (const char* name : {"blue", "red"}) networks[name].name = name, networks[name].runtime = "docker";
    book.set_networks(networks);
    book.set_containers("docker", {});
  }
  static ContainerFact on(const std::string& id, const std::string& network, Mac mac, std::int64_t created) {
    ContainerFact out = container(id, {"10.10.1.2"});
    out.created = created;
    out.endpoints[0].network = network;
    char text[18];
    std::snprintf(text, sizeof text, "02:00:00:00:00:%02x", static_cast<unsigned>(mac));
    out.endpoints[0].mac = mac ? text : "";
    return out;
  }
  static Mac full(Mac mac) { return 0x020000000000 | mac; }
  // "b:mac-limit c:port-gone"
  std::string told(std::map<std::string, std::uint32_t> limits, const std::set<Mac>& macs) {
    std::map<std::string, MacParent> parents;
    for (const auto& [network, limit] : limits) {
      parents[network] = {7, "eth1", {}, limit};
      for (const Mac each : macs) parents[network].macs.insert(full(each));
    }
    std::string out;
    for (const auto& [key, problem] : book.look(HostState(), {}, {}, parents))
      out += (out.empty() ? "" : " ") + key.container.id.str() + ":" + problem.code;
    return out;
  }
  PortBook book;
};

// Two runtimes have a network of one name, and the configuration calls each by another.
TEST(PortBook, ANetworkIsItsRuntimesOwn) {
  NetworkConfig one, two;
  one.name = "one", one.runtime = "docker", one.docker_network = "shared";
  two.name = "two", two.runtime = "second", two.docker_network = "shared";
  PortBook book;
  book.set_networks({{"one", one}, {"two", two}});
  ContainerFact here = container("a", {"10.10.1.2"}), there = container("b", {"10.20.1.2"}),
                plugged = container("c", {"10.20.1.3"}), nobodys = container("d", {"10.20.1.4"});
  for (ContainerFact* each : {&here, &there, &plugged, &nobodys}) each->endpoints[0].network = "shared";
  there.key.runtime = "second";
  plugged.endpoints[0].of_runtime = "second";  // a container of Docker's on another runtime's network
  nobodys.key.runtime = "third";
  for (const ContainerFact* each : {&here, &there, &plugged, &nobodys}) book.upsert(*each);
  const auto on = [&](const std::string& network) {
    std::map<Family, Problem> none_left;
    std::string out;
    const Problem problem{"firewall-drops", "dropped", "do", true, Family::V4};
    for (const auto& [key, found] : book.closed(network, {{*Prefix::parse("10.0.0.0/8"), problem}}, &none_left))
      out += key.container.id.str();
    return out;
  };
  EXPECT_EQ(on("one"), "a");
  EXPECT_EQ(on("two"), "cb");
}

// What is to be done is whose link it is: Docker's, CNI's, or berthd's own, which nobody needs to help.
TEST_F(OnAParent, WhoPlugsItInAgain) {
  const auto remedy = [&](bool plugged, const char* endpoint) {
    NetworkConfig blue;
    blue.name = "blue";
    blue.runtime = "docker";
    blue.plugged = plugged;
    PortBook of;
    of.set_networks({{"blue", blue}});
    ContainerFact one = on("a", "blue", 1, 100);
    one.endpoints[0].id = endpoint;
    of.upsert(one);
    MacParent parent{7, "eth1", {full(1)}, 0};
    of.look(HostState(), {}, {}, {{"blue", parent}});
    parent.macs.clear();
    const auto told = of.look(HostState(), {}, {}, {{"blue", parent}});
    return told.empty() ? std::string() : told.begin()->second.remedy;
  };
  EXPECT_EQ(remedy(false, "ep"), "docker restart the-a");
  EXPECT_EQ(remedy(true, "4026532000:2"), "start it anew, so that CNI plugs it in");
  EXPECT_EQ(remedy(true, "berth"), "none: berthd plugs it in again");
}

TEST_F(OnAParent, TheOlderContainerHasThePlaceInWhateverOrderTheyAreTold) {
  book.upsert(on("young", "blue", 1, 300));
  EXPECT_EQ(told({{"blue", 2}}, {1, 9}), "");
  book.upsert(on("old", "blue", 5, 100));
  EXPECT_EQ(told({{"blue", 2}}, {1, 5, 9}), "young:mac-limit") << "9 is another hand's, and there";
  EXPECT_EQ(told({{"blue", 3}}, {1, 5, 9}), "");
  EXPECT_EQ(told({{"blue", 1}}, {1, 5, 9}), "old:mac-limit young:mac-limit") << "a limit that was lowered";
  EXPECT_EQ(told({{"blue", 0}}, {1, 5, 9}), "");
}

TEST_F(OnAParent, WhoComesLaterAndIsNobodysYetTakesNoPlace) {
  book.upsert(on("old", "blue", 5, 100));
  EXPECT_EQ(told({{"blue", 1}}, {5}), "");
  EXPECT_EQ(told({{"blue", 1}}, {1, 2, 3, 5}), "") << "nobody knows yet whose the others are";
  book.upsert(on("young", "blue", 1, 300));
  EXPECT_EQ(told({{"blue", 1}}, {1, 2, 3, 5}), "young:mac-limit");
}

TEST_F(OnAParent, WhoWasThereBeforeHasItsPlaceOnceAllRuntimesHaveListed) {
  PortBook fresh;
  std::map<std::string, NetworkConfig> networks;
  for (const char* name : {"blue", "red"}) networks[name].name = name;
  networks["blue"].runtime = "docker";
  networks["red"].runtime = "containerd";
  fresh.set_networks(networks);
  const MacParent parent{7, "eth1", {full(1), full(2)}, 1};
  const auto look = [&] { return fresh.look(HostState(), {}, {}, {{"blue", parent}, {"red", parent}}).size(); };
  fresh.set_containers("docker", {on("a", "blue", 1, 100)});
  EXPECT_EQ(look(), 0u) << "containerd has not told yet whose 2 is";
  fresh.set_containers("containerd", {});
  EXPECT_EQ(look(), 1u) << "it is another hand's, and there";
}

TEST_F(OnAParent, OfTwoLimitsOnOneParentTheLowerCounts) {
  book.upsert(on("a", "blue", 1, 1));
  book.upsert(on("b", "red", 2, 2));
  EXPECT_EQ(told({{"blue", 9}, {"red", 1}}, {1, 2}), "b:mac-limit");
}

TEST_F(OnAParent, OneThatWasThereAndIsGoneIsHeldBack) {
  book.upsert(on("a", "blue", 1, 1));
  book.upsert(on("b", "blue", 0, 2));
  EXPECT_EQ(told({{"blue", 0}}, {}), "") << "it may not be made yet";
  EXPECT_EQ(told({{"blue", 0}}, {1}), "");
  EXPECT_EQ(told({{"blue", 0}}, {}), "a:port-gone") << "of b nobody says the MAC address";
}

}  // namespace
}  // namespace berth
