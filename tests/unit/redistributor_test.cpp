// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/redistributor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/blue_config.h"

namespace berth {
namespace {

NetworkHealth healthy() {
  return {true, "br-blue", Nat::Off, {}, {"docker", "net1"}};
}

ContainerFact container(int n, const std::string& address, std::map<std::string, std::string> labels = {}) {
  const std::string id = "id" + std::to_string(n);
  return {{"docker", id},
          "c" + std::to_string(n),
          "running",
          std::move(labels),
          {{"ep" + id, "blue", "net1", "", {*IpAddress::parse(address)}}}};
}

// A zebra that does as it is told, and holds what it was told across sessions.
struct Zebra {
  std::map<RibKey, RibObject> rib;
  std::set<RibKey> named;
  std::vector<std::string> attached, detached;
  int synced = 0, steps = 0;

  void work(Redistributor& brain, int cut = -1) {
    while (cut != 0) {
      const auto todo = brain.take_actions(3);
      if (todo.empty()) return;
      for (const Action& step : todo) {
        if (cut == 0) return;
        if (cut > 0) --cut;
        ++steps;
        if (const auto* announce = std::get_if<Announce>(&step)) {
          rib[announce->object.key] = announce->object;
          named.insert(announce->object.key);
          brain.answer({announce->object.key, RibState::Installed, ""});
        } else if (const auto* withdraw = std::get_if<Withdraw>(&step)) {
          rib.erase(withdraw->key);
          brain.answer({withdraw->key, RibState::Gone, ""});
        } else if (const auto* question = std::get_if<Ask>(&step)) {
          brain.found({question->address, {}, {}});
        } else if (const auto* attach = std::get_if<Configure>(&step)) {
          attached.push_back(attach->key.network.str());
          brain.set_network_health(attach->key.network.str(), healthy());
        } else if (const auto* detach = std::get_if<Unconfigure>(&step)) {
          detached.push_back(detach->key.network.str());
          brain.unconfigured(detach->key);
        } else {
          ++synced;
          brain.zebra_synced();
          std::erase_if(rib, [&](const auto& entry) { return !named.contains(entry.first); });
        }
      }
    }
  }
  void connect(Redistributor& brain) {
    named.clear();
    brain.zebra_connected();
  }
  std::string text() const {
    std::string out;
    for (const auto& [key, object] : rib)
      out += (key.kind == RibKind::ConnectedTag ? "mark " : "") + key.prefix.to_string() + " " +
             std::to_string(object.tag) + "\n";
    return out;
  }
};

TEST(Redistributor, AdvertisesHostAndSubnetFromFirstToLast) {
  Redistributor brain;
  Zebra zebra;
  brain.set_config(blue_config());
  zebra.connect(brain);
  brain.set_containers("docker", {});
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "");
  EXPECT_EQ(zebra.synced, 1);
  brain.upsert_container(container(1, "10.10.1.5"));
  brain.upsert_container(container(2, "10.10.1.6"));
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "10.10.1.5/32 100\n10.10.1.6/32 100\nmark 10.10.1.0/24 100\n");
  brain.remove_container({"docker", "id1"});
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "10.10.1.6/32 100\nmark 10.10.1.0/24 100\n");
  brain.remove_container({"docker", "id2"});
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "");
}

TEST(Redistributor, SaysNothingTwice) {
  Redistributor brain;
  Zebra zebra;
  brain.set_config(blue_config());
  zebra.connect(brain);
  brain.set_containers("docker", {container(1, "10.10.1.5")});
  zebra.work(brain);
  const int before = zebra.steps;
  brain.set_config(blue_config());
  brain.set_network_health("blue", healthy());
  brain.set_containers("docker", {container(1, "10.10.1.5")});
  zebra.work(brain);
  EXPECT_EQ(zebra.steps, before);
}

TEST(Redistributor, SweepsNothingBeforeEverySourceIsInSync) {
  Redistributor brain;
  Zebra zebra;
  zebra.rib[{RibKind::Route, *Prefix::parse("10.10.1.9/32")}] = {};
  brain.set_config(blue_config());
  zebra.connect(brain);
  zebra.work(brain);
  EXPECT_EQ(zebra.rib.size(), 1u);
  brain.set_containers("docker", {});
  zebra.work(brain);
  EXPECT_EQ(zebra.rib.size(), 0u);
  brain.upsert_container(container(1, "10.10.1.5"));
  zebra.work(brain);
  brain.runtime_lost("docker");
  zebra.work(brain);
  EXPECT_EQ(zebra.rib.size(), 2u) << "a silent runtime withdraws nothing";
}

TEST(Redistributor, NatOrAFirewallWithdraws) {
  Redistributor brain;
  Zebra zebra;
  brain.set_config(blue_config());
  zebra.connect(brain);
  brain.set_containers("docker", {container(1, "10.10.1.5")});
  zebra.work(brain);
  NetworkHealth nat = healthy();
  nat.nat = Nat::On;
  nat.problems = {{"nat-on", "masquerade is on", "turn it off", true}};
  brain.set_network_health("blue", nat);
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "");
  const Explanation why = brain.explain("c1");
  EXPECT_EQ(why.verdict, Advertised::No);
  EXPECT_EQ(why.steps.back().name, "health");
  EXPECT_EQ(why.steps.back().remedy, "turn it off");
}

TEST(Redistributor, RefusesWhatTheOperatorDidNotAllow) {
  struct Case {
    const char* address;
    std::map<std::string, std::string> labels;
    const char* counter;
    const char* left;
  };
  const char* plain = "10.10.1.5/32 100\nmark 10.10.1.0/24 100\n";
  for (const Case& each : {Case{"10.10.2.5", {}, "refusedPrefix", ""}, Case{"127.0.0.1", {}, "refusedPrefix", ""},
                           Case{"10.10.1.1", {}, "refusedPrefix", "mark 10.10.1.0/24 100\n"},
                           Case{"10.10.1.77", {}, "refusedPrefix", "mark 10.10.1.0/24 100\n"},
                           Case{"10.10.1.5", {{"berth.advertise", "none"}}, "refusedLabel", plain},
                           Case{"10.10.1.5", {{"berth.tag", "666"}}, "refusedLabel", plain},
                           Case{"10.10.1.5", {{"berth.prefix", "0.0.0.0/0"}}, "refusedLabel", plain}}) {
    Redistributor brain;
    Zebra zebra;
    int told = 0;
    brain.on_refusal([&](const std::string&, const std::string&) { ++told; });
    brain.set_config(blue_config());
    brain.set_host_addresses({*IpAddress::parse("10.10.1.77")});
    zebra.connect(brain);
    brain.set_containers("docker", {container(1, each.address, each.labels)});
    zebra.work(brain);
    EXPECT_EQ(zebra.text(), each.left) << each.address;
    EXPECT_EQ(brain.counters()[each.counter], 1u) << each.address;
    EXPECT_EQ(told, 1);
  }
}

// Two who want the same, and the brain that judges between them.
struct Rivals {
  explicit Rivals(const char* youngers = "10.10.1.5", const Config& config = blue_config())
      : younger(container(1, youngers)) {
    older.created = 1000;
    younger.created = 2000;
    brain.set_config(config);
    zebra.connect(brain);
  }
  std::string owner() const {
    const auto route = brain.route_of(*IpAddress::parse("10.10.1.5"));
    return route ? route->container : "";
  }
  Redistributor brain;
  Zebra zebra;
  ContainerFact older = container(5, "10.10.1.5"), younger;
};

TEST(Redistributor, AnAddressOfAnotherContainerIsNotTakenOver) {
  Rivals rivals;
  auto& [brain, zebra, older, younger] = rivals;
  brain.set_containers("docker", {younger});
  brain.upsert_container(older);
  zebra.work(brain);
  EXPECT_EQ(rivals.owner(), "c5");
  EXPECT_EQ(brain.counters()["refusedOwner"], 1u);
  brain.remove_container({"docker", "id5"});
  EXPECT_EQ(rivals.owner(), "c1");
}

// Who may change the links in a container can put any address there: that of one that was handed it out is not his.
TEST(Redistributor, WhatWasHandedOutComesBeforeWhatAContainerPutsOnItself) {
  Rivals rivals;
  auto& [brain, zebra, older, younger] = rivals;
  older.network_mode = kByCni;
  brain.set_containers("docker", {older});
  zebra.work(brain);
  EXPECT_EQ(rivals.owner(), "c5");
  brain.upsert_container(younger);
  zebra.work(brain);
  EXPECT_EQ(rivals.owner(), "c1");
  // One that berthd plugged in has its own; what else is on its links makes it no worse.
  older.endpoints[0].id = kPlug;
  brain.upsert_container(older);
  EXPECT_EQ(rivals.owner(), "c5");
  older.endpoints[0].id = "e5";
  brain.upsert_container(older);
  EXPECT_EQ(rivals.owner(), "c1");
}

// That is for one address; who is within the limits is said by age alone, so that a start takes no running container's route away.
TEST(Redistributor, TheLimitsKnowNoSuchRank) {
  Config config = blue_config();
  config.max_routes = 2;  // the subnet and one
  Rivals rivals("10.10.1.6", config);
  auto& [brain, zebra, older, younger] = rivals;
  older.network_mode = kByCni;
  brain.set_containers("docker", {older, younger});
  zebra.work(brain);
  EXPECT_TRUE(brain.route_of(*IpAddress::parse("10.10.1.5")));
  EXPECT_FALSE(brain.route_of(*IpAddress::parse("10.10.1.6")));
}

TEST(Redistributor, ExplainsASubnet) {
  Redistributor brain;
  Zebra zebra;
  Config only = blue_config();
  only.networks["blue"].advertise = Advertise::Subnet;
  brain.set_config(only);
  zebra.connect(brain);
  ContainerFact stopped = container(2, "10.10.1.6");
  stopped.endpoints.clear();
  stopped.state = "exited";
  brain.set_containers("docker", {container(1, "10.10.1.5"), stopped});
  zebra.work(brain);
  for (const char* subject : {"c1", "10.10.1.5"}) {
    const Explanation why = brain.explain(subject);
    EXPECT_EQ(why.verdict, Advertised::Yes) << subject;
    EXPECT_EQ(why.steps.back().name, "subnet");
    for (const ReasonStep& step : why.steps) EXPECT_TRUE(step.ok) << step.name;
  }
  EXPECT_EQ(brain.explain("c2").steps.back().remedy, "docker start c2");
}

// How a subnet is told of is the driver's: by a tag on the connected route, by a route, or not at all.
TEST(Redistributor, ASubnetIsAdvertisedAsItsDriverSays) {
  for (const auto& [how, text] : {std::pair{SubnetRoute::ConnectedTag, "10.10.1.5/32 100\nmark 10.10.1.0/24 100\n"},
                                  std::pair{SubnetRoute::Route, "10.10.1.0/24 100\n10.10.1.5/32 100\n"},
                                  std::pair{SubnetRoute::None, "10.10.1.5/32 100\n"}}) {
    Redistributor brain;
    Zebra zebra;
    brain.set_subnet_routes([said = how](std::string_view driver) {
      EXPECT_EQ(driver, "bridge");
      return said;
    });
    brain.set_config(blue_config());
    zebra.connect(brain);
    brain.set_containers("docker", {container(1, "10.10.1.5")});
    zebra.work(brain);
    EXPECT_EQ(zebra.text(), text);
    EXPECT_EQ(brain.explain("c1").verdict, Advertised::Yes);
    brain.remove_container({"docker", "id1"});
    zebra.work(brain);
    EXPECT_EQ(zebra.text(), "");
  }
}

TEST(Redistributor, HearsAllowedPrefixesWithinTheirLengths) {
  for (const auto& [address, ge, le, allowed] :
       {std::tuple{"192.0.2.7", 32u, 32u, true}, std::tuple{"192.0.2.7", 24u, 31u, false},
        std::tuple{"192.0.3.7", 32u, 32u, false}}) {
    Redistributor brain;
    Zebra zebra;
    Config wider = blue_config();
    wider.networks["blue"].allow_prefixes = {{*Prefix::parse("192.0.2.0/24"), ge, le}};
    brain.set_config(wider);
    zebra.connect(brain);
    brain.set_containers("docker", {container(1, address)});
    zebra.work(brain);
    EXPECT_EQ(zebra.text(), allowed ? std::string(address) + "/32 100\n" : "") << address << " ge " << ge;
    EXPECT_EQ(brain.counters()["refusedPrefix"], allowed ? 0u : 1u);
  }
}

TEST(Redistributor, ADefaultRouteIsRefusedToldAndCounted) {
  Redistributor brain;
  Zebra zebra;
  int told = 0;
  brain.on_refusal([&](const std::string&, const std::string&) { ++told; });
  Config wide = blue_config();
  wide.networks["blue"].advertise = Advertise::Subnet;
  wide.networks["blue"].subnets = {{*Prefix::parse("0.0.0.0/0"), {}, {}}};
  brain.set_config(wide);
  zebra.connect(brain);
  brain.set_containers("docker", {container(1, "10.10.1.5")});
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "");
  EXPECT_EQ(brain.counters()["refusedPrefix"], 1u);
  EXPECT_EQ(told, 1);
}

TEST(Redistributor, DetachesOnlyWhatIsWithdrawn) {
  Redistributor brain;
  Zebra zebra;
  brain.set_config(blue_config());
  zebra.connect(brain);
  brain.set_containers("docker", {container(1, "10.10.1.5")});
  zebra.work(brain);
  Config empty = blue_config();
  empty.networks.clear();
  brain.set_config(empty);
  std::vector<std::string> order;
  for (auto steps = brain.take_actions(10); !steps.empty(); steps = brain.take_actions(10))
    for (const Action& step : steps) {
      if (const auto* withdraw = std::get_if<Withdraw>(&step)) {
        order.push_back("withdraw");
        brain.answer({withdraw->key, RibState::Gone, ""});
      }
      if (std::holds_alternative<Unconfigure>(step)) order.push_back("detach");
    }
  EXPECT_EQ(order, (std::vector<std::string>{"withdraw", "withdraw", "detach"}));
}

// A swarm's overlay called blue, with the addresses of our bridge.
TEST(Redistributor, ANetworkOfTheSameNameIsNotOurs) {
  Redistributor brain;
  Zebra zebra;
  brain.set_config(blue_config());
  zebra.connect(brain);
  ContainerFact theirs = container(1, "10.10.1.5"), ours = container(2, "10.10.1.6");
  theirs.endpoints[0].network_id = "overlay1";
  theirs.endpoints[0].driver = "overlay";
  brain.set_containers("docker", {theirs, ours});
  EXPECT_TRUE(brain.routes().empty()) << "nobody's before it is known which network blue is";
  EXPECT_EQ(brain.counters()["refusedPrefix"] + brain.counters()["refusedLabel"], 0u);
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "10.10.1.6/32 100\nmark 10.10.1.0/24 100\n");
  const Explanation why = brain.explain("c1");
  EXPECT_EQ(why.verdict, Advertised::No);
  EXPECT_EQ(why.steps.back().name, "network");
  EXPECT_EQ(why.steps.back().detail, "on a network called blue that is not ours (driver overlay, id overlay1)");
  EXPECT_EQ(why.steps.back().remedy, "docker network connect net1 c1");
  // docker network rm and create: another id, and the containers come with it.
  NetworkHealth anew = healthy();
  anew.key.id = "net2";
  brain.set_network_health("blue", anew);
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "");
  ours.endpoints[0].network_id = "net2";
  brain.upsert_container(ours);
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "10.10.1.6/32 100\nmark 10.10.1.0/24 100\n");
  // One of another runtime is another one, whatever its id.
  anew.key.runtime = "containerd";
  brain.set_network_health("blue", anew);
  zebra.work(brain);
  EXPECT_EQ(zebra.text(), "");
}

}  // namespace
}  // namespace berth
