// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a change costs is counted in work, not in time: endpoints evaluated and RIB keys compared, with many containers
// around that the change does not concern. And: limits, owners and labels by what is.
#include <gtest/gtest.h>

#include "redistribute/redistributor.h"
#include "tests/support/fake_zebra.h"

namespace berth {
namespace {

NetworkConfig network(const std::string& name, int third) {
  NetworkConfig out;
  out.name = name;
  const std::string net = "10." + std::to_string(third) + ".0.0/16";
  out.subnets = {{*Prefix::parse(net), {}, {}}};
  out.advertise = Advertise::Host;
  out.tag = static_cast<std::uint32_t>(100 + third);
  return out;
}

ContainerFact container(int n, const std::string& on, const std::string& address) {
  const std::string id = "id" + std::to_string(n);
  ContainerFact fact{
      {"docker", id}, "c" + std::to_string(n), "running", {}, {{"ep" + id, on, "n", "", {*IpAddress::parse(address)}}}};
  fact.created = 1000 + n;
  return fact;
}

NetworkHealth healthy(const std::string& name) {
  return {true, "br-" + name, Nat::Off, {}, {"docker", "n"}};
}

class Cost : public testing::Test {
 protected:
  void SetUp() override {
    config.runtimes = {{"docker", "docker", ""}};
    config.max_routes = 100000;
    config.networks = {{"big", network("big", 1)}, {"small", network("small", 2)}};
    brain.on_refusal(
        [&](const std::string& subject, const std::string& why) { refused.push_back(subject + ": " + why); });
    brain.set_config(config);
    for (const char* name : {"big", "small"}) brain.set_network_health(name, healthy(name));
    zebra.connect(brain);
    std::vector<ContainerFact> all;
    for (int n = 0; n < 5000; ++n)
      all.push_back(container(n, "big", "10.1." + std::to_string(n / 250) + "." + std::to_string(1 + n % 250)));
    for (int n = 5000; n < 5003; ++n) all.push_back(container(n, "small", "10.2.0." + std::to_string(n - 4990)));
    brain.set_containers("docker", all);
    list = all;
    settle();
  }
  std::size_t settle() {
    const std::size_t before = zebra.operations();
    bool more = true;
    while (more) {
      more = false;
      for (const Action& step : brain.take_actions(1000)) {
        if (const auto* attach = std::get_if<Configure>(&step))
          brain.set_network_health(attach->key.network.str(), healthy(attach->key.network.str()));
        zebra.take(step);
        more = true;
      }
      more = zebra.answer_some(brain) || more;
    }
    return zebra.operations() - before;
  }
  // What `change` costs.
  std::pair<std::uint64_t, std::uint64_t> work(const std::function<void()>& change) {
    auto before = brain.counters();
    change();
    settle();
    auto after = brain.counters();
    return {after["evaluations"] - before["evaluations"], after["checks"] - before["checks"]};
  }
  void expect_little(const char* what, const std::function<void()>& change, std::uint64_t most = 20) {
    const auto [evaluations, checks] = work(change);
    EXPECT_LE(evaluations, most) << what;
    EXPECT_LE(checks, most) << what;
  }

  Config config;
  Redistributor brain;
  FakeZebra zebra;
  std::vector<ContainerFact> list;
  std::vector<std::string> refused;
};

TEST_F(Cost, IsThatOfTheChange) {
  ASSERT_EQ(zebra.rib().size(), 5003u);
  expect_little("one container more", [&] { brain.upsert_container(container(6000, "small", "10.2.0.99")); });
  expect_little("one container less", [&] { brain.remove_container({"docker", "id6000"}); });
  expect_little("the whole list again", [&] { brain.set_containers("docker", list); });
  NetworkHealth nat = healthy("small");
  nat.nat = Nat::On;
  expect_little("health of the small network", [&] { brain.set_network_health("small", nat); });
  EXPECT_EQ(zebra.rib().size(), 5000u);
  expect_little("and back", [&] { brain.set_network_health("small", healthy("small")); });
  expect_little("health said again", [&] { brain.set_network_health("big", healthy("big")); });
  expect_little("addresses of the host that nobody has",
                [&] { brain.set_host_addresses({*IpAddress::parse("192.0.2.1"), *IpAddress::parse("10.1.250.250")}); });
  expect_little("an address that a container has", [&] { brain.set_host_addresses({*IpAddress::parse("10.2.0.10")}); });
  EXPECT_EQ(zebra.rib().size(), 5002u);
  expect_little("the configuration of the small network", [&] {
    config.networks["small"].tag = 777;
    brain.set_config(config);
  });
  expect_little("the same configuration", [&] { brain.set_config(config); });
  expect_little("retry without failures", [&] { brain.retry(); });
  expect_little("a loss and a retry", [&] {
    zebra.lose({RibKind::Route, *Prefix::parse("10.1.0.7/32")});
    zebra.answer_some(brain);
    brain.retry();
  });
  EXPECT_EQ(zebra.rib().size(), 5002u);
  const auto [evaluations, checks] = work([&] {
    config.networks["big"].tag = 778;
    brain.set_config(config);
  });
  EXPECT_EQ(evaluations, 5000u) << "the counter counts";
  EXPECT_GE(checks, 5000u);
}

TEST_F(Cost, TheLimitOfRoutesCutsOffTheYoungest) {
  expect_little("one over the limit", [&] {
    config.max_routes = 5002;
    brain.set_config(config);
  });
  EXPECT_FALSE(brain.route_of(*IpAddress::parse("10.2.0.12"))) << "c5002 is the youngest";
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0], "c5002: 10.2.0.12/32: the limit of routes is reached");
  expect_little("an older one goes", [&] { brain.remove_container({"docker", "id0"}); });
  EXPECT_TRUE(brain.route_of(*IpAddress::parse("10.2.0.12")));
  EXPECT_EQ(brain.counters()["refusedLimit"], 1u);
  EXPECT_EQ(zebra.rib().size(), 5002u);
}

TEST_F(Cost, MaxContainersOfANetworkKeepsTheOldest) {
  config.networks["small"].max_containers = 2;
  brain.set_config(config);
  settle();
  EXPECT_FALSE(brain.route_of(*IpAddress::parse("10.2.0.12")));
  EXPECT_EQ(brain.counters()["refusedMaxContainers"], 1u);
  EXPECT_EQ(brain.explain("c5002").steps.back().name, "limit");
  brain.remove_container({"docker", "id5000"});
  settle();
  EXPECT_TRUE(brain.route_of(*IpAddress::parse("10.2.0.12")));
}

TEST_F(Cost, TheLabelNetworkChoosesOneOfItsNetworksWhereItIsHeard) {
  ContainerFact both = container(7000, "big", "10.1.200.1");
  both.endpoints.push_back({"ep2", "small", "n", "", {*IpAddress::parse("10.2.200.1")}});
  both.labels["berth.network"] = "big";
  brain.upsert_container(both);
  EXPECT_TRUE(brain.route_of(*IpAddress::parse("10.2.200.1"))) << "small does not hear it";
  EXPECT_EQ(brain.counters()["refusedLabel"], 2u);
  config.networks["small"].allow_labels = {LabelKind::Network};
  brain.set_config(config);
  EXPECT_FALSE(brain.route_of(*IpAddress::parse("10.2.200.1")));
  EXPECT_TRUE(brain.route_of(*IpAddress::parse("10.1.200.1")));
  both.labels["berth.network"] = "elsewhere\n\033[31m";
  brain.upsert_container(both);
  EXPECT_TRUE(brain.route_of(*IpAddress::parse("10.2.200.1"))) << "what is not there chooses nothing";
  EXPECT_EQ(refused.back(),
            "c7000: label berth.network refused: the container is on no configured network 'elsewhere??[31m'");
}

TEST_F(Cost, ThousandsOfHostileLabelsAreToldAsAFew) {
  ContainerFact fact = container(7000, "small", "10.2.200.1");
  for (int n = 0; n < 5000; ++n)
    fact.labels["berth." + std::string(1000, 'x') + std::to_string(n)] = std::string(100000, '\n').substr(0, 50);
  brain.upsert_container(fact);
  EXPECT_LE(refused.size(), 9u);
  for (const std::string& each : refused) EXPECT_LT(each.size(), 200u);
}

}  // namespace
}  // namespace berth
