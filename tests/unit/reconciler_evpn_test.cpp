// SPDX-License-Identifier: GPL-2.0-or-later
//
// What FRR lacks for a segment, through the whole loop: told of the networks that have it, and it holds nothing back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "tests/support/reconciler_world.h"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class Segment : public BridgeDriver {
 public:
  std::optional<std::uint32_t> vni(const NetworkConfig& config) const override {
    return config.name == "blue" ? std::optional<std::uint32_t>(7) : std::nullopt;
  }
};
const Segment kDriver;

Config config(bool with_blue = true) {
  Config out;
  out.runtimes = {{"docker", "docker", "unix:/nowhere"}};
  for (const std::string name : {"blue", "red"}) {
    if (name == "blue" && !with_blue) continue;
    NetworkConfig& network = out.networks[name];
    network.name = name;
    network.subnets = {{*Prefix::parse(name == "blue" ? "10.10.1.0/24" : "10.10.2.0/24"), {}, {}}};
    network.advertise = Advertise::Host;
    network.tag = 100;
  }
  return out;
}

TEST(ReconcilerEvpn, WhatFrrLacksIsToldOfTheSegmentAndHoldsNothingBack) {
  const LogTo quiet;
  FakeRib rib;
  ReconcilerWorld world(rib, config(), [](std::string_view) { return &kDriver; });
  FakeRuntime& docker = *world.runtimes[0];
  docker.list();
  world.settle();
  docker.run(docker.container("c1", "blue", "10.10.1.5"));
  world.settle();
  EXPECT_THAT(world.evpn.wanted, ElementsAre(Pair(7, std::nullopt)));
  world.host.segments["blue"].vtep = IpAddress::parse("10.0.0.21");
  world.host.change();
  world.settle();
  EXPECT_THAT(world.evpn.wanted, ElementsAre(Pair(7, IpAddress::parse("10.0.0.21"))));
  const auto problems = [&](const std::string& network) {
    return world.reconciler.brain().health().at(network).problems;
  };
  world.reconciler.evpn_found({{7, {{"evpn-off", "bgpd tells nobody", "type it", false}}}});
  world.settle();
  ASSERT_EQ(problems("blue").size(), 1U);
  EXPECT_EQ(problems("blue")[0].code, "evpn-off");
  EXPECT_THAT(problems("red"), IsEmpty());
  EXPECT_TRUE(rib.entries.contains({RibKind::Route, *Prefix::parse("10.10.1.5/32")}));
  world.reconciler.evpn_found({{7, {}}});
  EXPECT_THAT(problems("blue"), IsEmpty());
  world.reconciler.reconfigure(config(false));
  EXPECT_THAT(world.evpn.wanted, IsEmpty());
}

}  // namespace
}  // namespace berth
