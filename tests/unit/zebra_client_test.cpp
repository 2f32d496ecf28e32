// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/client/zebra_client.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "fpm_bridge/wire/codec.h"
#include "tests/support/fake_module.h"

namespace berth {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

RibObject route(int n, std::uint32_t tag = 100) {
  const std::string address = "10.10." + std::to_string(n / 250) + "." + std::to_string(1 + n % 250);
  return {{RibKind::Route, Prefix::host(*IpAddress::parse(address))}, tag, "br-blue", {}, 0, 0};
}

class Client : public testing::Test, public RouteSinkListener {
 protected:
  void sink_connected(const RouteSinkInfo&) override {
    ++connects;
    if (on_connect) on_connect();
  }
  void sink_troubled(const std::optional<Error>&) override {}
  void sink_lost(const Error& why) override {
    lost.push_back(why.message);
    remedy = why.remedy;
  }
  void sink_synced(std::uint32_t) override { ++synced; }
  void sink_answered(const RibAnswer& answer) override {
    answers[answer.key] = answer.state;
    reasons[answer.key] = answer.reason;
  }
  void sink_found(const RibFound& answer) override { found.push_back(answer); }

  void SetUp() override { client.start(); }
  void TearDown() override {
    client.stop();
    io.run_for(100ms);
  }
  bool until(const std::function<bool()>& done, Clock::duration most = 8s) {
    for (const auto end = Clock::now() + most; Clock::now() < end;) {
      module.poll();
      io.run_one_for(1ms);
      io.poll();
      if (done()) return true;
    }
    return false;
  }
  bool lost_because(const std::string& word) const {
    return !lost.empty() && lost.back().find(word) != std::string::npos;
  }

  FakeModule module;
  boost::asio::io_context io;
  ZebraClient client{io, {"socket", module.path(), 120, 3}, *this};
  std::function<void()> on_connect;
  int connects = 0, synced = 0;
  std::vector<std::string> lost;
  std::map<RibKey, RibState> answers;
  std::map<RibKey, std::string> reasons;
  std::vector<RibFound> found;
  std::string remedy;
};

TEST_F(Client, SaysAllAndEndsTheSync) {
  on_connect = [&] {
    for (int n = 0; n < 100; ++n) client.put(route(n));
    client.put({{RibKind::ConnectedTag, *Prefix::parse("10.10.0.0/24")}, 100, "br-blue", {}, 0, 0});
    client.end_of_sync();
  };
  ASSERT_TRUE(until([&] { return synced == 1 && client.idle(); }));
  EXPECT_EQ(module.held.size(), 101u);
  EXPECT_EQ(answers.size(), 101u);
  EXPECT_GE(module.batches.size(), 11u) << "at most max_operations in a batch";
  for (std::size_t n = 0; n < module.batches.size(); ++n) {
    EXPECT_EQ(module.batches[n].sequence(), n + 1);
    EXPECT_LE(module.batches[n].operations_size(), 10);
  }
  client.stop();
  ASSERT_TRUE(until([&] { return !module.bye.empty(); }));
}

TEST_F(Client, KeepsToTheWindowAndCoalescesByKey) {
  module.answers = false;
  ASSERT_TRUE(until([&] { return connects == 1; }));
  for (int n = 0; n < 1000; ++n) client.put(route(n));
  ASSERT_TRUE(until([&] { return module.batches.size() == 4; }));
  EXPECT_FALSE(until([&] { return module.batches.size() > 4; }, 50ms)) << "more than the window";
  EXPECT_EQ(client.queued(), 960u);
  for (std::uint32_t tag = 1; tag <= 50; ++tag)
    for (int n = 500; n < 510; ++n) client.put(route(n, tag));
  client.remove(route(999).key);
  EXPECT_EQ(client.queued(), 960u) << "one waiting change for each key";
  module.answers = true;
  ASSERT_TRUE(until([&] { return client.idle(); }));
  EXPECT_EQ(module.held.size(), 999u);
  std::size_t operations = 0;
  for (const auto& batch : module.batches) operations += static_cast<std::size_t>(batch.operations_size());
  EXPECT_EQ(operations, 1000u);
  EXPECT_EQ(answers[route(999).key], RibState::Gone);
}

// The module answers only the later of two operations on one key: the earlier must not hold the window for ever.
TEST_F(Client, AChangedMindDoesNotCostTheWindow) {
  ASSERT_TRUE(until([&] { return connects == 1; }));
  for (std::uint32_t tag = 1; tag <= 40; ++tag) {
    module.answers = false;
    const std::size_t before = module.batches.size();
    client.put(route(1, tag));
    ASSERT_TRUE(until([&] { return module.batches.size() > before; })) << "stuck at " << tag;
    client.put(route(1, tag + 1000));
    ASSERT_TRUE(until([&] { return module.batches.size() > before + 1; })) << "stuck at " << tag;
    module.answers = true;
    ASSERT_TRUE(until([&] { return client.idle(); })) << "stuck at " << tag;
  }
  EXPECT_EQ(module.held.begin()->second.add().tag(), 1040u);
}

TEST_F(Client, ASlowZebraIsNotOverrun) {
  ASSERT_TRUE(until([&] { return connects == 1; }));
  module.reads = false;
  for (int n = 0; n < 5000; ++n) client.put(route(n));
  EXPECT_FALSE(until([&] { return module.batches.size() > 0; }, 50ms));
  EXPECT_GE(client.queued(), 4900u) << "the queue holds keys; the buffer a few batches";
  module.reads = true;
  ASSERT_TRUE(until([&] { return client.idle(); }));
  EXPECT_EQ(module.held.size(), 5000u);
}

TEST_F(Client, ComesBackAndIsAskedToSayAllAnew) {
  on_connect = [&] {
    client.put(route(1));
    client.end_of_sync();
  };
  ASSERT_TRUE(until([&] { return synced == 1; }));
  module.stop_listening();
  module.drop();
  ASSERT_TRUE(until([&] { return lost.size() >= 2; })) << "the end, then: nobody listens";
  client.put(route(2));
  EXPECT_EQ(client.queued(), 0u) << "without a session nothing is kept";
  const std::size_t told = lost.size();
  EXPECT_FALSE(until([&] { return lost.size() > told; }, 2s)) << "the same trouble is told once";
  module.listen();
  ASSERT_TRUE(until([&] { return synced == 2; }, 2s)) << "an absence, however long, is no reason to wait";
  EXPECT_EQ(module.connections, 2);
  EXPECT_EQ(module.batches.back().sequence(), 1u);
}

TEST_F(Client, TakesFramesInPieces) {
  module.write_piece = 3;
  on_connect = [&] {
    for (int n = 0; n < 20; ++n) client.put(route(n));
    client.end_of_sync();
  };
  ASSERT_TRUE(until([&] { return synced == 1 && client.idle(); }));
  EXPECT_EQ(answers.size(), 20u);
  EXPECT_EQ(module.connections, 1);
}

TEST_F(Client, GarbageEndsTheSessionAndIsSlowedDown) {
  std::string no_message;
  append_frame(no_message, "\xff\xff\xff");
  const std::vector<std::string> garbage = {"GET / HTTP/1.1\r\n\r\n", std::string("\x01\x02\x00\x04", 4),
                                            std::string("\x01\x01", 2), no_message};
  for (std::size_t n = 0; n < garbage.size(); ++n) {  // with back-off, so not all of them in a row
    ASSERT_TRUE(until([&] { return connects == static_cast<int>(n) + 1; })) << n;
    module.send_raw(garbage[n]);
    ASSERT_TRUE(until([&] { return lost.size() == n + 1; })) << n;
    module.drop();
  }
  EXPECT_FALSE(until([&] { return module.connected(); }, 1s)) << "no full sync each 100 ms";
}

TEST_F(Client, WhatOnlyBerthdMaySayIsRefused) {
  ASSERT_TRUE(until([&] { return connects == 1; }));
  fpm::Message message;
  message.mutable_end_of_sync()->set_sequence(1);
  module.send(message);
  ASSERT_TRUE(until([&] { return lost_because("only berthd may send"); }));
}

TEST_F(Client, AResultWithoutAPrefixIsRefused) {
  ASSERT_TRUE(until([&] { return connects == 1; }));
  fpm::Message message;
  message.mutable_results()->add_results()->set_state(fpm::STATE_INSTALLED);
  module.send(message);
  ASSERT_TRUE(until([&] { return !lost.empty(); }));
  EXPECT_TRUE(answers.empty());
}

TEST_F(Client, TellsAByeAndWhy) {
  ASSERT_TRUE(until([&] { return connects == 1; }));
  fpm::Message message;
  message.mutable_bye()->set_reason("the peer does not read its answers");
  module.send(message);
  ASSERT_TRUE(until([&] { return lost_because("does not read its answers"); }));
}

TEST_F(Client, AnotherProtocolIsNotSpoken) {
  module.protocol = 2;
  ASSERT_TRUE(until([&] { return lost_because("protocol 2"); }));
  EXPECT_EQ(connects, 0);
}

TEST_F(Client, AnInertModuleSaysWhy) {
  module.hello_error = "built for FRR 1.2.3";
  ASSERT_TRUE(until([&] { return lost_because("1.2.3"); }));
  EXPECT_EQ(connects, 0);
}

TEST_F(Client, AModuleThatSaysNothingIsGivenUp) {
  module.says_hello = false;
  ASSERT_TRUE(until([&] { return lost_because("is there and does not answer"); })) << "3 s after the connect";
  EXPECT_EQ(connects, 0);
}

TEST_F(Client, AZebraThatTakesNoConnectionIsThereAndDoesNotAnswer) {
  module.accepts = false;
  const std::size_t given_up = module.fill_backlog();
  ASSERT_TRUE(until([&] { return lost_because("is there and does not answer"); }));
  EXPECT_TRUE(lost_because("takes no connection")) << lost.back();
  EXPECT_EQ(connects, 0);
  module.accepts = true;  // it wakes up: those come first that have gone by now
  ASSERT_TRUE(until([&] { return connects == 1; }));
  EXPECT_EQ(module.connections, static_cast<int>(given_up) + 1);
}

TEST_F(Client, BothSayThatTheyAreThere) {
  module.hold_seconds = 3;
  EXPECT_FALSE(until([&] { return !lost.empty(); }, 5s)) << lost.back();
  EXPECT_EQ(module.hold_wanted, 3u);
  EXPECT_EQ(connects, 1);
  EXPECT_GE(module.keepalives, 3);
}

TEST_F(Client, AZebraThatFallsSilentIsLostAndComesBack) {
  module.hold_seconds = 3;
  on_connect = [&] {
    client.put(route(1));
    client.end_of_sync();
  };
  ASSERT_TRUE(until([&] { return synced == 1; }));
  module.keeps_alive = false;
  const auto begin = Clock::now();
  ASSERT_TRUE(until([&] { return lost_because("is there and does not answer: it was silent for 3 s"); }, 6s));
  EXPECT_GT(Clock::now() - begin, 2s);
  module.keeps_alive = true;
  ASSERT_TRUE(until([&] { return synced == 2; }, 2s));
}

// A stopped zebra takes nothing either: what waits to be written does not hide the silence.
TEST_F(Client, AZebraThatStopsInTheMiddleIsLost) {
  module.hold_seconds = 3;
  ASSERT_TRUE(until([&] { return connects == 1; }));
  module.reads = module.answers = module.keeps_alive = false;
  for (int n = 0; n < 5000; ++n) client.put(route(n));
  ASSERT_TRUE(until([&] { return lost_because("it was silent for 3 s"); }, 6s));
}

TEST_F(Client, AnyByteIsASignOfLife) {
  module.hold_seconds = 3;
  module.keeps_alive = false;
  ASSERT_TRUE(until([&] { return connects == 1; }));
  fpm::Message message;
  message.mutable_bye()->set_reason(std::string(200, 'x'));
  std::string frame;
  append_frame(frame, message.SerializeAsString());
  for (int n = 0; n < 6; ++n) {  // one message that takes its time
    module.send_raw(frame.substr(static_cast<std::size_t>(n), 1));
    EXPECT_FALSE(until([&] { return !lost.empty(); }, 1s)) << lost.back();
  }
}

// What came while berthd itself was stopped, or busy for long, is read before anybody is called silent.
TEST_F(Client, ABerthdThatWasStoppedItselfBlamesNobody) {
  module.hold_seconds = 3;
  ASSERT_TRUE(until([&] { return connects == 1; }));
  for (const auto end = Clock::now() + 4s; Clock::now() < end;) module.poll();
  EXPECT_FALSE(until([&] { return !lost.empty(); }, 2s)) << lost.back();
}

TEST_F(Client, AnOlderModuleIsSpokenToAsBefore) {
  EXPECT_FALSE(until([&] { return !lost.empty(); }, 5s)) << lost.back();
  EXPECT_EQ(module.hold_wanted, 3u);
  EXPECT_EQ(module.keepalives, 0);
}

// Fields, messages and enum values only get added: a newer module is understood as far as it goes.
TEST_F(Client, WhatANewerModuleSaysEndsNoSession) {
  on_connect = [&] { client.put(route(1)); };
  ASSERT_TRUE(until([&] { return answers[route(1).key] == RibState::Installed; }));
  module.send_raw(std::string("\x01\x02\x00\x0a\xfa\x06\x03\x0a\x01\x07", 10));  // a message of field 111
  fpm::Message message;
  fpm::Result* fresh = message.mutable_results()->add_results();  // of a kind that may have no prefix at all
  fresh->set_kind(static_cast<fpm::ObjectKind>(7));
  fresh->set_state(static_cast<fpm::State>(9));
  fpm::Result* state = message.mutable_results()->add_results();
  state->set_kind(fpm::OBJECT_ROUTE);
  encode(route(1).key.prefix, state->mutable_prefix());
  state->set_state(static_cast<fpm::State>(9));
  state->set_reason("out to lunch");
  module.send(message);
  ASSERT_TRUE(until([&] { return answers[route(1).key] != RibState::Installed; }));
  EXPECT_EQ(answers[route(1).key], RibState::Other);
  EXPECT_EQ(reasons[route(1).key], "state 9 of a newer module: out to lunch");
  EXPECT_EQ(client.counters().at("unknownMessages"), 1u);
  EXPECT_EQ(client.counters().at("unknownAnswers"), 1u);
  EXPECT_TRUE(lost.empty()) << lost.back();
}

TEST_F(Client, AMissingModuleIsToldWithTheWholePathOfIt) {
  module.stop_listening();
  ASSERT_TRUE(until([&] { return lost_because("nobody listens at " + module.path()); }));
  EXPECT_NE(remedy.find("-M /usr/lib/frr/modules/zebra_fpm_bridge.so:" + module.path() + " "), std::string::npos)
      << remedy;
  EXPECT_NE(remedy.find("another FRR"), std::string::npos) << "it may be loaded and not able to answer: " << remedy;
}

TEST_F(Client, AClosedDoorIsNoMissingModule) {
  ASSERT_EQ(chmod(module.path().c_str(), 0), 0);
  const bool root = geteuid() == 0;  // whom no mode keeps out
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const bool told = until([&] { return lost_because("may not connect to " + module.path()); });
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_TRUE(told);
  EXPECT_NE(remedy.find("group="), std::string::npos) << remedy;
}

TEST_F(Client, AsksManyQuestionsAtATimeAndTakesTheirAnswersInAnyOrder) {
  module.replies_backwards = true;
  fpm::RibEntry& other = module.elsewhere[std::string("\x0a\x0a\x00\x08", 4)];
  other.set_type("bgp");
  other.add_next_hops()->set_interface("eth1");
  other.mutable_next_hops(0)->set_gateway(std::string("\x0a\x00\x00\x01", 4));
  on_connect = [&] {
    for (int n = 0; n < 1000; ++n) client.ask(route(n).key.prefix);
  };
  ASSERT_TRUE(until([&] { return found.size() == 1000 && client.idle(); }));
  EXPECT_EQ(module.queries, 1000u);
  EXPECT_GT(module.most_queries, 100u);
  EXPECT_LE(module.most_queries, 256u) << "zebra's answers are not to fill its memory";
  std::ranges::sort(found, {}, &RibFound::prefix);
  for (int n = 0; n < 1000; ++n) EXPECT_EQ(found[static_cast<std::size_t>(n)].prefix, route(n).key.prefix);
  EXPECT_TRUE(found[6].routes.empty());
  ASSERT_EQ(found[7].routes.size(), 1u);
  EXPECT_EQ(found[7].routes[0].type, "bgp");
  EXPECT_FALSE(found[7].routes[0].ours);
  EXPECT_EQ(found[7].routes[0].next_hops[0].gateway, IpAddress::parse("10.0.0.1"));
  EXPECT_EQ(found[7].routes[0].next_hops[0].interface, "eth1");
}

TEST_F(Client, AnswersTheLastOfTwoQuestionsAndNoneOfALostSession) {
  module.replies = false;
  on_connect = [&] { client.ask(route(1).key.prefix); };
  ASSERT_TRUE(until([&] { return module.queries == 1; }));
  client.ask(route(1).key.prefix);
  ASSERT_TRUE(until([&] { return module.queries == 2; }));
  EXPECT_FALSE(client.idle());
  module.replies = true;
  ASSERT_TRUE(until([&] { return client.idle(); }));
  EXPECT_EQ(found.size(), 1u);
  module.replies = false;
  on_connect = nullptr;
  client.ask(route(2).key.prefix);
  ASSERT_TRUE(until([&] { return module.queries == 3; }));
  module.drop();
  ASSERT_TRUE(until([&] { return connects == 2; }));
  EXPECT_TRUE(client.idle());
  module.replies = true;
  client.ask(route(3).key.prefix);
  ASSERT_TRUE(until([&] { return client.idle(); }));
  EXPECT_EQ(found.back().prefix, route(3).key.prefix);
  EXPECT_EQ(found.size(), 2u);
}

}  // namespace
}  // namespace berth
