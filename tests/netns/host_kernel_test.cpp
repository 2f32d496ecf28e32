// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel as a host, in network namespaces of its own; skipped where that is not allowed.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "container_watcher/netlink/fd.h"
#include "container_watcher/netlink/netns.h"
#include "tests/netns/host_fixture.h"
#include "tests/support/host_suite.h"

namespace berth {
namespace {

// A process in a network namespace of its own.
class Lodger {
 public:
  Lodger() {
    int ready[2];
    if (pipe(ready) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      const char there = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
      if (write(ready[1], &there, 1) == 1) pause();
      _exit(0);
    }
    char there = 'n';
    ok_ = read(ready[0], &there, 1) == 1 && there == 'y';
    close(ready[0]);
    close(ready[1]);
  }
  ~Lodger() { leave(); }
  void leave() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  bool ok() const { return ok_; }
  int pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  bool ok_ = false;
};

class FreshNamespace : public OwnNamespace {
 public:
  bool there() const { return own_; }

 private:
  void TestBody() override {}
};

class KernelGround : private FreshNamespace {
 public:
  KernelGround() {
    if (!there()) return;
    if (std::system("ip link set lo up; ip netns add other") != 0 || !watch_.start()) return;
    ready_ = true;
    while (heard()) {
    }
  }
  std::string cant() const { return ready_ ? "" : "no network namespace of its own"; }
  Executor& executor() { return executor_; }
  Observer& observer() { return observer_; }
  static Netns other() { return {"/run/netns/other", {}}; }
  Netns of_process() {
    lodger_ = std::make_unique<Lodger>();
    EXPECT_TRUE(lodger_->ok());
    auto process = open_process(lodger_->pid());
    EXPECT_TRUE(process);
    return {"", *process};
  }
  static void foreign_route(const std::string& to, const std::string& link) {
    EXPECT_EQ(std::system(("ip route add " + to + " dev " + link).c_str()), 0);
  }
  static std::string sysctl(const Netns& where, const std::string& key) {
    std::string out;
    const auto netns = open_netns(where);
    EXPECT_TRUE(netns);
    EXPECT_TRUE(within(*netns, [&] { std::ifstream(sysctl_path(key)) >> out; }));
    return out;
  }
  bool heard() {
    bool out = false;
    for (const auto end = Clock::now() + 30ms; Clock::now() < end;) {
      const unsigned before = told_;
      io_.restart();
      io_.run_one_for(10ms);
      out = out || told_ != before;
    }
    return out;
  }
  const Watch::Counts& counts() const { return counts_; }

 private:
  bool ready_ = false;
  unsigned told_ = 0;
  Watch::Counts counts_;
  boost::asio::io_context io_;
  Watch watch_{io_,
               {HostChange::Links, HostChange::Addresses, HostChange::Routes, HostChange::Neighbours},
               [this](const Watch::Counts& counts) { counts_ = counts, ++told_; },
               8192};
  KernelExecutor executor_;
  KernelObserver observer_;
  std::unique_ptr<Lodger> lodger_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Kernel, HostSuite, KernelGround);

TEST(Netns, OfAProcessThatHasEndedIsNotThatOfALaterOneWithItsPid) {
  if (geteuid() != 0) GTEST_SKIP() << "may not enter namespaces";
  Lodger lodger;
  if (!lodger.ok()) GTEST_SKIP() << "no network namespace of its own";
  auto process = open_process(lodger.pid());
  ASSERT_TRUE(process);
  const Netns where{"", *process};
  EXPECT_TRUE(open_netns(where));
  lodger.leave();
  const auto gone = open_netns(where);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::Stale) << gone.error().message;
  EXPECT_EQ(open_process(0x3ffffff).error().kind, ErrorKind::Stale);
}

TEST(Netns, ThatIsNoneIsRefusedAndTheThreadStaysWhereItIs) {
  std::error_code ignored;
  char before[64] = {}, after[64] = {};
  ASSERT_GT(readlink("/proc/thread-self/ns/net", before, sizeof before - 1), 0);
  EXPECT_FALSE(KernelExecutor().apply(PutLink{"dum0", DummyLink{}, {}, {"/etc/hostname", {}}}));
  EXPECT_FALSE(KernelObserver().state({}, {"/nowhere", {}}));
  ASSERT_GT(readlink("/proc/thread-self/ns/net", after, sizeof after - 1), 0);
  EXPECT_STREQ(before, after);
}

}  // namespace
}  // namespace berth
