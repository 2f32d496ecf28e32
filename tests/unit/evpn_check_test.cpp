// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is said of bgpd's answers about segments, and how bgpd is asked: a stand-in of its shell's socket answers. The real one's words
// are in tests/fabric/test_overlay.py.
#include "fpm_bridge/vty/evpn_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kVnis = R"({"advertiseSviMacIp":"Disabled","advertiseAllVnis":"Enabled","numL2Vnis":1,
  "10100":{"vni":10100,"type":"L2","inKernel":"True"}})";
const std::string kSummary = R"({"routerId":"10.0.0.21","as":65021,"peers":{"eth1":{"state":"Established"}}})";

const std::optional<IpAddress> kVtep = IpAddress::parse("10.0.0.21");

std::vector<std::string> codes(std::uint32_t vni, const Result<std::string>& vnis, const Result<std::string>& summary) {
  std::vector<std::string> out;
  for (const Problem& each : judge_evpn(vni, kVtep, vnis, summary)) {
    EXPECT_FALSE(each.blocks) << each.code;
    out.push_back(each.code);
  }
  return out;
}

TEST(EvpnCheck, SaysWhatIsMissing) {
  EXPECT_THAT(codes(10100, kVnis, kSummary), ElementsAre());
  EXPECT_THAT(codes(10200, kVnis, kSummary), ElementsAre("evpn-vni"));
  EXPECT_THAT(codes(10100, transient("away"), kSummary), ElementsAre("evpn-unknown"));
  EXPECT_THAT(codes(10100, kVnis, transient("away")), ElementsAre("evpn-unknown"));
  const std::string off = R"({"advertiseAllVnis":"Disabled"})";
  EXPECT_THAT(codes(10100, off, kSummary), ElementsAre("evpn-off"));
  EXPECT_EQ(
      judge_evpn(10100, kVtep, off, kSummary)[0].remedy,
      "vtysh -c 'configure terminal' -c 'router bgp 65021' -c 'address-family l2vpn evpn' -c 'advertise-all-vni'");
  const std::string down = R"({"as":65021,"peers":{"eth1":{"state":"Active"},"eth2":{"state":"Idle"}}})";
  EXPECT_THAT(codes(10100, kVnis, down), ElementsAre("evpn-no-neighbour"));
  const std::string svi = R"({"advertiseSviMacIp":"Enabled","advertiseAllVnis":"Enabled","10100":{}})";
  EXPECT_THAT(codes(10100, svi, kSummary), ElementsAre("evpn-svi-ip"));
}

// FRR 10.3 tells its router id where the tunnel is an IPv6 one.
TEST(EvpnCheck, SaysWhereBgpdTellsAnotherPlace) {
  const std::string here = R"({"advertiseAllVnis":"Enabled","10100":{"vni":10100,"originatorIp":"10.0.0.21"}})";
  EXPECT_THAT(codes(10100, here, kSummary), ElementsAre());
  EXPECT_TRUE(judge_evpn(10100, std::nullopt, here, kSummary).empty()) << "it is not known yet where the tunnel is";
  const auto six = judge_evpn(10100, IpAddress::parse("fd00::21"), here, kSummary);
  ASSERT_EQ(six.size(), 1U);
  EXPECT_EQ(six[0].code, "evpn-vtep");
  EXPECT_THAT(six[0].text, HasSubstr("knows no IPv6 underlay"));
  EXPECT_THAT(six[0].remedy, HasSubstr("vtep ADDRESS, in that network"));
  EXPECT_EQ(judge_evpn(10100, IpAddress::parse("10.0.0.9"), here, kSummary)[0].remedy,
            "vtysh -c 'show evpn vni 10100'");
}

// A bgpd of another kind, or none that speaks BGP.
TEST(EvpnCheck, TakesAnyAnswer) {
  for (const std::string text :
       {"", "% BGP instance not found\n", "{", "[]", "{}", "null", R"({"10100":7,"advertiseAllVnis":7})",
        R"({"peers":[1],"as":"x","advertiseAllVnis":"Enabled","10100":[]})"})
    for (const std::string other : {"", "{}", R"({"peers":{"eth1":7}})", R"({"peers":7,"as":-1})"})
      EXPECT_FALSE(codes(10100, text, other).empty()) << text << other;
}

// Answers each command once for each connection, as bgpd does.
class FakeBgpd {
 public:
  FakeBgpd(asio::io_context& io, const std::string& path) : acceptor_(io, {path}) { accept(); }
  std::map<std::string, std::string> answers;
  std::vector<std::string> asked;
  bool silent = false;

 private:
  using Socket = asio::local::stream_protocol::socket;
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, Socket socket) {
      if (error) return;
      serve(std::make_shared<Socket>(std::move(socket)), std::make_shared<std::string>());
      accept();
    });
  }
  void serve(const std::shared_ptr<Socket>& socket, const std::shared_ptr<std::string>& text) {
    asio::async_read_until(*socket, asio::dynamic_buffer(*text), '\0', [=, this](auto error, std::size_t size) {
      if (error) return;
      const std::string command = text->substr(0, size - 1);
      asked.push_back(command);
      held_.push_back(socket);
      if (silent) return;
      const auto found = answers.find(command);
      auto out = std::make_shared<std::string>(found == answers.end() ? std::string("% Unknown\0\0\0\2", 13)
                                                                      : found->second + std::string("\0\0\0\0", 4));
      asio::async_write(*socket, asio::buffer(*out), [out](auto, std::size_t) {});
    });
  }
  asio::local::stream_protocol::acceptor acceptor_;
  std::vector<std::shared_ptr<Socket>> held_;
};

class AskedBgpd : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/berth-vty-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  bool until(const std::function<bool()>& done) {
    for (const auto end = std::chrono::steady_clock::now() + 10s; !done();) {
      if (std::chrono::steady_clock::now() > end) return false;
      io.restart();
      io.run_one_for(10ms);
    }
    return true;
  }
  std::string code(std::uint32_t vni) const {
    const auto found = last.find(vni);
    return found == last.end() || found->second.empty() ? "" : found->second[0].code;
  }
  asio::io_context io;
  std::string folder_;
  Evpn::Problems last;
};

TEST_F(AskedBgpd, IsAskedAsLongAsASegmentIsWantedAndUntilItIsWell) {
  EvpnCheck check(io, folder_, [this](const Evpn::Problems& all) { last = all; });
  check.want({{10100, kVtep}});
  ASSERT_TRUE(until([&] { return code(10100) == "evpn-unknown"; })) << "there is no bgpd";
  EXPECT_THAT(last[10100][0].text, HasSubstr(folder_ + "/bgpd.vty does not answer: "));
  FakeBgpd bgpd(io, folder_ + "/bgpd.vty");
  ASSERT_TRUE(until([&] { return bgpd.asked.size() >= 2; }));
  EXPECT_EQ(code(10100), "evpn-unknown") << "it knows no such command";
  bgpd.answers = {{"show bgp l2vpn evpn vni json", kVnis}, {"show bgp l2vpn evpn summary json", kSummary}};
  ASSERT_TRUE(until([&] { return last.contains(10100) && last[10100].empty(); }));
  const std::size_t asked = bgpd.asked.size();
  check.want({{10100, kVtep}, {10200, {}}});
  ASSERT_TRUE(until([&] { return code(10200) == "evpn-vni"; })) << "what is new is asked for at once";
  EXPECT_EQ(code(10100), "");
  EXPECT_GT(bgpd.asked.size(), asked);
  bgpd.silent = true;
  ASSERT_TRUE(until([&] { return code(10100) == "evpn-unknown"; })) << "a bgpd that hangs";
  check.want({});
}

}  // namespace
}  // namespace berth
