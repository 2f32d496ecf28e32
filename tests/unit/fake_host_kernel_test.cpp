// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host in memory is held to what the kernel does, and what is done with measure is tried on it.
#include "tests/support/fake_host_kernel.h"

#include <gtest/gtest.h>

#include "container_watcher/attach/repair.h"
#include "container_watcher/netlink/fd.h"
#include "tests/support/host_suite.h"

namespace berth {
namespace {

class FakeGround {
 public:
  FakeGround() {
    kernel_.add_netns(other());
    kernel_.add_netns(of_process());
  }
  static std::string cant() { return {}; }
  Executor& executor() { return kernel_; }
  Observer& observer() { return kernel_; }
  static Netns other() { return {"/run/netns/other", {}}; }
  Netns of_process() const { return {"", process_}; }
  void foreign_route(const std::string& to, const std::string& link) {
    kernel_.own().routes.push_back({prefix(to), kMainTable, 3, 0, kernel_.own().host.find(link)->index, {}, false});
  }
  std::string sysctl(const Netns& where, const std::string& key) { return kernel_.in(where).sysctls.at(key); }
  bool heard() { return kernel_.heard(); }
  const Watch::Counts& counts() const { return kernel_.counts(); }

 private:
  const std::shared_ptr<const Fd> process_ = std::make_shared<Fd>();
  FakeHostKernel kernel_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, HostSuite, FakeGround);

const std::string kForwardV6 = "net.ipv6.conf.all.forwarding", kAcceptRa = "net.ipv6.conf.up0.accept_ra";

class RepairTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(kernel.apply(PutLink{"up0", DummyLink{}, up_settings()}));
    kernel.own().sysctls[kAcceptRa] = "1";
    kernel.applied = 0;
  }
  std::vector<Sequence> plan() { return {plan_forwarding(false, *kernel.state(), {"up0"})}; }
  FakeHostKernel kernel;
  Repair repair{kernel};
};

TEST_F(RepairTest, WhatALinkWouldForgetIsKeptBeforeTheHostForwards) {
  const auto done = repair.apply(plan());
  EXPECT_TRUE(done.changed);
  EXPECT_TRUE(done.undone.empty());
  EXPECT_EQ(kernel.own().sysctls[kAcceptRa], "2");
  EXPECT_EQ(kernel.own().sysctls[kForwardV6], "1");
  EXPECT_TRUE(plan()[0].empty()) << "nothing is left to do";
}

TEST_F(RepairTest, WhereItCantBeKeptTheHostDoesNotForwardAndItIsTold) {
  kernel.fail(1, EPERM);
  const auto done = repair.apply(plan());
  EXPECT_FALSE(done.changed);
  ASSERT_EQ(done.undone.size(), 1U);
  EXPECT_EQ(kernel.own().sysctls[kForwardV6], "0");
  const auto told = forwarding_problems(done.undone);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].text.find("up0 would forget the routes that it learns"), std::string::npos) << told[0].text;
  EXPECT_EQ(told[0].family, Family::V6);
}

TEST_F(RepairTest, WhatIsUndoneAgainAndAgainIsSetSomeTimesAndTold) {
  unsigned changed = 0;
  Repair::Outcome last;
  for (int i = 0; i < 50; ++i) {
    kernel.own().sysctls[kForwardV6] = "0";
    last = repair.apply(plan());
    changed += last.changed ? 1 : 0;
  }
  EXPECT_EQ(changed, 5U);
  ASSERT_EQ(last.undone.size(), 1U);
  EXPECT_TRUE(last.undone[0].too_often);
  EXPECT_NE(forwarding_problems(last.undone)[0].text.find("again and again"), std::string::npos);
}

TEST_F(RepairTest, WhatCantBeDoneSaysWhyHoweverOftenItWasTried) {
  LinkSettings theirs, ours;
  theirs.alias = "theirs";
  ours.alias = "berth:blue";
  ASSERT_TRUE(kernel.apply(SetLink{"up0", theirs}));
  const std::vector<Sequence> all = {
      {PutLink{"up0", DummyLink{}, ours}, PutAddress{"up0", address("10.8.0.1"), 24}, SetLink{"up0p", ours}}};
  for (int i = 0; i < 20; ++i) {
    const auto done = repair.apply(all);
    EXPECT_FALSE(done.changed);
    const auto told = link_problems("blue", done.undone);
    ASSERT_EQ(told.size(), 1U) << i;
    EXPECT_NE(told[0].text.find("somebody else's"), std::string::npos) << told[0].text;
  }
  ASSERT_TRUE(kernel.apply(SetLink{"up0", ours})) << "they gave it up";
  ASSERT_TRUE(kernel.apply(DeleteLink{"up0"}));
}

TEST_F(RepairTest, ALinkThatIsTakenAwayAgainAndAgainIsToldAsThat) {
  LinkSettings ours;
  ours.alias = "berth:blue";
  Repair::Outcome last;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(kernel.apply(DeleteLink{"mine0"}));
    last = repair.apply({{PutLink{"mine0", DummyLink{}, ours}, PutAddress{"mine0", address("10.8.0.1"), 24}}});
  }
  const auto told = link_problems("blue", last.undone);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].text.find("mine0 again and again"), std::string::npos) << told[0].text;
}

TEST_F(RepairTest, AnAddressWaitsForDockerAndASysctlForNobody) {
  const auto first = repair.apply({{PutAddress{"up0", address("10.8.0.1"), 24}}, plan()[0]});
  EXPECT_TRUE(first.waiting);
  EXPECT_TRUE(kernel.state()->find("up0")->addresses.empty());
  EXPECT_EQ(kernel.own().sysctls[kForwardV6], "1");
  EXPECT_FALSE(repair.apply({}).waiting) << "Docker has put it there itself";
}

TEST(FakeHostKernel, FailsAsItIsToldTo) {
  FakeHostKernel kernel;
  kernel.fail(2, ENOBUFS);
  EXPECT_TRUE(kernel.apply(PutLink{"dum0", DummyLink{}, {}}));
  EXPECT_EQ(kernel.apply(PutLink{"dum1", DummyLink{}, {}}).error().kind, ErrorKind::Transient);
  EXPECT_TRUE(kernel.apply(PutLink{"dum1", DummyLink{}, {}}));
  kernel.interrupt_dumps(1);
  EXPECT_EQ(kernel.state().error().kind, ErrorKind::Transient);
  EXPECT_TRUE(kernel.state());
  EXPECT_EQ(kernel.dumps, 2U);
}

}  // namespace
}  // namespace berth
