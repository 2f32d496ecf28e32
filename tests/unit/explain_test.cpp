// SPDX-License-Identifier: GPL-2.0-or-later
//
// What explain says of a container of which a part is advertised, or which has no network of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "redistribute/redistributor.h"

namespace berth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NetworkConfig network(const std::string& name, int n, Advertise what) {
  NetworkConfig out;
  out.name = name;
  out.subnets = {{*Prefix::parse("10.10." + std::to_string(n) + ".0/24"), {}, {}},
                 {*Prefix::parse("fd00:" + std::to_string(n) + "::/64"), {}, {}}};
  out.advertise = what;
  out.tag = 100;
  return out;
}

EndpointFact endpoint(const std::string& name, int n) {
  EndpointFact out;
  out.id = "ep-" + name;
  out.network = name;
  out.network_id = "id-" + name;
  out.addresses = {*IpAddress::parse("10.10." + std::to_string(n) + ".5"),
                   *IpAddress::parse("fd00:" + std::to_string(n) + "::5")};
  return out;
}

ContainerFact container(const std::string& name, const std::vector<EndpointFact>& endpoints) {
  ContainerFact out;
  out.key = {"docker", "0123456789abcdef-" + name};
  out.name = name;
  out.state = "running";
  out.endpoints = endpoints;
  return out;
}

NetworkHealth healthy(const std::string& name, const std::vector<Problem>& problems = {}) {
  NetworkHealth out;
  out.key = {"docker", "id-" + name};
  out.attached = true;
  out.interface = "br-x";
  out.nat = Nat::Off;
  out.problems = problems;
  return out;
}

class Explain : public ::testing::Test {
 protected:
  void begin(const std::vector<NetworkConfig>& networks, const ContainerFact& fact) {
    Config config;
    config.runtimes = {{"docker", "docker", "unix:/run/docker.sock"}};
    for (const NetworkConfig& each : networks) config.networks[each.name] = each;
    brain().set_config(config);
    brain().zebra_connected();
    brain().set_containers("docker", {fact});
    work();
  }
  // Does what the brain asks for; zebra answers as `answers` says, else installed.
  void work() {
    for (auto steps = brain().take_actions(10); !steps.empty(); steps = brain().take_actions(10))
      for (const Action& step : steps) {
        if (const auto* announce = std::get_if<Announce>(&step)) {
          const auto answer = answers.find(announce->object.key.prefix.to_string());
          const RibState state = answer == answers.end() ? RibState::Installed : answer->second;
          brain().answer({announce->object.key, state, state == RibState::Installed ? "" : "so says zebra"});
        } else if (const auto* withdraw = std::get_if<Withdraw>(&step)) {
          brain().answer({withdraw->key, RibState::Gone, ""});
        } else if (const auto* question = std::get_if<Ask>(&step)) {
          brain().found({question->address, {}, {}});
        } else if (const auto* attach = std::get_if<Configure>(&step)) {
          brain().set_network_health(attach->key.network.str(), health.contains(attach->key.network.str())
                                                                    ? health[attach->key.network.str()]
                                                                    : healthy(attach->key.network.str()));
        }
      }
  }
  static std::vector<std::string> refusals(const Explanation& why) {
    std::vector<std::string> out;
    for (const ReasonStep& step : why.steps)
      if (!step.ok)
        out.push_back(step.name + ": " + step.detail + (step.remedy.empty() ? "" : " (" + step.remedy + ")"));
    return out;
  }

  std::unique_ptr<Redistributor> brain_ = std::make_unique<Redistributor>();
  Redistributor& brain() { return *brain_; }
  std::map<std::string, RibState> answers;
  std::map<std::string, NetworkHealth> health;
};

TEST_F(Explain, OneFamilyThatIsNotBestIsAPart) {
  answers["fd00:1::5/128"] = RibState::NotBest;
  begin({network("blue", 1, Advertise::Host)}, container("web", {endpoint("blue", 1)}));
  const Explanation why = brain().explain("web");
  EXPECT_EQ(why.verdict, Advertised::Partly);
  EXPECT_THAT(why.missing, ElementsAre("fd00:1::5/128"));
  EXPECT_THAT(refusals(why), ElementsAre("route: fd00:1::5/128 is notBest: so says zebra"));
  EXPECT_EQ(brain().explain("10.10.1.5").verdict, Advertised::Yes) << "that address alone";
  EXPECT_EQ(brain().explain("fd00:1::5").verdict, Advertised::No);
}

TEST_F(Explain, AProblemOfOneFamilyIsToldWithItsRemedyAndTheOtherIsFine) {
  health["blue"] = healthy("blue", {{"forwarding", "fd forwarding is off", "sysctl -w it", true, Family::V6},
                                    {"doubt", "a doubt", "look", false, Family::V4}});
  begin({network("blue", 1, Advertise::Both)}, container("web", {endpoint("blue", 1)}));
  const Explanation why = brain().explain("web");
  EXPECT_EQ(why.verdict, Advertised::Partly);
  EXPECT_THAT(why.missing, ElementsAre("fd00:1::/64", "fd00:1::5/128"));
  EXPECT_THAT(refusals(why), ElementsAre("health: IPv6: fd forwarding is off (sysctl -w it)"));
  const auto route = brain().route_of(*IpAddress::parse("fd00:1::5"));
  ASSERT_TRUE(route);
  EXPECT_THAT(route->reason, HasSubstr("forwarding"));
}

TEST_F(Explain, AProblemOfTheEndpointIsToldWithItsRemedy) {
  begin({network("blue", 1, Advertise::Both)}, container("web", {endpoint("blue", 1)}));
  const auto at_fault = [&](Family family, bool blocks) {
    const ContainerKey key{"docker", "0123456789abcdef-web"};
    brain().set_endpoint_problems({{{key, "ep-blue"}, {"port", "its port is gone", "restart it", blocks, family}}});
    work();
    return brain().explain("web");
  };
  Explanation why = at_fault(Family::V6, true);
  EXPECT_EQ(why.verdict, Advertised::Partly);
  EXPECT_THAT(why.missing, ElementsAre("fd00:1::5/128"));
  EXPECT_THAT(refusals(why), ElementsAre("endpoint: IPv6: its port is gone (restart it)"));
  why = at_fault(Family::Both, true);
  EXPECT_EQ(why.verdict, Advertised::Partly) << "the subnet is";
  EXPECT_THAT(why.missing, ElementsAre("10.10.1.5/32", "fd00:1::5/128"));
  EXPECT_THAT(refusals(why), ElementsAre("endpoint: its port is gone (restart it)"));
  why = at_fault(Family::Both, false);
  EXPECT_EQ(why.verdict, Advertised::Yes) << "it holds nothing back";
  EXPECT_THAT(refusals(why), IsEmpty());
  const auto told = std::ranges::find(why.steps, "told", &ReasonStep::name);
  ASSERT_NE(told, why.steps.end());
  EXPECT_EQ(told->detail + " (" + told->remedy + ")", "its port is gone (restart it)");
}

TEST_F(Explain, OneOfTwoNetworksIsAPartAndOneThatIsNotAskedForIsNone) {
  NetworkHealth nat = healthy("red", {{"nat-on", "NAT is on", "switch it off", true}});
  nat.nat = Nat::On;
  health["red"] = nat;
  begin({network("blue", 1, Advertise::Host), network("red", 2, Advertise::Both), network("none", 3, Advertise::None)},
        container("web", {endpoint("blue", 1), endpoint("red", 2), endpoint("none", 3), endpoint("bridge", 4)}));
  Explanation why = brain().explain("web");
  EXPECT_EQ(why.verdict, Advertised::Partly);
  EXPECT_THAT(why.missing, ElementsAre("10.10.2.0/24", "10.10.2.5/32", "fd00:2::/64", "fd00:2::5/128"));
  EXPECT_THAT(refusals(why), ElementsAre("health: NAT is on (switch it off)"));
  brain().set_network_health("red", healthy("red"));
  work();
  why = brain().explain("web");
  EXPECT_EQ(why.verdict, Advertised::Yes);
  EXPECT_THAT(why.missing, IsEmpty());
  EXPECT_THAT(refusals(why), IsEmpty()) << "no fault beside what is advertised";
  brain().upsert_container(container("web", {endpoint("none", 3), endpoint("bridge", 4)}));
  work();
  why = brain().explain("web");
  EXPECT_EQ(why.verdict, Advertised::No);
  EXPECT_THAT(refusals(why), ::testing::Contains("network: bridge is not in berthd.conf (network bridge)"));
}

TEST_F(Explain, WithoutANetworkOfItsOwnItIsSaidWhatItIs) {
  ContainerFact fact = container("sidecar", {});
  begin({network("blue", 1, Advertise::Host)}, fact);
  brain().upsert_container(container("app1", {endpoint("blue", 1)}));
  work();
  const auto said = [&](const std::string& mode, const std::string& state = "running") {
    fact.network_mode = mode;
    fact.state = state;
    brain().upsert_container(fact);
    const Explanation why = brain().explain("sidecar");
    EXPECT_EQ(why.verdict, Advertised::No);
    EXPECT_EQ(why.steps.back().name, "endpoint");
    return refusals(why).back();
  };
  const std::string shares = "endpoint: shares app1's network: explain app1 (berthctl -c 'explain app1')";
  EXPECT_EQ(said("container:0123456789abcdef-app1"), shares);
  EXPECT_EQ(said("container:app1", "exited"), shares);
  EXPECT_EQ(said("container:0123456789abcdeffedcba"),
            "endpoint: shares the network of a container that is not here (0123456789ab)");
  for (const char* state : {"running", "exited", "created", "paused", "restarting"}) {
    EXPECT_EQ(said("host", state), "endpoint: nothing to advertise: it uses the host's own addresses (--network host)");
    EXPECT_EQ(said("none", state), "endpoint: it has no network, by its own choice (--network none)");
  }
  for (const char* mode : {"", "default", "blue"}) {
    EXPECT_THAT(said(mode), HasSubstr("(docker network connect NETWORK sidecar)")) << mode;
    EXPECT_THAT(said(mode, "paused"), HasSubstr("(docker network connect NETWORK sidecar)")) << mode;
    EXPECT_THAT(said(mode, "exited"), HasSubstr("(docker start sidecar)")) << mode;
    EXPECT_THAT(said(mode, "created"), HasSubstr("(docker start sidecar)")) << mode;
    EXPECT_THAT(said(mode, "restarting"), HasSubstr("(docker logs sidecar)")) << mode;
  }
}

// What is to be typed is of the container's own runtime: containerd's ctr, or nerdctl, which gives names beside the ids.
TEST_F(Explain, ATaskOfContainerds) {
  Config config;
  config.runtimes = {{"docker", "docker", "unix:/run/docker.sock"},
                     {"containerd", "containerd", "unix:/run/containerd/containerd.sock", false}};
  brain().set_config(config);
  ContainerFact fact;
  fact.key = {"containerd", "k8s/box"};
  const auto said = [&](const std::string& name, const std::string& state, const std::string& mode) {
    fact.name = name;
    fact.state = state;
    fact.network_mode = mode;
    brain().upsert_container(fact);
    return refusals(brain().explain(name)).back();
  };
  EXPECT_EQ(said("box", "created", ""),
            "endpoint: not on any network while it does not run (ctr -n k8s task start -d box)");
  EXPECT_EQ(
      said("box", "stopped", ""),
      "endpoint: not on any network while it does not run (ctr -n k8s task delete box; ctr -n k8s task start -d box)");
  EXPECT_EQ(said("web", "stopped", ""),
            "endpoint: not on any network while it does not run (nerdctl -n k8s start web)");
  EXPECT_THAT(said("box", "running", "none"),
              HasSubstr("endpoint: not on any network (ctr -n k8s container label box berth.network=NETWORK"));
  EXPECT_EQ(said("box", "running", "host"),
            "endpoint: nothing to advertise: it uses the host's own addresses (--network host)");
  EndpointFact theirs = endpoint("", 1);
  theirs.inside = "eth0";
  fact.endpoints = {theirs};
  EXPECT_EQ(said("box", "running", "cni"),
            "network: no network of runtime containerd in berthd.conf has eth0's 10.10.1.5, fd00:1::5 "
            "(network NAME, runtime containerd, subnet PREFIX, interface BRIDGE)");
  EXPECT_THAT(refusals(brain().explain("nobody")).back(), HasSubstr("(docker ps; ctr namespace list; ctr -n "));
}

// Whatever stands against what: the verdict is what zebra has of what was asked for, and what is missing is the rest. A
// verdict that is not the whole has a step that says no.
TEST_F(Explain, TheVerdictIsWhatZebraHas) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  const auto one_of = [&](auto... these) {
    const std::common_type_t<decltype(these)...> all[] = {these...};
    return all[random() % sizeof...(these)];
  };
  std::map<Advertised, int> seen;
  for (int round = 0; round < 2000; ++round) {
    brain_ = std::make_unique<Redistributor>();
    health.clear();
    answers.clear();
    std::vector<NetworkConfig> networks;
    std::vector<EndpointFact> endpoints;
    std::vector<RibKey> wanted;
    std::map<EndpointKey, Problem> problems;
    const int count = static_cast<int>(random() % 3) + 1;
    for (int n = 1; n <= count; ++n) {
      const std::string name = "n" + std::to_string(n);
      endpoints.push_back(endpoint(name, n));
      if (random() % 3 == 0) endpoints.back().addresses.resize(1);
      if (random() % 6 == 0) continue;  // not in berthd.conf
      networks.push_back(
          network(name, n, one_of(Advertise::None, Advertise::Host, Advertise::Subnet, Advertise::Both)));
      const Problem problem{"code", "a problem", "do", random() % 4 != 0, one_of(Family::Both, Family::V4, Family::V6)};
      health[name] = random() % 3 ? healthy(name) : healthy(name, {problem});
      if (random() % 8 == 0) health[name].nat = one_of(Nat::On, Nat::Unknown);
      if (random() % 8 == 0) health[name].attached = false;
      if (random() % 4 == 0) problems[{{"docker", "0123456789abcdef-web"}, endpoints.back().id}] = problem;
      for (const IpAddress& address : endpoints.back().addresses)
        for (const SubnetConfig& subnet : networks.back().subnets) {
          if (!subnet.subnet.contains(address)) continue;
          if (advertises_subnet(networks.back().advertise)) wanted.push_back({RibKind::ConnectedTag, subnet.subnet});
          if (advertises_host(networks.back().advertise)) wanted.push_back({RibKind::Route, Prefix::host(address)});
        }
    }
    for (const RibKey& key : wanted)
      if (random() % 3 == 0)
        answers[key.prefix.to_string()] =
            one_of(RibState::Accepted, RibState::NotBest, RibState::Inactive, RibState::Rejected, RibState::Other);
    brain().set_endpoint_problems(problems);
    begin(networks, container("web", endpoints));
    std::set<RibKey> installed;
    for (const RouteView& route : brain().routes())
      if (route.state == RibState::Installed) installed.insert(route.key);
    std::vector<std::string> missing;
    for (const RibKey& key : wanted)
      if (!installed.contains(key)) missing.push_back(key.prefix.to_string());
    const bool faulty_endpoint =
        std::any_of(problems.begin(), problems.end(), [](const auto& each) { return each.second.blocks; });
    const Explanation why = brain().explain("web");
    const auto context = ::testing::Message() << "seed " << seed << " round " << round;
    // A subnet that is advertised does not make an endpoint at fault a whole: its address is named.
    if (faulty_endpoint)
      for (const std::string& each : missing) ASSERT_THAT(why.missing, ::testing::Contains(each)) << context;
    else
      ASSERT_THAT(why.missing, ::testing::UnorderedElementsAreArray(missing)) << context;
    ASSERT_EQ(why.verdict, installed.empty()     ? Advertised::No
                           : why.missing.empty() ? Advertised::Yes
                                                 : Advertised::Partly)
        << context;
    ASSERT_EQ(refusals(why).empty(), why.verdict == Advertised::Yes) << context;
    ++seen[why.verdict];
  }
  for (const Advertised each : {Advertised::No, Advertised::Partly, Advertised::Yes})
    EXPECT_GT(seen[each], 200) << to_string(each) << " seed " << seed;
}

}  // namespace
}  // namespace berth
