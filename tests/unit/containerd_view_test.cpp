// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/containerd/containerd_view.h"

#include <gtest/gtest.h>

#include "container_watcher/containerd/containerd_client.h"

namespace berth {
namespace {

IpAddress ip(const char* text) {
  return *IpAddress::parse(text);
}

NetworkFact network(const std::string& name, const char* subnet) {
  NetworkFact out;
  out.runtime = "ctr";
  out.id = out.name = name;
  out.subnets.push_back({*Prefix::parse(subnet), {}, {}});
  return out;
}

ContainerAnswer answer(const std::string& id, int pid, std::optional<TaskNetns> netns, std::int64_t created = 1) {
  const TaskState state = pid == 0 ? TaskState::None : TaskState::Running;
  return {id, ContainerdRow{id.substr(id.find('/') + 1), {}, created}, {state, pid}, std::move(netns), {}, {}};
}

TaskNetns netns(std::uint64_t inode, std::vector<TaskLink> links) {
  return {{4, inode}, false, std::move(links)};
}

TaskLink eth0(const char* address) {
  return {2, "eth0", "veth", 0x02420a000002, {ip(address)}};
}

std::string mode(const ContainerdView& view, const char* id) {
  return view.find(id)->network_mode;
}

TEST(ContainerdView, ALinkThatSomebodyElseMadeIsAnEndpointOfTheNetworkThatCoversIt) {
  ContainerdView view("ctr");
  view.network(network("blue", "10.0.0.0/24"));
  view.answer(answer("k8s/a", 7, netns(9, {eth0("10.0.0.2"), {3, "eth1", "macvlan", 0, {ip("192.168.1.1")}}})));
  const auto changes = view.take();
  ASSERT_EQ(changes.containers.size(), 1u);
  const ContainerFact& fact = changes.containers.front();
  EXPECT_EQ(fact.key, (ContainerKey{"ctr", "k8s/a"}));
  EXPECT_EQ(fact.name, "a");
  EXPECT_EQ(fact.state, "running");
  EXPECT_EQ(fact.network_mode, "cni");
  EXPECT_EQ(fact.netns, "/proc/7/ns/net");
  ASSERT_EQ(fact.endpoints.size(), 2u);
  EXPECT_EQ(fact.endpoints[0],
            (EndpointFact{"9:2", "blue", "blue", "02:42:0a:00:00:02", {ip("10.0.0.2")}, "bridge", "eth0"}));
  EXPECT_EQ(fact.endpoints[1], (EndpointFact{"9:3", "", "", "", {ip("192.168.1.1")}, "macvlan", "eth1"}));
  EXPECT_TRUE(view.take().containers.empty());
}

TEST(ContainerdView, ANetworkThatIsWantedLaterFindsItsEndpoints) {
  ContainerdView view("ctr");
  view.answer(answer("k8s/a", 7, netns(9, {eth0("10.0.0.2")})));
  view.answer(answer("k8s/b", 8, netns(10, {})));
  EXPECT_EQ(view.take().containers.size(), 2u);
  view.network(network("blue", "10.0.0.0/24"));
  const auto changes = view.take();
  ASSERT_EQ(changes.containers.size(), 1u) << "the other has no link";
  EXPECT_EQ(changes.containers.front().endpoints.front().network, "blue");
  view.network(network("blue", "10.0.0.0/24"));
  EXPECT_TRUE(view.take().containers.empty()) << "the same is no change";
}

TEST(ContainerdView, SaysOfEachTaskWhoseNetworkItHas) {
  ContainerdView view("ctr");
  view.answer(answer("a/host", 5, TaskNetns{{4, 1}, true, {}}));
  view.answer(answer("a/none", 6, netns(8, {})));
  view.answer(answer("a/side", 8, netns(9, {eth0("10.0.0.2")}), 30));
  view.answer(answer("a/pod", 7, netns(9, {eth0("10.0.0.2")}), 20));
  view.answer(answer("a/idle", 0, std::nullopt));
  EXPECT_EQ(view.take().containers.size(), 5u);
  EXPECT_EQ(mode(view, "a/host"), "host");
  EXPECT_EQ(mode(view, "a/none"), "none");
  EXPECT_EQ(mode(view, "a/pod"), "cni");
  EXPECT_EQ(mode(view, "a/side"), "container:a/pod");
  EXPECT_EQ(mode(view, "a/idle"), "");
  EXPECT_TRUE(view.find("a/side")->endpoints.empty());
  EXPECT_EQ(view.find("a/idle")->state, "created");
  EXPECT_TRUE(view.find("a/idle")->netns.empty());
  // The owner ends: who is left has the namespace, and both are told.
  view.answer(answer("a/pod", 0, std::nullopt, 20));
  EXPECT_EQ(view.take().containers.size(), 2u);
  EXPECT_EQ(mode(view, "a/side"), "cni");
  EXPECT_EQ(view.find("a/side")->endpoints.size(), 1u);
}

TEST(ContainerdView, WhatALookFindsHoldsForAllInThatNamespace) {
  ContainerdView view("ctr");
  view.answer(answer("a/pod", 7, netns(9, {}), 20));
  view.answer(answer("a/side", 8, netns(9, {}), 30));
  view.take();
  EXPECT_EQ(mode(view, "a/pod"), "none");
  view.answer(answer("a/side", 8, netns(9, {eth0("10.0.0.2")}), 30));  // CNI came between, and no event of the pod's
  EXPECT_EQ(view.take().containers.size(), 1u);
  EXPECT_EQ(view.find("a/pod")->endpoints.size(), 1u);
}

TEST(ContainerdView, WhatItDoesNotSayTakesNothingAway) {
  ContainerdView view("ctr");
  view.network(network("blue", "10.0.0.0/24"));
  view.answer(answer("k8s/a", 7, netns(9, {eth0("10.0.0.2")})));
  view.take();
  ContainerAnswer silent = answer("k8s/a", 0, std::nullopt);
  silent.task.state = TaskState::Unknown;
  silent.why = "it hangs";
  view.answer(silent);
  EXPECT_TRUE(view.take().containers.empty());
  ASSERT_EQ(view.unknown().size(), 1u);
  EXPECT_EQ(view.unknown().front().id, "blue");
  EXPECT_EQ(view.unknown().front().why, "containerd's container k8s/a: it hangs");
  // The task is the same, and its namespace could not be read.
  view.answer(answer("k8s/a", 7, std::nullopt));
  EXPECT_TRUE(view.take().containers.empty());
  EXPECT_TRUE(view.unknown().empty());
  // It is another task: what the old one had is gone with it.
  view.answer(answer("k8s/a", 8, std::nullopt));
  ASSERT_EQ(view.take().containers.size(), 1u);
  EXPECT_TRUE(view.find("k8s/a")->endpoints.empty());
}

TEST(ContainerdView, TellsOfTheEndOnceAndOnlyOfWhatItTold) {
  ContainerdView view("ctr");
  view.answer(answer("k8s/a", 7, netns(9, {})));
  view.answer(answer("k8s/b", 8, netns(10, {})));
  view.take();
  view.answer({"k8s/a", std::nullopt, {}, {}, {}, {}});
  view.answer({"k8s/never", std::nullopt, {}, {}, {}, {}});
  auto changes = view.take();
  ASSERT_EQ(changes.containers_gone.size(), 1u);
  EXPECT_EQ(changes.containers_gone.front().id, "k8s/a");
  view.all({});
  changes = view.take();
  ASSERT_EQ(changes.containers_gone.size(), 1u);
  EXPECT_EQ(changes.containers_gone.front().id, "k8s/b");
  EXPECT_TRUE(view.snapshot().containers.empty());
}

TEST(ContainerdView, AChangedLabelIsTold) {
  ContainerdView view("ctr");
  view.answer(answer("k8s/a", 7, netns(9, {})));
  view.take();
  ContainerAnswer labelled = answer("k8s/a", 7, netns(9, {}));
  labelled.row->labels["berth.network"] = "blue";
  view.answer(labelled);
  EXPECT_EQ(view.take().containers.size(), 1u);
}

TEST(ContainerdView, OnlyWhatLeadsOutAndIsNotOursIsAnEndpoint) {
  HostState state;
  state.home = 7;
  const auto link = [&](int index, const char* name, const char* kind) -> HostLink& {
    HostLink& out = state.links.emplace_back();
    out.index = index;
    out.name = name;
    out.kind = kind;
    if (out.kind == "veth" || out.kind == "macvlan") out.peer_netns = 7;
    return out;
  };
  link(1, "lo", "").loopback = true;
  link(2, "tunl0", "ipip");
  link(3, "eth0", "veth").alias = "berth:blue";
  link(5, "eth2", "veth");  // it may be ours before it is marked
  link(6, "eth3", "macvlan").addresses = {{ip("fe80::2"), 64}};
  link(7, "docker0", "bridge").addresses = {{ip("172.17.0.1"), 16}};
  HostLink& inner = link(8, "inner", "veth");
  inner.addresses = {{ip("10.0.0.9"), 24}};
  inner.peer_netns = 8;
  HostLink& eth1 = link(4, "eth1", "veth");
  eth1.addresses = {{ip("10.0.0.2"), 24}, {ip("fe80::1"), 64}, {ip("fd00::2"), 64}, {ip("fd00::3"), 64, true}};
  std::size_t cut = 0;
  const auto links = task_links(state, &cut);
  ASSERT_EQ(links.size(), 1u);
  EXPECT_EQ(cut, 0u);
  EXPECT_EQ(links.front(), (TaskLink{4, "eth1", "veth", 0, {ip("10.0.0.2"), ip("fd00::2")}}));
  state.home.reset();
  EXPECT_TRUE(task_links(state, &cut).empty()) << "where no link leads to this host, none is its";
  link(9, "enp1s0f3", "").addresses = {{ip("10.0.0.3"), 24}};  // a real device
  EXPECT_EQ(task_links(state, &cut).size(), 1u);
}

// A task that may change its links can make any number of them.
TEST(ContainerdView, SoManyLinksAndAddressesAreLookedAt) {
  HostState state;
  state.home = 7;
  for (int index = 2; index < 1000; ++index) {
    HostLink& out = state.links.emplace_back();
    out.index = index;
    out.name = "eth" + std::to_string(index);
    out.kind = "veth";
    out.peer_netns = 7;
    for (int address = 0; address < 100; ++address)
      out.addresses.push_back({ip(("10.0.0." + std::to_string(address)).c_str()), 24});
  }
  std::size_t cut = 0;
  const auto links = task_links(state, &cut);
  ASSERT_EQ(links.size(), kMostLinks);
  EXPECT_EQ(links.back().addresses.size(), kMostAddresses);
  EXPECT_EQ(cut, 998 - kMostLinks + kMostLinks * (100 - kMostAddresses));
}

TEST(ContainerdKey, IsOneNamespaceAndOneId) {
  ASSERT_TRUE(ContainerdKey::parse("k8s.io/a"));
  EXPECT_EQ(ContainerdKey::parse("k8s.io/a")->text(), "k8s.io/a");
  for (const char* wrong : {"", "a", "/", "a/", "/a", "a/b/c", "a/b c", "a/b\nlease", "a\x1b/b"})
    EXPECT_FALSE(ContainerdKey::parse(wrong)) << wrong;
  EXPECT_FALSE(ContainerdKey::parse("a/" + std::string(77, 'x')));
}

}  // namespace
}  // namespace berth
