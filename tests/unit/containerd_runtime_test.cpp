// SPDX-License-Identifier: GPL-2.0-or-later
//
// containerd as a runtime, over a fake one. The tasks are processes of this test that do nothing; what is in their namespaces is
// the test's word.
#include "container_watcher/containerd/containerd_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>

#include "container_watcher/netlink/fd.h"
#include "tests/support/fake_containerd.h"
#include "tests/support/told_sink.h"
#include "tests/support/tsan_grpc.h"

namespace berth {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using ::testing::HasSubstr;

// A process that does nothing.
class Sleeper {
 public:
  Sleeper() : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) pause();
  }
  ~Sleeper() { end(); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  int pid() const { return pid_; }

 private:
  pid_t pid_;
};

int pid_of(const Netns& netns) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(netns.process->get()));
  for (std::string word; info >> word;)
    if (int pid = 0; word == "Pid:" && info >> pid) return pid;
  return 0;
}

class Containerd : public testing::Test, public ToldSink {
 protected:
  void TearDown() override {
    go_on();
    runtime.stop();
  }
  void started() {
    fake.start();
    runtime.start();
    ensure("blue", "10.0.0.0/24");
    ASSERT_TRUE(until([&] { return snapshots == 1; }));
  }
  void ensure(const std::string& name, const char* subnet) {
    RuntimeNetwork network;
    network.network = network.name = name;
    network.driver = "bridge";
    network.subnets.push_back({});
    network.subnets.back().subnet = *Prefix::parse(subnet);
    runtime.ensure(network, [this](Result<EnsuredNetwork> result) { ensured.push_back(*std::move(result)); });
  }
  bool until(const std::function<bool()>& done, Clock::duration most = 20s) {
    for (const auto end = Clock::now() + most; Clock::now() < end;) {
      io.restart();
      io.run_one_for(1ms);
      if (done()) return true;
    }
    return false;
  }
  void has(int pid, const char* address) {
    const std::lock_guard lock(mutex);
    TaskNetns& netns = inside[pid] = {{4, static_cast<std::uint64_t>(pid)}, false, {}};
    if (address) netns.links.push_back({2, "eth0", "veth", 1, {*IpAddress::parse(address)}});
  }
  void go_on() {
    blocked = false;
    blocked.notify_all();
  }
  Result<TaskNetns> read(const Netns& netns) {
    reading = true;
    blocked.wait(true);
    const std::lock_guard lock(mutex);
    const auto found = inside.find(pid_of(netns));
    return found == inside.end() ? Result<TaskNetns>(permanent("not permitted")) : found->second;
  }
  std::string address(const std::string& id) const {
    const auto found = known.find(id);
    if (found == known.end()) return "not known";
    for (const EndpointFact& each : found->second.endpoints)
      return each.network.str() + " " + each.addresses.front().to_string();
    return "none";
  }
  std::uint64_t counter(const char* name) const { return runtime.counters().at(name); }
  // A change after everything before it: what was asked for is told.
  void fence() {
    fake.put("default", "fence", {.created = ++fences});
    fake.event("default", "/containers/create", "fence");
    ASSERT_TRUE(until([&] { return known.contains("default/fence") && known["default/fence"].created == fences; }));
  }

  std::atomic<bool> blocked = false, reading = false;  // a look into a namespace
  std::mutex mutex;
  std::map<int, TaskNetns> inside;  // by pid
  Sleeper one, two;                 // before gRPC's threads begin
  FakeContainerd fake;
  boost::asio::io_context io;
  ContainerdRuntime runtime{
      io, {"ctr", "containerd", fake.address()}, *this, [this](const Netns& n) { return read(n); }};
  int fences = 1000;
  std::vector<EnsuredNetwork> ensured;
};

TEST_F(Containerd, ListsWhatWasThereBefore) {
  has(one.pid(), "10.0.0.2");
  fake.put("default", "a", {.labels = {{"nerdctl/name", "web"}, {"berth.tag", "7"}, {"x", "y"}}, .pid = one.pid()});
  fake.put("k8s.io", "b", {});
  fake.put("moby", "c", {.pid = two.pid()});
  started();
  EXPECT_EQ(versions, std::vector<std::string>{"1.6.20"});
  ASSERT_EQ(known.size(), 2u) << "Docker tells of its own";
  EXPECT_EQ(address("default/a"), "blue 10.0.0.2");
  EXPECT_EQ(known["default/a"].name, "web");
  EXPECT_EQ(known["default/a"].labels, (std::map<std::string, std::string>{{"berth.tag", "7"}}));
  EXPECT_EQ(known["k8s.io/b"].state, "created");
  ASSERT_EQ(ensured.size(), 1u);
  EXPECT_EQ(ensured.front().fact.id, "blue");
  EXPECT_FALSE(ensured.front().created);
}

TEST_F(Containerd, ListsWhenItsOwnEventHasComeBack) {
  started();
  const auto order = fake.order();
  const auto at = [&](const char* what) { return std::find(order.begin(), order.end(), what); };
  ASSERT_NE(at("publish"), order.end());
  EXPECT_LT(at("subscribe"), at("namespaces"));
  EXPECT_LT(at("publish"), at("namespaces"));
}

TEST_F(Containerd, FollowsATaskByItsEvents) {
  started();
  has(one.pid(), nullptr);
  fake.put("default", "a", {.pid = one.pid(), .status = containerd::services::tasks::v1::CREATED});
  fake.event("default", "/tasks/create", "a");
  ASSERT_TRUE(until([&] { return known.contains("default/a"); }));
  EXPECT_EQ(known["default/a"].network_mode, "none");
  EXPECT_EQ(known["default/a"].netns, "/proc/" + std::to_string(one.pid()) + "/ns/net");
  has(one.pid(), "10.0.0.2");  // CNI, between the creation and the start
  fake.put("default", "a", {.pid = one.pid()});
  fake.event("default", "/tasks/start", "a");
  ASSERT_TRUE(until([&] { return address("default/a") == "blue 10.0.0.2"; }));
  fake.put("default", "a", {.pid = one.pid(), .status = containerd::services::tasks::v1::STOPPED});
  fake.event("default", "/tasks/exit", "a");
  ASSERT_TRUE(until([&] { return address("default/a") == "none"; }));
  EXPECT_EQ(known["default/a"].state, "stopped");
  EXPECT_TRUE(known["default/a"].netns.empty());
  fake.remove("default", "a");
  fake.event("default", "/containers/delete", "a");
  ASSERT_TRUE(until([&] { return gone == 1; }));
  EXPECT_EQ(snapshots, 1);
}

TEST_F(Containerd, ALinkThatComesAfterTheStartIsSeenWithoutAnEvent) {
  started();
  has(one.pid(), nullptr);
  fake.put("default", "a", {.pid = one.pid()});
  fake.event("default", "/tasks/start", "a");
  ASSERT_TRUE(until([&] { return known.contains("default/a"); }));
  has(one.pid(), "10.0.0.2");
  EXPECT_TRUE(until([&] { return address("default/a") == "blue 10.0.0.2"; }));
}

TEST_F(Containerd, TheLooksAtAnEmptyNamespaceEnd) {
  started();
  has(one.pid(), nullptr);
  fake.put("default", "a", {.pid = one.pid()});
  fake.event("default", "/tasks/start", "a");
  // By the event, and twice again; each asks twice whose the process is.
  ASSERT_TRUE(until([&] { return fake.asked("task") == 6; }));
  EXPECT_FALSE(until([&] { return fake.asked("task") > 6; }, 2s));
}

TEST_F(Containerd, ANetworkThatIsAskedForLaterFindsItsContainers) {
  has(one.pid(), "10.7.0.2");
  fake.put("default", "a", {.pid = one.pid()});
  started();
  EXPECT_EQ(address("default/a"), " 10.7.0.2");
  ensure("red", "10.7.0.0/16");
  EXPECT_TRUE(until([&] { return address("default/a") == "red 10.7.0.2"; }));
}

TEST_F(Containerd, ANumberThatAnotherProcessGotMeanwhileIsNotLookedInto) {
  has(one.pid(), "10.0.0.66");  // the other process's
  has(two.pid(), "10.0.0.2");
  started();
  fake.put("default", "a", {.pid = one.pid()});
  int asked = 0;
  fake.on_task([&](const std::string&, FakeContainerd::Container* container) {
    if (++asked == 2) container->pid = two.pid();  // between the two questions
  });
  fake.event("default", "/tasks/start", "a");
  ASSERT_TRUE(until([&] { return address("default/a") == "blue 10.0.0.2"; }));
  // The first look told that it is there, and nothing of the wrong process.
  EXPECT_GE(counter("containerdFailures"), 1u);
  EXPECT_LE(changes, 2);
}

TEST_F(Containerd, GivesANamespaceThatALaterProcessIsNotIn) {
  has(one.pid(), nullptr);
  fake.put("default", "a", {.pid = one.pid()});
  fake.put("default", "b", {});
  started();
  std::map<std::string, std::optional<Result<Netns>>> got;
  const auto ask = [&](const std::string& id) {
    runtime.netns({"ctr", id}, [&got, id](Result<Netns> netns) { got[id] = std::move(netns); });
    EXPECT_FALSE(got.contains(id)) << "not within the call";
  };
  for (const char* id : {"default/a", "default/b", "default/c", "nonsense"}) ask(id);
  ASSERT_TRUE(until([&] { return got.size() == 4; }));
  ASSERT_TRUE(got["default/a"]->ok());
  EXPECT_EQ(pid_of(**got["default/a"]), one.pid());
  for (const char* id : {"default/b", "default/c", "nonsense"}) {
    ASSERT_FALSE(got[id]->ok()) << id;
    EXPECT_EQ(got[id]->error().kind, ErrorKind::Stale) << id;
  }
}

TEST_F(Containerd, SharersAndTheHostsOwnHaveNoNamespaceToGive) {
  has(one.pid(), "10.0.0.2");
  inside[two.pid()] = inside[one.pid()];
  fake.put("k8s.io", "pod", {.created = 5, .pid = one.pid()});
  fake.put("k8s.io", "app", {.created = 6, .pid = two.pid()});
  started();
  EXPECT_EQ(known["k8s.io/app"].network_mode, "container:k8s.io/pod");
  std::optional<Result<Netns>> got;
  runtime.netns({"ctr", "k8s.io/app"}, [&](Result<Netns> netns) { got = std::move(netns); });
  ASSERT_TRUE(until([&] { return got.has_value(); }));
  EXPECT_EQ(got->error().kind, ErrorKind::Stale);
}

TEST_F(Containerd, ConnectsAgainAndListsWhatHappenedMeanwhile) {
  has(one.pid(), "10.0.0.2");
  fake.put("default", "a", {.pid = one.pid()});
  fake.put("default", "b", {});
  started();
  fake.stop();
  ASSERT_TRUE(until([&] { return lost.size() == 1; }));
  EXPECT_EQ(address("default/a"), "blue 10.0.0.2") << "silence takes nothing away";
  std::optional<Result<Netns>> got;
  runtime.netns({"ctr", "default/a"}, [&](Result<Netns> netns) { got = std::move(netns); });
  ASSERT_TRUE(until([&] { return got.has_value(); }));
  EXPECT_EQ(got->error().kind, ErrorKind::Transient);
  fake.remove("default", "b");
  has(two.pid(), "10.0.0.3");
  fake.put("default", "c", {.pid = two.pid()});
  fake.start();  // its socket is another one
  ASSERT_TRUE(until([&] { return snapshots == 2; }));
  EXPECT_EQ(lost.size(), 1u) << "told once";
  EXPECT_EQ(address("default/a"), "blue 10.0.0.2");
  EXPECT_EQ(address("default/b"), "not known");
  EXPECT_EQ(address("default/c"), "blue 10.0.0.3");
  EXPECT_EQ(counter("containerdLosses"), 1u);
  EXPECT_EQ(gone + changes, 0);
}

TEST_F(Containerd, AStreamThatEndsIsBegunAnew) {
  started();
  fake.end_streams();
  ASSERT_TRUE(until([&] { return snapshots == 2; }));
  ASSERT_NO_FATAL_FAILURE(fence());
}

TEST_F(Containerd, OneTaskOfWhichItDoesNotTellHoldsUpNoOther) {
  has(one.pid(), "10.0.0.2");
  fake.put("default", "a", {.pid = one.pid()});
  started();
  fake.on_task([&](const std::string& id, FakeContainerd::Container* container) {
    if (id == "a") container->status = containerd::services::tasks::v1::UNKNOWN;
  });
  fake.event("default", "/tasks/paused", "a");
  ASSERT_TRUE(until([&] { return counter("containerdFailures") >= 2; }));
  ASSERT_NO_FATAL_FAILURE(fence());
  EXPECT_EQ(address("default/a"), "blue 10.0.0.2");
  fake.on_task([&](const std::string& id, FakeContainerd::Container* container) {
    if (id == "a") container->status = containerd::services::tasks::v1::STOPPED;
  });
  ASSERT_TRUE(until([&] { return address("default/a") == "none"; })) << "asked for again, without another event";
  EXPECT_TRUE(lost.empty());
}

TEST_F(Containerd, ANamespaceThatCanNotBeReadIsTold) {
  fake.put("default", "a", {.pid = one.pid()});
  started();
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown.front().id, "blue");
  EXPECT_THAT(unknown.front().why, HasSubstr("default/a: not permitted"));
  EXPECT_THAT(unknown.front().remedy, HasSubstr("CAP_SYS_ADMIN"));
  EXPECT_EQ(known["default/a"].state, "running");
  has(one.pid(), "10.0.0.2");
  fake.event("default", "/tasks/start", "a");
  EXPECT_TRUE(until([&] { return unknown.empty() && address("default/a") == "blue 10.0.0.2"; }));
}

TEST_F(Containerd, AStormOfEventsIsFewLooks) {
  for (int n = 0; n < 50; ++n) fake.put("default", "c" + std::to_string(n), {});
  started();
  const int before = fake.asked("container");
  for (int n = 0; n < 5000; ++n) {
    fake.event("default", "/tasks/start", "c" + std::to_string(n % 50));
    if (n % 10 == 0) fake.event("moby", "/tasks/start", "d" + std::to_string(n));
  }
  ASSERT_TRUE(until([&] { return counter("containerdEvents") >= 5000; }));
  ASSERT_NO_FATAL_FAILURE(fence());
  EXPECT_EQ(counter("containerdEvents"), 5001u) << "Docker's are not looked at";
  EXPECT_LT(fake.asked("container") - before, 2500);
  EXPECT_EQ(counter("containerdOverflows"), 0u);
  EXPECT_EQ(changes, 1) << "that of the fence";
}

TEST_F(Containerd, MoreThanTheQueueHoldsIsAFullList) {
  started();
  has(one.pid(), "10.0.0.2");
  fake.put("default", "a", {.pid = one.pid()});
  blocked = true;
  fake.event("default", "/tasks/start", "a");
  ASSERT_TRUE(until([&] { return reading.load(); }));
  for (int n = 0; n < 4200; ++n) fake.event("default", "/containers/create", "x" + std::to_string(n));
  ASSERT_TRUE(until([&] { return counter("containerdOverflows") == 1; }, 60s));
  go_on();
  ASSERT_TRUE(until([&] { return snapshots >= 2; }));
  EXPECT_EQ(address("default/a"), "blue 10.0.0.2");
}

TEST_F(Containerd, EndsAtOnceWhileACallIsNotAnswered) {
  started();
  fake.be_silent("container");
  const int before = fake.asked("container");
  fake.event("default", "/tasks/start", "a");
  ASSERT_TRUE(until([&] { return fake.asked("container") > before; }));
  const auto begin = Clock::now();
  runtime.stop();
  EXPECT_LT(Clock::now() - begin, 1s);
}

}  // namespace
}  // namespace berth
