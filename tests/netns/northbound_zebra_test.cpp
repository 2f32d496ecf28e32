// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthd's routes through the northbound of a real FRR, beside what others do there: an operator's routes, a lock, changes that are not
// committed; and each of FRR's daemons killed. In a network namespace of its own.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include "fpm_bridge/northbound/mgmtd_frame.h"
#include "fpm_bridge/northbound/northbound_sink.h"
#include "fpm_bridge/northbound/static_yang.h"
#include "tests/netns/real_frr.h"

namespace berth {
namespace {

using namespace std::chrono_literals;

bool with_mgmtd() {
  return RealFrr::has("mgmtd");
}

// Somebody at a shell of FRR's: where routes are typed in that release.
class Operator {
 public:
  explicit Operator(const RealFrr& frr) : shell_(frr.folder() + (with_mgmtd() ? "/mgmtd.vty" : "/staticd.vty"), 20s) {
    type("enable");
  }
  std::string type(const std::string& line) {
    const auto answer = shell_.ask(line);
    return answer ? answer->text : shell_.why();
  }
  // mgmtd refuses what is typed while it takes a change of somebody else's, its own daemons' at their start among them.
  void insist(const std::string& line) {
    std::string answer;
    for (int tries = 0; tries < 100 && (answer = type(line)).find("lock") != std::string::npos; ++tries) usleep(20'000);
    EXPECT_EQ(answer, "") << line;
  }
  void configure(const std::vector<std::string>& lines) {
    insist("configure terminal");
    for (const std::string& each : lines) insist(each);
    insist("end");
  }
  // The static routes of `show running-config`, sorted.
  std::string routes() {
    std::istringstream lines(type("show running-config"));
    std::vector<std::string> out;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("ip route") || line.starts_with("ipv6 route")) out.push_back(line);
    std::ranges::sort(out);
    std::string text;
    for (const std::string& each : out) text += each + "\n";
    return text;
  }

 private:
  Connection shell_;
};

// Another client of mgmtd's front end, with edits that it does not commit.
class Intruder {
 public:
  explicit Intruder(const RealFrr& frr) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (frr.folder() + "/mgmtd_fe.sock").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    session_ = ask(mgmtd::session_request(++request_, "intruder")).head.session;
  }
  ~Intruder() { close(fd_); }
  Intruder(const Intruder&) = delete;
  Intruder& operator=(const Intruder&) = delete;
  // Of the two datastores the candidate is that which then differs from the other.
  void edit(mgmtd::EditOperation operation, const std::string& path, const std::string& body) {
    for (const auto each : {mgmtd::Datastore::Two, mgmtd::Datastore::One})
      if (ask(mgmtd::edit_request({session_, ++request_}, each, operation, mgmtd::kLock, path, body)).code ==
          mgmtd::Code::EditReply)
        return;
    ADD_FAILURE() << "no datastore takes an edit that is not committed";
  }
  bool dirty() { return get(mgmtd::Datastore::One) != get(mgmtd::Datastore::Two); }

 private:
  std::string get(mgmtd::Datastore where) {
    return ask(mgmtd::get_request({session_, ++request_}, where, mgmtd::kConfig, "/*")).text;
  }
  mgmtd::Reply ask(const std::string& frame) {
    EXPECT_EQ(write(fd_, frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
    for (;;) {
      auto next = reader_.next();
      if (!next) throw std::runtime_error(next.error().message);
      if (*next && (**next).head.request == request_) return **next;
      if (*next) continue;
      char bytes[65536];
      const ssize_t n = read(fd_, bytes, sizeof bytes);
      if (n <= 0) throw std::runtime_error("mgmtd has closed");
      reader_.feed({bytes, static_cast<std::size_t>(n)});
    }
  }
  const int fd_;
  std::uint64_t session_ = 0, request_ = 0;
  mgmtd::FrameReader reader_;
};

class Northbound : public testing::Test, public RouteSinkListener {
 protected:
  void sink_connected(const RouteSinkInfo&) override {
    ++connected;
    for (const auto& [key, object] : wanted) sink->put(object);
    if (ends_sync) sink->end_of_sync();
  }
  void sink_lost(const Error& why) override { lost.push_back(why.message); }
  void sink_troubled(const std::optional<Error>& why) override { trouble = why; }
  void sink_synced(std::uint32_t) override { ++synced; }
  void sink_answered(const RibAnswer& answer) override {
    answers[answer.key] = answer.state;
    reasons[answer.key] = answer.reason;
  }
  void sink_found(const RibFound&) override {}

  void start() {
    frr.begin_static();
    start_sink();
  }
  void start_sink() {
    config.socket = frr.folder();
    config.tags = {100, 200};
    sink = std::make_unique<NorthboundSink>(io, config, *this);
    sink->start();
  }
  void stop_sink() {
    sink->stop();
    io.restart();
    io.run_for(200ms);
    sink.reset();
  }
  void TearDown() override {
    if (sink) stop_sink();
  }
  void turn() {
    io.restart();
    io.run_for(5ms);
  }
  bool until(const std::function<bool()>& done, std::chrono::seconds most = 20s) {
    for (const auto end = std::chrono::steady_clock::now() + most; !done(); turn())
      if (std::chrono::steady_clock::now() > end) return false;
    return true;
  }
  static RibObject object(int n, std::uint32_t tag = 100) {
    return {
        {RibKind::Route, Prefix::host(*IpAddress::parse("10.10.1." + std::to_string(n)))}, tag, "br-blue", {}, 0, 0};
  }
  static std::string object_line(int n) { return "ip route 10.10.1." + std::to_string(n) + "/32 br-blue tag 100 15"; }
  void put(const RibObject& object) {
    wanted[object.key] = object;
    sink->put(object);
  }
  void remove(const RibKey& key) {
    wanted.erase(key);
    sink->remove(key);
  }
  RibState state(int n) { return answers.contains(object(n).key) ? answers[object(n).key] : RibState::Pending; }
  bool installed(int first, int last) {
    for (int n = first; n <= last; ++n)
      if (state(n) != RibState::Installed) return false;
    return true;
  }
  std::map<RibKey, std::uint32_t> routes(int first, int last, std::uint32_t tag = 100) {
    std::map<RibKey, std::uint32_t> out;
    for (int n = first; n <= last; ++n) out[object(n).key] = tag;
    return out;
  }

  RealFrr frr;
  boost::asio::io_context io;
  ZebraConfig config{"northbound", "", 120, 30};
  std::unique_ptr<NorthboundSink> sink;
  std::map<RibKey, RibObject> wanted;
  bool ends_sync = true;
  int connected = 0, synced = 0;
  std::vector<std::string> lost;
  std::optional<Error> trouble;
  std::map<RibKey, RibState> answers;
  std::map<RibKey, std::string> reasons;
};

TEST_F(Northbound, LeavesWhatAnOperatorHasTyped) {
  frr.begin_static();
  const std::vector<std::string> theirs = {
      "ip route 10.10.1.3/32 br-blue 15",                      // with our distance, and no tag
      "ip route 10.10.1.4/32 10.10.1.250",                     // for a prefix that a container has
      "ip route 10.10.1.6/32 br-blue tag 100",                 // with our tag, at FRR's distance
      "ip route 10.10.1.7/32 br-blue tag 77 15",               // with our distance, and a tag that is none of ours
      "ip route 10.96.0.0/24 10.10.1.250 br-blue tag 100 15",  // with all that ours has, and a gateway
      "ip route 10.99.0.0/24 blackhole",
      "ipv6 route fd00:99::/64 br-blue",
  };
  Operator shell(frr);
  shell.configure(theirs);
  const std::string before = shell.routes();
  ASSERT_EQ(std::ranges::count(before, '\n'), static_cast<long>(theirs.size())) << before;

  for (int n : {2, 3, 4, 6, 7, 8}) wanted[object(n).key] = object(n);
  start_sink();
  ASSERT_TRUE(until([&] { return synced == 1 && sink->idle() && state(2) == RibState::Installed; }));
  for (int n : {3, 4, 6, 7}) {
    EXPECT_EQ(state(n), RibState::Rejected) << n;
    EXPECT_NE(reasons[object(n).key].find("static route of its own"), std::string::npos) << reasons[object(n).key];
  }
  EXPECT_EQ(state(8), RibState::Installed);
  // A next hop beside one of ours, typed later.
  shell.configure({"ip route 10.10.1.8/32 10.10.1.251"});
  for (int n : {2, 3, 4, 6, 7, 8}) remove(object(n).key);
  put(object(9));
  ASSERT_TRUE(until([&] { return state(9) == RibState::Installed && state(2) == RibState::Gone; }));
  remove(object(9).key);
  ASSERT_TRUE(until([&] { return state(9) == RibState::Gone; }));
  shell.configure({"no ip route 10.10.1.8/32 10.10.1.251"});
  EXPECT_EQ(shell.routes(), before);
}

TEST_F(Northbound, WhatAnOperatorTakesAwayComesBackAndWhatStandsInTheWayIsWaitedFor) {
  start();
  ASSERT_TRUE(until([&] { return synced == 1; }));
  Operator shell(frr);
  shell.configure({"ip route 10.10.1.3/32 10.10.1.250"});
  for (int n : {2, 3}) put(object(n));
  ASSERT_TRUE(until([&] { return state(2) == RibState::Installed && state(3) == RibState::Rejected; }));
  shell.configure({"no ip route 10.10.1.3/32 10.10.1.250", "no ip route 10.10.1.2/32 br-blue tag 100 15"});
  put(object(4));
  EXPECT_TRUE(until([&] { return frr.routes("static") == routes(2, 4); })) << shell.routes();
  EXPECT_TRUE(until([&] { return installed(2, 4); }));
}

TEST_F(Northbound, AnotherTagOrInterfaceNeverLeavesTheRib) {
  start();
  ASSERT_TRUE(until([&] { return synced == 1; }));
  for (int n = 2; n <= 5; ++n) put(object(n));
  ASSERT_TRUE(until([&] { return installed(2, 5); }));
  for (int n = 2; n <= 5; ++n) put(object(n, 200));
  ASSERT_TRUE(until([&] {
    EXPECT_EQ(frr.routes("static").size(), 4u);
    return frr.routes("static") == routes(2, 5, 200);
  }));
  run("ip link add br-other type bridge && ip link set br-other up && ip addr add 10.11.1.1/24 dev br-other");
  for (int n = 2; n <= 5; ++n) {
    RibObject moved = object(n, 200);
    moved.interface = "br-other";
    answers.erase(moved.key);
    put(moved);
  }
  // Told to be there when it is, and not on the word of the route that it takes the place of.
  ASSERT_TRUE(until([&] {
    if (state(2) != RibState::Installed) return false;
    Connection zebra(frr.folder() + "/zebra.vty", 20s);
    const auto route = zebra.ask("show ip route 10.10.1.2/32 json");
    EXPECT_NE(route->text.find("br-other"), std::string::npos) << route->text;
    EXPECT_EQ(route->text.find("br-blue"), std::string::npos) << route->text;
    return true;
  }));
  Operator shell(frr);
  EXPECT_TRUE(until([&] { return shell.routes().find("br-blue") == std::string::npos; })) << shell.routes();
  EXPECT_EQ(std::ranges::count(shell.routes(), '\n'), 4) << shell.routes();
  EXPECT_TRUE(until([&] { return installed(2, 5); }));
  run("ip link del br-other");
}

TEST_F(Northbound, MoreThanTheLimitAreRefusedAndTakeThePlaceOfWhatGoes) {
  config.route_limit = 3;
  start();
  ASSERT_TRUE(until([&] { return synced == 1; }));
  for (int n = 2; n <= 6; ++n) put(object(n));
  ASSERT_TRUE(until([&] { return installed(2, 4) && state(6) == RibState::Rejected; }));
  EXPECT_EQ(state(5), RibState::Rejected);
  EXPECT_NE(reasons[object(5).key].find("route-limit 3"), std::string::npos) << reasons[object(5).key];
  remove(object(2).key);
  EXPECT_TRUE(until([&] { return installed(3, 5) && frr.routes("static") == routes(3, 5); }));
}

TEST_F(Northbound, ManyComeAndGoInFewCommits) {
  start();
  ASSERT_TRUE(until([&] { return synced == 1; }));
  for (int n = 2; n <= 251; ++n) put(object(n));
  ASSERT_TRUE(until([&] { return installed(2, 251); }));
  EXPECT_LE(sink->counters().at("commits"), 3u);
  for (int n = 2; n <= 249; ++n) remove(object(n).key);
  ASSERT_TRUE(until([&] { return frr.routes("static") == routes(250, 251); }));
  EXPECT_LE(sink->counters().at("commits"), 6u);
}

TEST_F(Northbound, WhatComesAndGoesAtOnceLeavesNothing) {
  start();
  ASSERT_TRUE(until([&] { return synced == 1; }));
  for (int n = 2; n <= 60; ++n) {
    put(object(n));
    for (int turns = n % 23; turns > 0; --turns) turn();  // before, during and after the commit
    remove(object(n).key);
  }
  Operator shell(frr);
  ASSERT_TRUE(until([&] { return sink->idle(); }));
  for (int n = 2; n <= 60; ++n) EXPECT_EQ(state(n), RibState::Gone) << n;
  EXPECT_EQ(shell.routes(), "");
  EXPECT_TRUE(frr.routes("static").empty());
}

TEST_F(Northbound, ALockIsWaitedForAndTold) {
  if (!with_mgmtd()) GTEST_SKIP() << "this FRR has no lock";
  start();
  ASSERT_TRUE(until([&] { return synced == 1; }));
  Operator shell(frr);
  shell.insist("configure terminal file-lock");
  put(object(2));
  ASSERT_TRUE(until([&] { return trouble.has_value(); }));
  EXPECT_NE(trouble->message.find("locked"), std::string::npos) << trouble->message;
  EXPECT_FALSE(trouble->remedy.empty());
  EXPECT_FALSE(until([&] { return !frr.routes("static").empty(); }, 2s));
  shell.type("end");
  EXPECT_TRUE(until([&] { return installed(2, 2) && !trouble; }, 5s));
  // What is taken back is told to be gone when it is.
  shell.insist("configure terminal file-lock");
  remove(object(2).key);
  EXPECT_FALSE(until([&] { return state(2) == RibState::Gone; }, 2s));
  shell.type("end");
  EXPECT_TRUE(until([&] { return state(2) == RibState::Gone && frr.routes("static").empty(); }, 5s));
  EXPECT_TRUE(lost.empty()) << lost.front();
}

TEST_F(Northbound, WhatSomebodyHasNotCommittedIsNotCommittedWithOurs) {
  if (!with_mgmtd()) GTEST_SKIP() << "this FRR has no candidate that is shared";
  start();
  ASSERT_TRUE(until([&] { return synced == 1; }));
  Intruder intruder(frr);
  const StaticRoute theirs{*Prefix::parse("10.97.0.0/24"), {}, "br-blue", 1, 0, true};
  // The model's shape is that of the release: the flat one knows no `frr-nexthops`.
  Operator shell(frr);
  put(object(2));
  ASSERT_TRUE(until([&] { return installed(2, 2); }));
  intruder.edit(mgmtd::EditOperation::Remove, static_list(object(2).key.prefix), {});
  ASSERT_TRUE(intruder.dirty());
  put(object(3));
  ASSERT_TRUE(until([&] { return trouble.has_value(); }));
  EXPECT_NE(trouble->message.find("not committed"), std::string::npos) << trouble->message;
  EXPECT_FALSE(until([&] { return frr.routes("static") != routes(2, 2); }, 2s));
  EXPECT_TRUE(intruder.dirty()) << "their edit is not thrown away either";
  shell.insist("configure terminal file-lock");
  shell.type("mgmt commit abort");
  shell.type("end");
  ASSERT_FALSE(intruder.dirty());
  EXPECT_TRUE(until([&] { return installed(2, 3) && !trouble; }, 5s));
}

TEST_F(Northbound, WhatSomebodyHasNotCommittedIsThereWhenWeLeave) {
  if (!with_mgmtd()) GTEST_SKIP() << "this FRR has no candidate that is shared";
  start();
  put(object(2));
  ASSERT_TRUE(until([&] { return synced == 1 && installed(2, 2); }));
  Intruder intruder(frr);
  intruder.edit(mgmtd::EditOperation::Remove, static_list(object(2).key.prefix), {});
  ASSERT_TRUE(intruder.dirty());
  {
    Intruder bystander(frr);
  }
  if (until([&] { return !intruder.dirty(); }, 1s))
    GTEST_SKIP() << "this FRR throws away what is not committed when any session ends";
  sink->stop();
  EXPECT_FALSE(until([&] { return !intruder.dirty(); }, 1s));
}

TEST_F(Northbound, MgmtdBeginsAnewAndTheRoutesStay) {
  if (!with_mgmtd()) GTEST_SKIP() << "this FRR has no mgmtd";
  for (int n = 2; n <= 5; ++n) wanted[object(n).key] = object(n);
  start();
  ASSERT_TRUE(until([&] { return synced == 1 && installed(2, 5); }));
  frr.kill_one("mgmtd");
  ASSERT_TRUE(until([&] { return !lost.empty(); }));
  wanted.erase(object(5).key);  // it ends while nobody can be told
  EXPECT_EQ(frr.routes("static"), routes(2, 5));
  frr.begin("mgmtd");
  ASSERT_TRUE(until([&] { return synced == 2; }));
  EXPECT_TRUE(until([&] {
    const auto now = frr.routes("static");
    for (const auto& [key, tag] : routes(2, 4)) EXPECT_TRUE(now.contains(key)) << key.prefix.to_string();
    return now == routes(2, 4);
  })) << "staticd keeps a route that mgmtd's configuration has lost";
}

// As FRR reads its own file again after `write`: what a container that has ended meanwhile has left there goes.
TEST_F(Northbound, WhatTheShellHasTakenWithAllOfOurMarkIsOurs) {
  frr.begin_static();
  Operator shell(frr);
  shell.configure({object_line(2), object_line(5), "ipv6 route fd00:10:1::5/128 br-blue tag 100 15"});
  wanted[object(2).key] = object(2);
  wanted[object(3).key] = object(3);
  start_sink();
  ASSERT_TRUE(until([&] { return synced == 1 && installed(2, 3); }));
  EXPECT_TRUE(until([&] { return shell.routes() == object_line(2) + "\n" + object_line(3) + "\n"; }, 5s))
      << shell.routes();
}

// What it finds in the kernel it takes for static routes at their usual distance, better than ours; some zebras never sweep them.
TEST_F(Northbound, ZebraBeginsAnewAndOursAreTheBestAgain) {
  for (int n = 2; n <= 5; ++n) wanted[object(n).key] = object(n);
  start();
  ASSERT_TRUE(until([&] { return synced == 1 && installed(2, 5); }));
  Operator shell(frr);
  const std::string before = shell.routes();
  frr.kill_one("zebra");
  ASSERT_TRUE(until([&] { return !lost.empty(); }));
  answers.clear();
  wanted.erase(object(5).key);  // it ends while nobody can be told
  frr.begin("zebra", {"-f", "/dev/null", "-K60"}, "zserv.api");
  EXPECT_TRUE(until([&] { return synced == 2 && installed(2, 4) && frr.routes("static") == routes(2, 4); }, 20s));
  EXPECT_TRUE(until([&] { return Operator(frr).routes() != before; }, 1s));
  put(object(5));
  EXPECT_TRUE(until([&] { return installed(2, 5) && Operator(frr).routes() == before; }, 10s))
      << Operator(frr).routes();
}

TEST_F(Northbound, StaticdBeginsAnewAndHasThemAgain) {
  for (int n = 2; n <= 5; ++n) wanted[object(n).key] = object(n);
  start();
  ASSERT_TRUE(until([&] { return synced == 1 && installed(2, 5); }));
  frr.kill_one("staticd");
  ASSERT_TRUE(until([&] { return !lost.empty(); }));
  answers.clear();
  frr.begin("staticd");
  EXPECT_TRUE(until([&] { return synced == 2 && installed(2, 5) && frr.routes("static") == routes(2, 5); }));
}

TEST_F(Northbound, ADaemonThatHangsHoldsNoRouteUpAndIsTold) {
  frr.begin("bgpd");
  start();
  const RibObject subnet{{RibKind::ConnectedTag, *Prefix::parse("10.10.1.0/24")}, 100, "br-blue", {}, 0, 0};
  put(subnet);
  ASSERT_TRUE(until([&] { return synced == 1 && answers[subnet.key] == RibState::Installed; }));
  frr.hang("bgpd");
  remove(subnet.key);
  ASSERT_TRUE(until([&] { return trouble.has_value(); }, 10s));
  EXPECT_NE(trouble->message.find("bgpd.vty does not answer"), std::string::npos) << trouble->message;
  for (int n = 2; n <= 6; ++n) {
    put(object(n));
    EXPECT_TRUE(until([&] { return installed(2, n); }, 3s)) << n;
  }
  EXPECT_NE(answers[subnet.key], RibState::Gone) << "bgpd still has it";
  frr.go_on("bgpd");
  EXPECT_TRUE(until([&] { return answers[subnet.key] == RibState::Gone && !trouble; }, 20s));
}

TEST_F(Northbound, ASubnetIsInThePrefixListsOfWhoRedistributes) {
  start();
  const RibObject subnet{{RibKind::ConnectedTag, *Prefix::parse("10.10.1.0/24")}, 100, "br-blue", {}, 0, 0};
  ASSERT_TRUE(until([&] { return synced == 1; }));
  put(subnet);
  ASSERT_TRUE(until([&] { return answers.contains(subnet.key); }));
  EXPECT_EQ(answers[subnet.key], RibState::Accepted) << "nobody redistributes";
  frr.begin("bgpd");
  Connection bgpd(frr.folder() + "/bgpd.vty", 20s);
  const auto lists = [&] {
    const auto answer = bgpd.ask("show running-config");
    std::string out;
    std::istringstream lines(answer ? answer->text : bgpd.why());
    for (std::string line; std::getline(lines, line);)
      if (line.find("prefix-list") != std::string::npos) out += line + "\n";
    return out;
  };
  bgpd.ask("enable");
  EXPECT_TRUE(until([&] { return lists() == "ip prefix-list BERTH-100 seq 5 permit 10.10.1.0/24\n"; })) << lists();
  EXPECT_TRUE(until([&] { return answers[subnet.key] == RibState::Installed; }));
  remove(subnet.key);
  EXPECT_TRUE(until([&] { return lists().empty() && answers[subnet.key] == RibState::Gone; })) << lists();
}

}  // namespace
}  // namespace berth

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!berth::RealFrr::own_namespace()) {
    std::perror("a network namespace with a bridge");
    return 2;
  }
  return RUN_ALL_TESTS();
}
