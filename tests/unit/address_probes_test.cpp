// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which addresses are asked for, when, and what is made of the answers. What a kernel answers is tests/netns/host_macvlan_test.cpp's.
#include "container_watcher/attach/address_probes.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr int kParent = 7;
constexpr Mac kOwn = 0x020000000001, kOther = 0x020000000099, kContainer = 0x02420a280110;

IpAddress at(const std::string& text) {
  return *IpAddress::parse(text);
}

// A segment on which others are, as the test says.
struct Wire {
  std::map<IpAddress, Mac> others;
  bool reflects = false;
  int lost = 0;  // so many questions more reach nobody
  std::optional<Error> refuses;
  int asked = 0, opened = 0, open = 0;
};

class WireSocket : public ProbeSocket {
 public:
  explicit WireSocket(Wire& wire) : wire_(wire) { ++wire_.opened, ++wire_.open; }
  WireSocket(const WireSocket&) = delete;
  WireSocket& operator=(const WireSocket&) = delete;
  ~WireSocket() override { --wire_.open; }
  Status ask(const IpAddress& address) override {
    ++wire_.asked;
    heard_.reflected = heard_.reflected || wire_.reflects;
    const auto other = wire_.others.find(address);
    if (wire_.lost > 0)
      --wire_.lost;
    else if (other != wire_.others.end())
      heard_.all.push_back({address, other->second});
    return {};
  }
  ProbeAnswers answers() override { return std::exchange(heard_, {}); }

 private:
  Wire& wire_;
  ProbeAnswers heard_;
};

class Probes : public testing::Test {
 protected:
  Probes() { parents["violet"] = {kParent, "eth1", {kOwn, kContainer}, 512, kOwn, true, true, false}; }
  void add(const std::string& id, std::vector<IpAddress> addresses, Mac mac = kContainer) {
    endpoints.push_back({{{"docker", id}, id + "-ep"}, "the-" + id, "violet", mac, std::move(addresses)});
    parents["violet"].macs.insert(mac);
    set();
  }
  void set() { probes.set(parents, endpoints, now); }
  // As the worker: a turn whenever one is due.
  void pass(AddressProbes::Time::duration time) {
    const auto end = now + time;
    for (auto due = probes.due(); due && *due <= end; due = probes.due()) {
      now = std::max(now, *due);
      if (probes.turn(now)) ++news;
      ASSERT_LT(++turns, 10000) << "it never comes to rest";
      most_asked = std::max(most_asked, wire.asked - asked_before);
      asked_before = wire.asked;
      const AddressProbes::Counts more = probes.take_counts();
      counts.probes += more.probes, counts.clashes += more.clashes, counts.failed += more.failed;
    }
    now = end;
  }
  std::string told() const {
    std::string out;
    for (const auto& [key, problem] : probes.refused())
      out += (out.empty() ? "" : " ") + key.container.id.str() + ":" + std::string(to_string(problem.family));
    return out;
  }

  Wire wire;
  AddressProbes probes{[this](int, Mac) -> Result<std::unique_ptr<ProbeSocket>> {
    if (wire.refuses) return *wire.refuses;
    return std::unique_ptr<ProbeSocket>(std::make_unique<WireSocket>(wire));
  }};
  std::map<std::string, MacParent> parents;
  std::vector<ParentEndpoint> endpoints;
  AddressProbes::Time now{1h};
  AddressProbes::Counts counts;
  int news = 0, turns = 0, asked_before = 0, most_asked = 0;
};

TEST_F(Probes, AnAddressThatNobodyHasIsAskedForAFewTimesAndNeverAgain) {
  EXPECT_FALSE(probes.due()) << "nothing to do";
  add("a", {at("10.40.1.16"), at("fd00::16")});
  pass(1s);
  EXPECT_EQ(wire.asked, 6);
  EXPECT_EQ(counts, (AddressProbes::Counts{2, 0, 0}));
  EXPECT_EQ(wire.open, 0) << "no socket is held for nothing";
  set();
  pass(1h);
  EXPECT_EQ(wire.asked, 6);
  EXPECT_EQ(news, 0);
  EXPECT_FALSE(probes.due());
}

TEST_F(Probes, WhoAnswersIsToldAndAskedAgainUntilHeIsSilent) {
  wire.others[at("10.40.1.16")] = kOther;
  add("a", {at("10.40.1.16"), at("fd00::16")});
  pass(200ms);
  EXPECT_EQ(told(), "a:IPv4");
  const Problem problem = probes.refused().begin()->second;
  EXPECT_EQ(problem.code, "address-clash");
  EXPECT_TRUE(problem.blocks);
  for (const char* part : {"10.40.1.16", "the-a", "eth1", "02:00:00:00:00:99"})
    EXPECT_NE(problem.text.find(part), std::string::npos) << problem.text;
  pass(10min);
  EXPECT_EQ(told(), "a:IPv4");
  EXPECT_EQ(news, 1);
  EXPECT_EQ(counts.clashes, 1u) << "it is the same one";
  wire.others.clear();
  pass(61s);
  EXPECT_EQ(told(), "");
  EXPECT_EQ(news, 2);
  const int before = wire.asked;
  pass(1h);
  EXPECT_EQ(wire.asked, before);
}

TEST_F(Probes, BothFamiliesMakeItOneOfTheWhole) {
  wire.others = {{at("10.40.1.16"), kOther}, {at("fd00::16"), kOther}};
  add("a", {at("10.40.1.16"), at("fd00::16")});
  add("b", {at("fd00::17")}, kContainer + 1);
  pass(1s);
  EXPECT_EQ(told(), "a:both");
  EXPECT_EQ(probes.clashes().size(), 2u);
}

TEST_F(Probes, TwoLostFramesAreNoSilence) {
  wire.others[at("10.40.1.16")] = kOther;
  wire.lost = 2;
  add("a", {at("10.40.1.16")});
  pass(1s);
  EXPECT_EQ(told(), "a:IPv4");
}

// Docker makes the MAC address of the address: two hosts that give out the same one clash in both.
TEST_F(Probes, AnotherOneWithTheSameMacAddressIsAClashUnlessTheSwitchReflects) {
  wire.others[at("10.40.1.16")] = kContainer;
  wire.reflects = true;
  add("a", {at("10.40.1.16")});
  pass(1s);
  EXPECT_EQ(told(), "") << "it is the container itself that hears us";
  wire.others[at("10.40.1.17")] = kOther;
  add("b", {at("10.40.1.17")}, kContainer + 1);
  pass(1s);
  EXPECT_EQ(told(), "b:IPv4");
}

TEST_F(Probes, TheSameMacAddressOnASegmentThatDoesNotReflect) {
  wire.others[at("10.40.1.16")] = kContainer;
  add("a", {at("10.40.1.16")});
  pass(1s);
  EXPECT_EQ(told(), "a:IPv4");
}

TEST_F(Probes, ANewLinkOrANewParentIsAskedForAnew) {
  add("a", {at("10.40.1.16")});
  pass(1s);
  EXPECT_EQ(counts.probes, 1u);
  endpoints[0].mac = kContainer + 5;
  parents["violet"].macs.insert(kContainer + 5);
  set();
  pass(1s);
  EXPECT_EQ(counts.probes, 2u);
  parents["violet"].index = kParent + 1;
  set();
  pass(1s);
  EXPECT_EQ(counts.probes, 3u);
  parents["violet"].carrier = false;
  set();
  pass(1h);
  EXPECT_EQ(counts.probes, 3u);
  parents["violet"].carrier = true;
  set();
  pass(1s);
  EXPECT_EQ(counts.probes, 4u) << "it may be another segment";
  EXPECT_EQ(counts.failed, 0u);
}

TEST_F(Probes, WhatIsGoneIsForgottenAndOnlyWhatIsThereIsAskedFor) {
  wire.others[at("10.40.1.16")] = kOther;
  add("a", {at("10.40.1.16")});
  pass(1s);
  parents["violet"].macs.erase(kContainer);
  set();
  EXPECT_EQ(told(), "");
  EXPECT_FALSE(probes.due());
  parents["violet"].macs.insert(kContainer);
  parents["violet"].ours = true;
  set();
  EXPECT_FALSE(probes.due()) << "nobody else is behind it";
  endpoints.clear();
  parents.clear();
  set();
  EXPECT_FALSE(probes.due());
}

TEST_F(Probes, ThoseThatCannotBeMadeAreCountedToldAndMadeLater) {
  wire.others[at("10.40.1.16")] = kOther;
  wire.refuses = permanent("packet socket: Operation not permitted", "run berthd with CAP_NET_RAW");
  add("a", {at("10.40.1.16")});
  pass(1s);
  EXPECT_EQ(counts, (AddressProbes::Counts{0, 0, 1}));
  ASSERT_TRUE(probes.failure(kParent));
  EXPECT_EQ(probes.failure(kParent)->code, "probe-impossible");
  EXPECT_FALSE(probes.failure(kParent)->blocks);
  EXPECT_NE(probes.failure(kParent)->remedy.find("CAP_NET_RAW"), std::string::npos);
  EXPECT_EQ(news, 1);
  EXPECT_EQ(told(), "");
  pass(2min);
  EXPECT_EQ(counts.failed, 3u);
  EXPECT_EQ(news, 1) << "told once";
  wire.refuses.reset();
  pass(1min);
  EXPECT_FALSE(probes.failure(kParent));
  EXPECT_EQ(told(), "a:IPv4");
}

TEST_F(Probes, AParentThatIsDownIsNotAskedAndAskedAtOnceWhenItIsBack) {
  parents["violet"].up = false;
  add("a", {at("10.40.1.16")});
  pass(1s);
  EXPECT_EQ(wire.asked, 0);
  EXPECT_EQ(counts.failed, 1u);
  ASSERT_TRUE(probes.failure(kParent));
  EXPECT_NE(probes.failure(kParent)->text.find("eth1 is down"), std::string::npos);
  parents["violet"].up = true;
  set();
  pass(1s);
  EXPECT_EQ(wire.asked, 3);
  EXPECT_FALSE(probes.failure(kParent));
}

TEST_F(Probes, ManyAreAskedForInTurns) {
  for (int n = 0; n < 500; ++n)
    endpoints.push_back({{{"docker", "c" + std::to_string(n)}, "ep"},
                         "c",
                         "violet",
                         kContainer,
                         {at("10.40." + std::to_string(n / 250) + "." + std::to_string(n % 250 + 1))}});
  wire.others[at("10.40.1.250")] = kOther;
  set();
  pass(30s);
  EXPECT_EQ(counts, (AddressProbes::Counts{500, 1, 0}));
  EXPECT_LE(most_asked, 64);
  EXPECT_EQ(wire.open, 0);
}

// --- what is on the wire ---

std::vector<std::uint8_t> bytes(const std::string& hex) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

// As `arping -D` and the kernel's own duplicate address detection send them.
TEST(ProbeFrames, AreThoseOfTheRfcs) {
  EXPECT_EQ(probe_frame(at("10.40.1.16"), kOwn), bytes("ffffffffffff020000000001080600010800060400010200000000010000"
                                                       "00000000000000000a280110"));
  const auto frame = probe_frame(at("fd00::40:1:16"), kOwn);
  EXPECT_EQ(frame,
            bytes("3333ff01001602000000000186dd6000000000183aff00000000000000000000000000000000ff0200000000000000"
                  "000001ff01001687007d3900000000fd000000000000000000004000010016"));
}

// As `arping -U` and a kernel with ndisc_notify send them.
TEST(ProbeFrames, AnAnnouncementSaysWhoHasIt) {
  const auto arp = announcement_frame(at("10.40.1.16"), kOwn), na = announcement_frame(at("fd00::40:1:16"), kOwn);
  EXPECT_EQ(arp, bytes("ffffffffffff0200000000010806000108000604000102000000000"
                       "10a2801100000000000000a280110"));
  EXPECT_EQ(na, bytes("33330000000102000000000186dd6000000000203afffd000000000000000000004000010016ff02"
                      "0000000000000000000000000001880059ef20000000fd0000000000000000000040000100160201020000000001"));
  EXPECT_EQ(answer_in(arp), (ProbeAnswer{at("10.40.1.16"), kOwn}));
  EXPECT_EQ(answer_in(na), (ProbeAnswer{at("fd00::40:1:16"), kOwn}));
}

TEST(ProbeFrames, AnswersAreRead) {
  const auto reply = bytes("020000000001020000000099080600010800060400020200000000990a2801100200000000010a280101");
  EXPECT_EQ(answer_in(reply), (ProbeAnswer{at("10.40.1.16"), kOther}));
  EXPECT_FALSE(answer_in(probe_frame(at("10.40.1.16"), kOther))) << "another one's probe says not that he has it";
  EXPECT_FALSE(answer_in(probe_frame(at("fd00::1"), kOther)));
  for (std::size_t size = 0; size < reply.size(); ++size) EXPECT_FALSE(answer_in(std::span(reply).first(size))) << size;
}

TEST(ProbeFrames, AnAdvertisementSaysWhoseItIs) {
  auto frame = bytes(
      "33330000000102000000009986dd6000000000203afffe80000000000000000000fffe000099ff0200000000000000000000000000018800"
      "000020000000fd000000000000000000004000010016");
  EXPECT_EQ(answer_in(frame), (ProbeAnswer{at("fd00::40:1:16"), kOther})) << "without the option it is the sender's";
  const auto option = bytes("0201020000000098");
  frame.insert(frame.end(), option.begin(), option.end());
  EXPECT_EQ(answer_in(frame), (ProbeAnswer{at("fd00::40:1:16"), kOther - 1}));
  for (std::size_t size = 0; size < 78; ++size) EXPECT_FALSE(answer_in(std::span(frame).first(size))) << size;
  auto endless = frame;
  endless[79] = 0;  // an option without a length
  EXPECT_EQ(answer_in(endless), (ProbeAnswer{at("fd00::40:1:16"), kOther}));
  frame[21] = 64;
  EXPECT_FALSE(answer_in(frame)) << "a router may have let it through";
}

}  // namespace
}  // namespace berth
