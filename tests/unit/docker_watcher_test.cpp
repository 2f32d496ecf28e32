// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_watcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "tests/support/fake_docker.h"
#include "tests/support/told_sink.h"

namespace berth {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class Watcher : public testing::Test, public ToldSink {
 protected:
  void SetUp() override { docker.make_network("n1", "blue"); }
  void TearDown() override {
    watcher.stop();
    io.run_for(50ms);
  }
  void started() {
    docker.start();
    watcher.start();
    ASSERT_TRUE(until([&] { return snapshots == 1; }));
  }
  bool until(const std::function<bool()>& done, Clock::duration most = 10s) {
    for (const auto end = Clock::now() + most; Clock::now() < end;) {
      docker.poll();
      io.run_one_for(1ms);
      io.poll();
      if (done()) return true;
    }
    return false;
  }
  // Everything that was asked for is told.
  bool quiet() {
    std::size_t before = 0;
    auto since = Clock::now();
    return until([&] {
      if (const std::size_t now = docker.asked.size(); now != before) before = now, since = Clock::now();
      return Clock::now() - since > 60ms;
    });
  }
  std::string address(const std::string& id, const std::string& network = "blue") const {
    const auto found = known.find(id);
    if (found == known.end()) return "not known";
    for (const EndpointFact& each : found->second.endpoints)
      if (each.network == network && !each.addresses.empty()) return each.addresses.front().to_string();
    return "none";
  }

  FakeDocker docker;
  boost::asio::io_context io;
  DockerWatcher watcher{io, {"docker", "docker", docker.address()}, *this, 200ms};
};

TEST_F(Watcher, KnowsTheAddressAtTheConnectEvent) {
  started();
  docker.make("c1", {"web", "created", {{"berth.tag", "7"}, {"com.example", "x"}}});
  docker.connect("c1", "n1", "10.0.0.2");
  ASSERT_TRUE(until([&] { return address("c1") == "10.0.0.2"; }));
  EXPECT_EQ(known["c1"].name, "web");
  EXPECT_EQ(known["c1"].labels, (std::map<std::string, std::string>{{"berth.tag", "7"}}));
  // /containers/{id}/json blocks until the start is complete: it is never asked for.
  for (const std::string& path : docker.asked) EXPECT_EQ(path.find("/containers/c1"), std::string::npos) << path;
  EXPECT_FALSE(watcher.latencies().empty());
}

TEST_F(Watcher, ListsWhatWasThereBefore) {
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  started();
  EXPECT_EQ(address("c1"), "10.0.0.2");
  EXPECT_EQ(versions, std::vector<std::string>{"20.10.24"});
}

TEST_F(Watcher, SubscribesBeforeItLists) {
  started();
  const auto at = [&](const char* what) {
    return std::find_if(docker.asked.begin(), docker.asked.end(), [&](auto& path) { return path.starts_with(what); });
  };
  EXPECT_LT(at("/events?since="), at("/networks"));
  EXPECT_LT(at("/events?since="), at("/containers/json"));
}

TEST_F(Watcher, FollowsSeveralNetworksRenamesAndTheEnd) {
  started();
  docker.make_network("n2", "red");
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  docker.connect("c1", "n2", "10.2.0.2");
  ASSERT_TRUE(until([&] { return address("c1") == "10.0.0.2" && address("c1", "red") == "10.2.0.2"; }));
  docker.disconnect("c1", "n1");
  docker.tell("network", "disconnect", "n1");  // some operations send two
  ASSERT_TRUE(until([&] { return address("c1") == "none"; }));
  EXPECT_EQ(address("c1", "red"), "10.2.0.2");
  docker.containers["c1"].name = "www";
  docker.containers["c1"].state = "paused";
  docker.tell("container", "rename", "c1");
  ASSERT_TRUE(until([&] { return known["c1"].name == "www" && known["c1"].state == "paused"; }));
  EXPECT_EQ(address("c1", "red"), "10.2.0.2");
  docker.disconnect("c1", "n2");
  docker.destroy("c1");
  docker.remove_network("n2");
  ASSERT_TRUE(until([&] { return !known.contains("c1") && networks_gone.size() == 1; }));
  EXPECT_EQ(networks_gone.front(), "n2");
}

TEST_F(Watcher, ARestartGivesTheNewAddressWhateverTheOrderOfEvents) {
  started();
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  ASSERT_TRUE(until([&] { return address("c1") == "10.0.0.2"; }));
  docker.connect("c1", "n1", "10.0.0.9");      // the new sandbox is there …
  docker.tell("network", "disconnect", "n1");  // … when the old one's end is told
  docker.tell("container", "die", "c1");
  ASSERT_TRUE(until([&] { return address("c1") == "10.0.0.9"; }));
  ASSERT_TRUE(quiet());
  EXPECT_EQ(address("c1"), "10.0.0.9");
  EXPECT_EQ(gone, 0);
}

TEST_F(Watcher, AnEventCostsALookAtItsSubjectAlone) {
  for (int i = 0; i < 300; ++i) {
    const std::string id = "old" + std::to_string(i);
    docker.make(id, {id});
    docker.connect(id, "n1", "10.0.1." + std::to_string(i % 250 + 1));
  }
  started();
  ASSERT_TRUE(quiet());
  const auto requests = watcher.counters().requests, lists = watcher.counters().full_lists;
  changes = 0;
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  ASSERT_TRUE(until([&] { return address("c1") == "10.0.0.2"; }));
  ASSERT_TRUE(quiet());
  EXPECT_LE(watcher.counters().requests - requests, 4u);
  EXPECT_EQ(watcher.counters().full_lists, lists);
  EXPECT_LE(changes, 2) << "the other 300 did not change";
}

TEST_F(Watcher, ABurstIsOneLookOrAFew) {
  started();
  ASSERT_TRUE(quiet());
  const auto requests = watcher.counters().requests;
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  for (int i = 0; i < 2000; ++i) docker.tell("network", "connect", "n1");
  ASSERT_TRUE(until([&] { return watcher.counters().events >= 2000 && address("c1") == "10.0.0.2"; }));
  ASSERT_TRUE(quiet());
  EXPECT_GT(watcher.counters().coalesced, 1500u);
  EXPECT_LT(watcher.counters().requests - requests, 400u);
}

TEST_F(Watcher, AStormOfEventsTakesItsShareAndAQuietHostDoesNotWait) {
  for (int i = 0; i < 250; ++i) {
    const std::string id = "old" + std::to_string(i);
    docker.make(id, {id});
    docker.connect(id, "n1", "10.0.1." + std::to_string(i + 1));
  }
  started();
  ASSERT_TRUE(quiet());
  const auto looks = watcher.counters().requests;
  docker.make_network("n2", "red");
  docker.make("other", {"other"});
  std::map<std::string, std::string> started;
  unsigned starts = 0;
  ASSERT_TRUE(until([&] {
    const std::string id = "new" + std::to_string(starts % 50);
    docker.make(id, {id});
    docker.connect(id, "n1", started[id] = "10.0.2." + std::to_string(starts % 250 + 1));
    if (++starts == 10) docker.connect("other", "n2", "10.2.0.2");
    return watcher.counters().rests >= 5 && address("other", "red") == "10.2.0.2";
  })) << "and no network keeps another waiting";
  EXPECT_LT(watcher.counters().requests - looks, starts) << "several starts share a look";
  ASSERT_TRUE(until([&] {
    return std::all_of(started.begin(), started.end(),
                       [&](const auto& each) { return address(each.first) == each.second; });
  }));
}

TEST_F(Watcher, ChecksOfHealthAndExecAreNoLook) {
  started();
  ASSERT_TRUE(quiet());
  const auto requests = watcher.counters().requests;
  for (const char* each : {"exec_create: sh", "exec_start: sh", "health_status: healthy", "attach", "resize", "top"})
    docker.tell("container", each, "c1");
  ASSERT_TRUE(quiet());
  EXPECT_EQ(watcher.counters().requests, requests);
}

TEST_F(Watcher, DockerAwayAtStartIsToldOnceAndTriedAgain) {
  watcher.start();
  ASSERT_TRUE(until([&] { return !lost.empty(); }));
  ASSERT_FALSE(until([&] { return lost.size() > 1; }, 700ms));
  EXPECT_EQ(snapshots, 0);
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  docker.start();
  ASSERT_TRUE(until([&] { return snapshots == 1; }));
  EXPECT_EQ(address("c1"), "10.0.0.2");
}

TEST_F(Watcher, NothingIsGoneBecauseDockerIsSilent) {
  docker.make("c1", {"web"});
  docker.make("c2", {"db"});
  docker.connect("c1", "n1", "10.0.0.2");
  docker.connect("c2", "n1", "10.0.0.3");
  started();
  docker.stop();
  ASSERT_TRUE(until([&] { return lost.size() == 1; }));
  docker.disconnect("c2", "n1");  // it died while nobody could tell
  docker.containers["c2"].state = "exited";
  ASSERT_FALSE(until([&] { return gone > 0 || known.size() != 2 || snapshots > 1; }, 500ms));
  EXPECT_EQ(address("c2"), "10.0.0.3");
  docker.start();
  ASSERT_TRUE(until([&] { return snapshots == 2; }));
  EXPECT_EQ(address("c1"), "10.0.0.2");
  EXPECT_EQ(address("c2"), "none");
}

TEST_F(Watcher, ALostStreamMeansAFullLook) {
  started();
  docker.events = false;
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  docker.end_streams();
  docker.events = true;
  ASSERT_TRUE(until([&] { return snapshots == 2; }));
  EXPECT_EQ(address("c1"), "10.0.0.2");
  ASSERT_TRUE(docker.streaming());
  docker.connect("c1", "n1", "10.0.0.4");
  ASSERT_TRUE(until([&] { return address("c1") == "10.0.0.4"; }));
}

TEST_F(Watcher, AFailedLookIsTriedAgain) {
  started();
  docker.errors = 2;
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  ASSERT_TRUE(until([&] { return address("c1") == "10.0.0.2"; }));
  EXPECT_EQ(watcher.counters().failures, 2u);
  ASSERT_TRUE(until([&] { return unknown.empty(); }));
  EXPECT_TRUE(lost.empty());
}

// In every way in which Docker may fail to tell of one network: the others go on, nothing of it is taken back, and it is
// found when Docker tells again.
struct OneFails : Watcher, testing::WithParamInterface<std::pair<int, const char*>> {
  void SetUp() override {
    docker.make_network("n1", "blue");
    docker.make_network("n2", "red");
    docker.make("c1", {"web"});
    docker.make("c2", {"db"});
    docker.make("c3", {"job"});
    docker.connect("c1", "n1", "10.0.0.2");
    docker.connect("c2", "n2", "10.2.0.2");
    docker.connect("c3", "n2", "10.2.0.3");
    docker.nonsense = GetParam().second;
  }
  void fail(const std::string& network) { docker.faults["/networks/" + network] = GetParam().first; }
};

TEST_P(OneFails, FromTheStart) {
  fail("n2");
  started();
  EXPECT_EQ(versions.size(), 1u);
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown[0].id, "n2");
  EXPECT_EQ(unknown[0].name, "red");
  EXPECT_FALSE(unknown[0].why.empty());
  EXPECT_EQ(address("c1"), "10.0.0.2");
  EXPECT_EQ(address("c2", "red"), "none");
  docker.connect("c2", "n1", "10.0.0.3");
  ASSERT_TRUE(until([&] { return address("c2") == "10.0.0.3"; }));
  docker.faults.clear();
  ASSERT_TRUE(until([&] { return unknown.empty() && address("c2", "red") == "10.2.0.2"; }));
  EXPECT_TRUE(lost.empty());
}

TEST_P(OneFails, InTheMiddleAndOverANewList) {
  started();
  EXPECT_TRUE(unknown.empty());
  fail("n2");
  docker.connect("c1", "n2", "10.2.0.9");
  ASSERT_TRUE(until([&] { return unknown.size() == 1; }));
  docker.connect("c2", "n1", "10.0.0.3");
  ASSERT_TRUE(until([&] { return address("c2") == "10.0.0.3"; }));
  docker.disconnect("c3", "n2");
  docker.containers["c3"].state = "exited";
  docker.end_streams();
  ASSERT_TRUE(until([&] { return snapshots == 2; }));
  EXPECT_EQ(unknown.size(), 1u);
  EXPECT_EQ(address("c2", "red"), "10.2.0.2") << "what was known is kept";
  EXPECT_EQ(address("c3", "red"), "none") << "a container's end is no silence";
  docker.faults.clear();
  ASSERT_TRUE(until([&] { return unknown.empty() && address("c1", "red") == "10.2.0.9"; }));
}

TEST_P(OneFails, IsAskedForWithBackoffAndHoldsUpNoOther) {
  started();
  fail("n2");
  docker.tell("network", "connect", "n2");
  ASSERT_TRUE(until([&] { return unknown.size() == 1; }));
  const auto asked = [&] { return std::count(docker.asked.begin(), docker.asked.end(), "/networks/n2"); };
  const auto before = asked();
  int n = 0;
  for (const auto end = Clock::now() + 800ms; Clock::now() < end; ++n) {  // as it goes on being used
    docker.connect("c2", "n1", "10.0.0." + std::to_string(10 + n % 200));
    docker.tell("network", "connect", "n2");
    ASSERT_TRUE(until([&] { return address("c2") == "10.0.0." + std::to_string(10 + n % 200); }));
  }
  EXPECT_GT(n, 8) << "each waited for the other network: four deadlines of 200 ms are the whole time";
  EXPECT_LE(asked() - before, 10);
}

INSTANTIATE_TEST_SUITE_P(Ways, OneFails,
                         testing::Values(std::pair{500, ""}, std::pair{403, ""}, std::pair{0, ""}, std::pair{200, "{]"},
                                         std::pair{200, "{}"}, std::pair{200, "[]"}, std::pair{200, ""},
                                         std::pair{200, R"({"Id":"n2","Name":"red","Driver":"bridge","Containers":3})"},
                                         std::pair{200, R"({"Id":"n1","Name":"blue","Containers":{}})"}));

TEST_F(Watcher, ManyThatHangCostAListNoMoreThanItsTime) {
  for (int i = 0; i < 50; ++i) docker.make_network("h" + std::to_string(i), "hung" + std::to_string(i));
  docker.faults["/networks/h"] = 0;
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  docker.start();
  watcher.start();
  ASSERT_TRUE(until([&] { return snapshots == 1; }, 5s)) << "50 deadlines of 200 ms are 10 s";
  EXPECT_GE(unknown.size(), 50u);
  docker.faults.clear();
  ASSERT_TRUE(until([&] { return unknown.empty() && address("c1") == "10.0.0.2"; }));
}

TEST_F(Watcher, AListThatIsNoneIsNoEmptyList) {
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  started();
  for (const char* path : {"/containers/json", "/networks"})
    for (const char* text : {"{}", "null", "", "3"}) {
      docker.faults = {{path, 200}};
      docker.nonsense = text;
      const auto failures = watcher.counters().failures;
      const int before = snapshots;
      docker.end_streams();
      ASSERT_TRUE(until([&] { return watcher.counters().failures > failures; })) << path << text;
      EXPECT_EQ(snapshots, before) << path << text;
      EXPECT_EQ(gone, 0);
      docker.faults.clear();
      ASSERT_TRUE(until([&] { return snapshots > before; })) << path << text;
      EXPECT_EQ(address("c1"), "10.0.0.2");
    }
}

TEST_F(Watcher, ARefusalIsNoLoss) {
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  started();
  docker.errors = 3;
  docker.error_status = 403;  // an authorization plugin that has its own mind for a while
  docker.tell("network", "connect", "n1");
  ASSERT_TRUE(until([&] { return docker.errors == 0; }));
  ASSERT_TRUE(quiet());
  EXPECT_EQ(address("c1"), "10.0.0.2");
  EXPECT_EQ(gone, 0);
}

// A job that is gone before it could be asked for; and what Swarm puts into its networks is in no list of containers.
TEST_F(Watcher, AnEndpointWithoutAContainerHoldsNothingUp) {
  docker.connect("ingress-sbox", "n1", "10.0.0.99");
  started();
  ASSERT_TRUE(quiet());
  const auto requests = watcher.counters().requests;
  docker.make("c1", {"web"});
  docker.connect("c1", "n1", "10.0.0.2");
  ASSERT_TRUE(until([&] { return address("c1") == "10.0.0.2"; }));
  ASSERT_TRUE(quiet());
  EXPECT_LE(watcher.counters().requests - requests, 5u);
  EXPECT_FALSE(known.contains("ingress-sbox"));
  docker.make("ingress-sbox", {"late"});  // it is listed after all
  ASSERT_TRUE(until([&] { return address("ingress-sbox") == "10.0.0.99"; }));
}

TEST_F(Watcher, ManyLabelsOfAnImageDoNotPushOutTheOperators) {
  FakeDocker::Container web{"web", "running", {{"berth.advertise", "none"}, {"berth.tag", std::string(10000, '1')}}};
  for (int i = 0; i < 200; ++i) web.labels["berth.a" + std::to_string(i)] = "x";
  docker.make("c1", web);
  docker.connect("c1", "n1", "10.0.0.2");
  started();
  EXPECT_EQ(known["c1"].labels["berth.advertise"], "none");
  EXPECT_EQ(known["c1"].labels["berth.tag"], "(too long)");
  EXPECT_LT(known["c1"].labels.size(), 70u);
  EXPECT_GT(watcher.counters().cut, 100u);
}

// The owner goes before the io_context: what was under way must not touch it (ASan looks).
TEST(WatcherLife, EndsWithWorkUnderWay) {
  FakeDocker docker;
  docker.start();
  boost::asio::io_context io;
  {
    struct Deaf : RuntimeSink {
      void runtime_connected(const std::string&, const std::string&) override {}
      void runtime_lost(const std::string&, const std::string&) override {}
      void snapshot(const std::string&, RuntimeSnapshot) override { ++snapshots; }
      void container_changed(ContainerFact) override {}
      void container_gone(const ContainerKey&) override {}
      void network_changed(NetworkFact) override {}
      void network_gone(const std::string&, const std::string&) override {}
      void networks_unknown(const std::string&, std::vector<UnknownNetwork>) override {}
      int snapshots = 0;
    } sink;
    DockerWatcher watcher(io, {"docker", "docker", docker.address()}, sink);
    watcher.start();
    for (const auto end = Clock::now() + 10s; sink.snapshots == 0 && Clock::now() < end;) {
      docker.poll();
      io.run_one_for(1ms);
    }
    ASSERT_EQ(sink.snapshots, 1);
    watcher.stop();
    io.run_for(50ms);
  }
}

TEST_F(Watcher, AnApiThatBerthDoesNotSpeakIsToldInWords) {
  docker.api = "1.30";
  docker.start();
  watcher.start();
  ASSERT_TRUE(until([&] { return !lost.empty(); }));
  EXPECT_NE(lost.front().find("API"), std::string::npos) << lost.front();
}

}  // namespace
}  // namespace berth
