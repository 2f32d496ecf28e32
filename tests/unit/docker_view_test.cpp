// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_view.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <map>
#include <random>
#include <set>
#include <string>

namespace berth {
namespace {

std::string mode_of(const std::string& more) {
  DockerView view("docker");
  view.containers(boost::json::parse(R"([{"Id":"c1","Names":["/web"],"State":"running")" + more + "}]"));
  const RuntimeSnapshot all = view.snapshot();
  return all.containers.size() == 1 ? all.containers[0].network_mode : "(absent)";
}

// GET /containers/json as dockerd 20.10 and 28.5 answer.
TEST(DockerView, TellHowAContainerHasItsNetwork) {
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"host"},"NetworkSettings":{"Networks":{"host":{}}})"), "host");
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"none"},"NetworkSettings":{"Networks":{"none":{}}})"), "none");
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"container:abc"},"NetworkSettings":{"Networks":{}})"),
            "container:abc");
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"blue"},"NetworkSettings":{"Networks":{"none":{}}})"), "none")
      << "connected later";
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"none"},"NetworkSettings":{"Networks":{"blue":{}}})"), "none");
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"default"},"NetworkSettings":{"Networks":{"bridge":{}}})"),
            "default");
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":")" + std::string(kByCni) + "\"}"), "") << "a network's name";
  for (const char* odd : {"", R"(,"HostConfig":7)", R"(,"HostConfig":{"NetworkMode":[]})",
                          R"(,"NetworkSettings":{"Networks":{"none":null}})"})
    EXPECT_EQ(mode_of(odd), "") << odd;
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"container:)" + std::string(10'000, 'x') + "\"}").size(), 256u);
}

TEST(DockerView, AnotherModeIsAChange) {
  DockerView view("docker");
  view.containers(boost::json::parse(R"([{"Id":"c1","Names":["/web"],"HostConfig":{"NetworkMode":"blue"}}])"));
  EXPECT_EQ(view.take().containers.size(), 1u);
  view.containers(boost::json::parse(R"([{"Id":"c1","Names":["/web"],"HostConfig":{"NetworkMode":"blue"}}])"));
  EXPECT_EQ(view.take().containers.size(), 0u);
  view.containers(boost::json::parse(R"([{"Id":"c1","Names":["/web"],"NetworkSettings":{"Networks":{"none":{}}}}])"));
  EXPECT_EQ(view.take().containers.size(), 1u);
}

TEST(DockerView, AnotherStartOfAContainerWithoutANetworkIsAChange) {
  DockerView view("docker");
  const auto start = [&](const std::string& endpoint) {
    view.containers(boost::json::parse(R"([{"Id":"c1","Names":["/web"],"State":"running","NetworkSettings":)"
                                       R"({"Networks":{"none":{"EndpointID":")" +
                                       endpoint + R"("}}}}])"));
    const auto changes = view.take();
    return changes.containers.empty() ? "" : incarnation_of(changes.containers[0]);
  };
  const std::string first = start("e1");
  EXPECT_NE(first, "");
  EXPECT_EQ(start("e1"), "");
  const std::string second = start("e2");
  EXPECT_NE(second, "");
  EXPECT_NE(second, first);
}

// What runs, and Docker's answers about it as it is now.
struct Host {
  struct Here {
    std::string name, state = "running";
    std::map<std::string, std::string> addresses;  // by network
  };
  std::map<std::string, Here> containers;
  std::set<std::string> networks{"n1", "n2", "n3"};

  boost::json::value list(const std::string& only = "") const {
    boost::json::array out;
    for (const auto& [id, each] : containers)
      if (only.empty() || only == id)
        out.push_back({{"Id", id}, {"Names", {"/" + each.name}}, {"State", each.state}, {"Created", 1764000000}});
    return out;
  }
  boost::json::value network(const std::string& id) const {
    boost::json::object members;
    for (const auto& [container, each] : containers)
      if (const auto on = each.addresses.find(id); on != each.addresses.end())
        members[container] = {{"EndpointID", container + "-" + id + "-" + on->second},
                              {"MacAddress", "02:42:0a:00:00:01"},
                              {"IPv4Address", on->second + "/24"}};
    return {{"Id", id}, {"Name", "net-" + id}, {"Driver", "bridge"}, {"Containers", members}};
  }
  void change(std::mt19937& random) {
    const std::string id = "c" + std::to_string(random() % 5), on = "n" + std::to_string(random() % 3 + 1);
    const auto there = containers.find(id);
    switch (random() % 6) {
      case 0: containers.erase(id); break;
      case 1: networks.erase(on) == 0 ? networks.insert(on).second : drop(on); break;
      case 2:
        if (there != containers.end()) there->second.addresses.erase(on);
        break;
      case 3: containers[id].state = random() % 2 ? "running" : "exited"; break;
      default:
        containers[id].name = "web" + std::to_string(random() % 3);
        if (networks.contains(on)) containers[id].addresses[on] = "10.0.0." + std::to_string(random() % 250 + 1);
    }
  }
  bool drop(const std::string& network) {
    for (auto& [id, each] : containers) each.addresses.erase(network);
    return true;
  }
  void look_at(DockerView& view, const std::string& network) const {
    if (networks.contains(network))
      ASSERT_TRUE(view.network(network, this->network(network)));
    else
      view.network_absent(network);
  }
  void look_at_all(DockerView& view) const {
    ASSERT_TRUE(view.all_containers(list()));
    for (const std::string& id : networks) look_at(view, id);
    view.all_networks(networks);
  }
};

// What listens: it knows what it was told, and nothing else.
struct Told {
  std::map<SharedText, ContainerFact> containers;
  std::map<std::string, NetworkFact> networks;
  void hear(const DockerChanges& changes) {
    for (const ContainerKey& each : changes.containers_gone) containers.erase(each.id);
    for (const ContainerFact& each : changes.containers) containers[each.key.id] = each;
    for (const std::string& each : changes.networks_gone) networks.erase(each);
    for (const NetworkFact& each : changes.networks) networks[each.id] = each;
  }
  void hear(const RuntimeSnapshot& all) {
    containers.clear();
    networks.clear();
    for (const ContainerFact& each : all.containers) containers[each.key.id] = each;
    for (const NetworkFact& each : all.networks) networks[each.id] = each;
  }
  bool operator==(const Told&) const = default;
};

TEST(DockerView, KnowsInTheEndWhatOneThatLooksForTheFirstTimeKnows) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    Host host;
    DockerView view("docker");
    Told told;
    for (int step = 0; step < 60; ++step) {
      host.change(random);
      const std::string id = "c" + std::to_string(random() % 5), on = "n" + std::to_string(random() % 3 + 1);
      switch (random() % 6) {
        case 0: host.look_at_all(view); break;
        case 1: told.hear(view.snapshot()); break;
        case 2: view.network_silent(on); break;
        case 3:
          view.container_absent(id);
          view.containers(host.list(id));
          break;
        default: host.look_at(view, on); break;
      }
      told.hear(view.take());
    }
    host.look_at_all(view);
    for (const std::string& each : view.unknown()) view.container_absent(each);
    told.hear(view.take());
    DockerView fresh("docker");
    host.look_at_all(fresh);
    Told first, all;
    first.hear(fresh.snapshot());
    EXPECT_EQ(told, first) << "seed " << seed;
    all.hear(view.snapshot());
    EXPECT_EQ(all, first) << "seed " << seed;
  }
}

TEST(DockerView, AnEndpointOfAContainerThatIsNotKnownIsKeptBack) {
  Host host;
  host.containers["c1"] = {"web", "running", {{"n1", "10.0.0.2"}}};
  DockerView view("docker");
  host.look_at(view, "n1");
  EXPECT_TRUE(view.take().containers.empty());
  EXPECT_EQ(view.unknown(), std::vector<std::string>{"c1"});
  view.containers(host.list());
  EXPECT_EQ(view.take().containers.size(), 1u);
  EXPECT_TRUE(view.unknown().empty());
}

TEST(DockerView, ASilentNetworkKeepsItsEndpointsButForContainersThatHaveEnded) {
  Host host;
  for (const char* id : {"runs", "exits", "goes"}) host.containers[id] = {id, "running", {{"n1", "10.0.0.2"}}};
  DockerView view("docker");
  host.look_at_all(view);
  static_cast<void>(view.snapshot());
  host.containers["exits"].state = "exited";
  host.containers.erase("goes");
  view.all_containers(host.list());
  view.network_silent("n1");
  const RuntimeSnapshot all = view.snapshot();
  ASSERT_EQ(all.containers.size(), 2u);
  for (const ContainerFact& each : all.containers)
    EXPECT_EQ(each.endpoints.size(), each.name == "runs" ? 1u : 0u) << each.name.view();
}

TEST(DockerView, AnAnswerThatSaysNothingNewIsNoChangeAndTakesNoMemory) {
  Host host;
  host.containers["c1"] = {"web", "running", {{"n1", "10.0.0.2"}, {"n2", "10.0.1.2"}}};
  DockerView view("docker");
  host.look_at_all(view);
  const ContainerFact before = view.snapshot().containers.at(0);
  host.look_at_all(view);
  const DockerChanges changes = view.take();
  EXPECT_TRUE(changes.containers.empty() && changes.networks.empty());
  const ContainerFact after = view.snapshot().containers.at(0);
  const auto same = [](const SharedText& a, const SharedText& b) { return a.view().data() == b.view().data(); };
  EXPECT_TRUE(same(before.key.id, after.key.id) && same(before.name, after.name) && same(before.state, after.state));
  ASSERT_EQ(after.endpoints.size(), 2u);
  EXPECT_TRUE(same(before.endpoints[1].id, after.endpoints[1].id));
  EXPECT_TRUE(same(before.endpoints[1].mac, after.endpoints[1].mac));
}

}  // namespace
}  // namespace berth
