// SPDX-License-Identifier: GPL-2.0-or-later
//
// The runtime over a real containerd, with a state, a socket and a network namespace of its own, and tasks that ctr starts. Links
// are put into a task's namespace by ip, as a CNI plugin does.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

#include "container_watcher/containerd/containerd_runtime.h"
#include "container_watcher/netlink/observer.h"
#include "tests/support/tsan_grpc.h"

extern char** environ;

namespace berth {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class RealContainerd : public testing::Test, public RuntimeSink {
 protected:
  static void SetUpTestSuite() {
    if (geteuid() != 0 || run("command -v containerd ctr runc busybox") != 0) return;
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    char folder[] = "/tmp/berth-containerd-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    std::filesystem::create_directories(folder_ + "/rootfs/bin");
    ASSERT_EQ(run("cp $(command -v busybox) " + folder_ + "/rootfs/bin/sleep"), 0);
    std::ofstream(folder_ + "/config.toml")
        << "version = 2\nroot = \"" << folder_ << "/root\"\nstate = \"" << folder_ << "/state\"\n"
        << "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"" << folder_ << "/sock\"\n";
  }
  static void TearDownTestSuite() {
    if (folder_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void SetUp() override {
    if (folder_.empty()) GTEST_SKIP() << "needs root, containerd, runc and busybox-static";
    start_containerd();
    runtime =
        std::make_unique<ContainerdRuntime>(io, RuntimeConfig{"ctr", "containerd", "unix:" + folder_ + "/sock"}, *this);
    runtime->start();
    RuntimeNetwork network;
    network.network = network.name = "blue";
    network.driver = "bridge";
    network.subnets.push_back({});
    network.subnets.back().subnet = *Prefix::parse("10.0.0.0/24");
    runtime->ensure(network, [](Result<EnsuredNetwork>) {});
    ASSERT_TRUE(until([&] { return snapshots == 1; }));
  }
  void TearDown() override {
    if (runtime) runtime->stop();
    for (const std::string& each : made)
      ctr("task rm -f " + each + "; ctr -a " + folder_ + "/sock container rm " + each);
    stop_containerd();
  }
  void runtime_connected(const std::string&, const std::string& version) override { versions.push_back(version); }
  void runtime_lost(const std::string&, const std::string& why) override { lost.push_back(why); }
  void snapshot(const std::string&, RuntimeSnapshot all) override {
    ++snapshots;
    known.clear();
    for (const ContainerFact& each : all.containers) known[each.key.id] = each;
    unknown = std::move(all.unknown);
  }
  void container_changed(ContainerFact fact) override { known[fact.key.id] = fact; }
  void container_gone(const ContainerKey& key) override { known.erase(key.id); }
  void network_changed(NetworkFact) override {}
  void network_gone(const std::string&, const std::string&) override {}
  void networks_unknown(const std::string&, std::vector<UnknownNetwork> all) override { unknown = std::move(all); }

  static int run(const std::string& command) {
    return system((command + " >>" + (folder_.empty() ? "/dev/null" : folder_ + "/commands") + " 2>&1").c_str());
  }
  static int ctr(const std::string& command) { return run("ctr -a " + folder_ + "/sock " + command); }
  void start_containerd() {
    const std::string config = folder_ + "/config.toml";
    const char* words[] = {"containerd", "-c", config.c_str(), "-l", "error", nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, (folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    ASSERT_EQ(posix_spawnp(&containerd, "containerd", &files, nullptr, const_cast<char* const*>(words), environ), 0);
    posix_spawn_file_actions_destroy(&files);
    ASSERT_TRUE(until([&] { return ctr("version") == 0; }));
  }
  void stop_containerd() {
    if (containerd <= 0) return;
    kill(containerd, SIGTERM);
    waitpid(containerd, nullptr, 0);
    containerd = -1;
  }
  void make(const std::string& id, const std::string& options = "") {
    made.push_back(id);
    ASSERT_EQ(ctr("run -d --rootfs " + options + " " + folder_ + "/rootfs " + id + " /bin/sleep 600"), 0);
  }
  bool until(const std::function<bool()>& done, Clock::duration most = 30s) {
    for (const auto end = Clock::now() + most; Clock::now() < end;) {
      io.restart();
      io.run_one_for(2ms);
      if (done()) return true;
    }
    return false;
  }
  std::string mode(const std::string& id) const {
    const auto found = known.find("default/" + id);
    return found == known.end() ? "not known" : found->second.network_mode.str();
  }

  static inline std::string folder_;
  boost::asio::io_context io;
  std::unique_ptr<ContainerdRuntime> runtime;
  pid_t containerd = -1;
  std::vector<std::string> made, versions, lost;
  std::vector<UnknownNetwork> unknown;
  int snapshots = 0;
  std::map<std::string, ContainerFact> known;
};

TEST_F(RealContainerd, TellsOfTasksAndOfWhatIsInTheirNamespaces) {
  make("own", "--label berth.network=blue --label nerdctl/name=web");
  make("hosts", "--net-host");
  ASSERT_TRUE(until([&] { return mode("own") == "none" && mode("hosts") == "host"; })) << mode("own") << mode("hosts");
  const ContainerFact& own = known["default/own"];
  EXPECT_EQ(own.name, "web");
  EXPECT_EQ(own.labels, (std::map<std::string, std::string>{{"berth.network", "blue"}}));
  EXPECT_GT(own.created, 1'600'000'000);
  const std::string netns = own.netns;
  ASSERT_TRUE(std::filesystem::exists(netns));
  // A third one in the namespace of the first.
  make("third", "--with-ns network:" + netns);
  ASSERT_TRUE(until([&] { return mode("third") == "container:default/own"; }));
  // A link of somebody else's, while it runs.
  const std::string pid = netns.substr(6, netns.find('/', 6) - 6);
  ASSERT_EQ(run("ip link add vethown type veth peer name eth0 netns " + pid), 0);
  ASSERT_EQ(run("nsenter -n -t " + pid + " ip addr add 10.0.0.2/24 dev eth0"), 0);
  ASSERT_EQ(ctr("task pause own") + ctr("task resume own"), 0);
  ASSERT_TRUE(until([&] { return !known["default/own"].endpoints.empty(); }));
  const EndpointFact& endpoint = known["default/own"].endpoints.front();
  EXPECT_EQ(endpoint.network, "blue");
  EXPECT_EQ(endpoint.inside, "eth0");
  EXPECT_EQ(endpoint.driver, "bridge");
  EXPECT_EQ(endpoint.addresses, std::vector<IpAddress>{*IpAddress::parse("10.0.0.2")});
  // The way in that a later process of that number is not on.
  std::optional<Result<Netns>> got;
  runtime->netns(known["default/own"].key, [&](Result<Netns> it) { got = std::move(it); });
  ASSERT_TRUE(until([&] { return got.has_value(); }));
  ASSERT_TRUE(got->ok()) << got->error().message;
  const auto inside = KernelObserver().state({}, **got);
  ASSERT_TRUE(inside.ok());
  EXPECT_NE(inside->find("eth0"), nullptr);
  ASSERT_EQ(ctr("task kill -s KILL own"), 0);
  ASSERT_TRUE(until([&] { return known["default/own"].state == "stopped"; }));
  EXPECT_TRUE(known["default/own"].endpoints.empty());
  EXPECT_TRUE(until([&] { return known["default/third"].endpoints.size() == 1; })) << "who is left has it";
  EXPECT_TRUE(unknown.empty());
}

TEST_F(RealContainerd, ItsRestartTakesNothingAway) {
  make("stays");
  make("ends");
  ASSERT_TRUE(until([&] { return mode("stays") == "none" && mode("ends") == "none"; }));
  stop_containerd();
  ASSERT_TRUE(until([&] { return lost.size() == 1; }));
  EXPECT_EQ(known.size(), 2u);
  const std::string netns = known["default/ends"].netns;
  ASSERT_EQ(run("kill -9 " + netns.substr(6, netns.find('/', 6) - 6)), 0);
  start_containerd();
  ASSERT_TRUE(until([&] { return snapshots >= 2 && known["default/ends"].state != "running"; }));
  EXPECT_EQ(mode("stays"), "none");
  EXPECT_EQ(lost.size(), 1u);
}

TEST_F(RealContainerd, FollowsManyThatComeAndGo) {
  for (int n = 0; n < 10; ++n) make("many" + std::to_string(n));
  ASSERT_TRUE(until([&] {
    return std::all_of(made.begin(), made.end(), [&](const std::string& id) { return mode(id) == "none"; });
  }));
  for (const std::string& id : std::exchange(made, {})) {
    ASSERT_EQ(ctr("task rm -f " + id), 0);
    ASSERT_EQ(ctr("container rm " + id), 0);
  }
  EXPECT_TRUE(until([&] { return known.empty(); }));
}

}  // namespace
}  // namespace berth
