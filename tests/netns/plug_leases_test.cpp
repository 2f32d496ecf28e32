// SPDX-License-Identifier: GPL-2.0-or-later
//
// The addresses of containers that are plugged in: what a file that can't be written or read, or is lost, does to them, and when
// they are given back.
#include <gtest/gtest.h>

#include "tests/netns/plug_fixture.h"

namespace berth {
namespace {

class PlugLeases : public PlugAgentTest {};

TEST_F(PlugLeases, AFullDiskGivesNoNewAddressAndTakesNone) {
  const PlugOrder old = order("c1");
  const std::string first = plugged(old);
  save_fails = permanent("leases: write: No space left on device", "check the folder's permissions and space");
  EXPECT_EQ(plugged(old), first);
  const auto refused = plug(order("c2"));
  ASSERT_TRUE(refused && !*refused);
  EXPECT_EQ(refused->error().kind, ErrorKind::Transient) << "it is tried again";
  EXPECT_NE(refused->error().message.find("No space left"), std::string::npos);
  EXPECT_EQ(output_of("ip -n c2 -o link show eth0 2>/dev/null"), "") << "no link without an address";
  save_fails.reset();
  EXPECT_EQ(plugged(order("c2", false)), "10.20.1.2 fd00:20::3");
}

TEST_F(PlugLeases, AFullDiskLeavesTheLinkOfWhoIsToGetAnotherAddress) {
  PlugOrder what = order("c1");
  ASSERT_EQ(plugged(what), "10.20.1.0 fd00:20::2");
  save_fails = permanent("leases: write: No space left on device");
  network.subnets[0].ip_range = Prefix::parse("10.20.7.0/24");
  what.network = network;
  const auto refused = plug(what);
  ASSERT_TRUE(refused && !*refused);
  EXPECT_NE(output_of("ip -n c1 -o -4 addr show dev eth0 2>/dev/null").find("10.20.1.0/16"), std::string::npos);
  save_fails.reset();
  EXPECT_EQ(plugged(what), "10.20.7.0 fd00:20::2");
}

// The file was lost: who is plugged in may get another's address, and has no other beside it.
TEST_F(PlugLeases, ALostFileLeavesNoAddressThatIsGivenToAnother) {
  const PlugOrder one = order("c1"), two = order("c2");
  ASSERT_EQ(plugged(one), "10.20.1.0 fd00:20::2");
  ASSERT_EQ(plugged(two), "10.20.1.2 fd00:20::3");
  file.clear();
  make();
  EXPECT_EQ(plugged(two), "10.20.1.0 fd00:20::2");
  EXPECT_EQ(plugged(one), "10.20.1.2 fd00:20::3");
  EXPECT_EQ(output_of("ip -n c1 -o -4 addr show dev eth0 | grep -c inet"), "1\n");
  EXPECT_EQ(output_of("ip -n c2 -o -4 addr show dev eth0 | grep -c inet"), "1\n");
}

// The old one goes before the new one comes: until it can, it is tried again.
TEST_F(PlugLeases, AnAddressThatMayBeAnothersGoesOrNoneComes) {
  const PlugOrder one = order("c1"), two = order("c2");
  ASSERT_EQ(plugged(one), "10.20.1.0 fd00:20::2");
  ASSERT_EQ(plugged(two), "10.20.1.2 fd00:20::3");
  file.clear();
  make();
  executor.busy = 1;
  EXPECT_EQ(plugged(two), "busy");
  EXPECT_EQ(plugged(two), "10.20.1.0 fd00:20::2");
  EXPECT_EQ(output_of("ip -n c2 -o addr show dev eth0 scope global | grep -c inet"), "2\n");
}

// Whatever ends berthd while an address changes: the file says whose the link is that is there.
TEST_F(PlugLeases, NoAddressStaysBesideAnotherWhenBerthdEndsMeanwhile) {
  PlugOrder what = order("c1");
  ASSERT_EQ(plugged(what), "10.20.1.0 fd00:20::2");
  const std::string before = file;
  network.subnets[0].ip_range = Prefix::parse("10.20.7.0/24");
  what.network = network;
  executor.busy = 1;
  EXPECT_EQ(plugged(what), "busy");
  EXPECT_EQ(file, before);
  make();
  EXPECT_EQ(plugged(what), "10.20.7.0 fd00:20::2");
  EXPECT_EQ(output_of("ip -n c1 -o addr show dev eth0 scope global | grep -c inet"), "2\n");
}

TEST_F(PlugLeases, AFileThatCantBeReadIsNotWrittenOver) {
  file = "berth leases 1\nlease of nobody\n";
  const std::string before = file;
  const auto refused = plug(order("c1"));
  ASSERT_TRUE(refused && !*refused);
  EXPECT_EQ(refused->error().message, "leases: line 2 is no lease");
  EXPECT_EQ(refused->error().kind, ErrorKind::Transient) << "it does not say that nobody has an address";
  EXPECT_EQ(file, before);
  file = "berth leases 1\n";  // the remedy
  EXPECT_EQ(plugged(order("c1", false)), "10.20.1.0 fd00:20::2");
}

TEST_F(PlugLeases, AnAddressComesBackAfterTwoListsWhenTheNamespaceIsGone) {
  const PlugOrder what = order("c1");
  ASSERT_EQ(plugged(what), "10.20.1.0 fd00:20::2");
  const LeaseKey key{"green", what.key.endpoint.container, what.created};
  const auto released = [&] {
    agent->containers("containerd", {});
    plug(order("other", output_of("ip netns list").find("other") == std::string::npos));  // after it
    const auto all = agent->leases();
    const auto found = all->find(key);
    return found == all->end() || found->second.released != 0;
  };
  EXPECT_FALSE(released());
  EXPECT_FALSE(released()) << "its namespace lives";
  run("ip netns del c1");
  EXPECT_TRUE(released());
}

// Neither protects a lease, nor does a network's absence end one whose namespace lives.
TEST_F(PlugLeases, ALeaseOfANetworkOrRuntimeThatIsNoLongerConfiguredGoesLikeAnyOther) {
  const PlugOrder one = order("c1"), two = order("c2");
  PlugOrder away = order("c3");
  away.key.endpoint.container = {"second", "default/c3"};
  for (const PlugOrder& each : {one, two, away}) ASSERT_EQ(plugged(each).substr(0, 8), "10.20.1.");
  ContainerFact still;  // its runtime knows it, on whichever network
  still.key = one.key.endpoint.container;
  still.created = one.created;
  const auto held = [&] {
    agent->containers("containerd", {still});
    plug(order("other", output_of("ip netns list").find("other") == std::string::npos));  // after it
    std::string out;
    for (const auto& [key, lease] : *agent->leases())
      if (lease.released == 0 && key.container.id != "default/other")
        out += (out.empty() ? "" : " ") + key.container.id.str().substr(8);
    return out;
  };
  EXPECT_EQ(held(), "c1 c2 c3");
  agent->configured({"containerd", "docker"}, {"red"});
  for (int lists = 0; lists < 3; ++lists) EXPECT_EQ(held(), "c1 c2 c3") << "their namespaces live";
  run("ip netns del c1");
  EXPECT_EQ(held(), "c2 c3") << "green is no network any more";
  run("ip netns del c3");
  EXPECT_EQ(held(), "c2") << "nor is second a runtime";
  run("ip netns del c2");
  EXPECT_EQ(held(), "");
}

}  // namespace
}  // namespace berth
