// SPDX-License-Identifier: GPL-2.0-or-later
//
// What FRR says and is told at its northbound: frames, JSON, lines. With answers of FRR 8.4.4, 10.3 and 10.7.
#include <gtest/gtest.h>

#include <string>

#include "fpm_bridge/northbound/mgmtd_frame.h"
#include "fpm_bridge/northbound/rib_answer.h"
#include "fpm_bridge/northbound/static_lines.h"
#include "fpm_bridge/northbound/static_yang.h"
#include "fpm_bridge/northbound/subnet_lines.h"

namespace berth {
namespace {

// --- frames ---

std::string bytes(std::initializer_list<int> all) {
  std::string out;
  for (int each : all) out += static_cast<char>(each);
  return out;
}

// As 10.3 and 10.7 send it.
std::string session_reply() {
  return bytes({1, 0x23, 0x23, 0x23, 0x28, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0}) + bytes({7, 0, 0, 0, 0, 0, 0, 0}) +
         bytes({1, 0, 0, 0, 0, 0, 0, 0}) + bytes({1, 0, 0, 0, 0, 0, 0, 0});
}

std::string error_reply(int error, const std::string& text) {
  std::string out = bytes({1, 0x23, 0x23, 0x23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) +
                    bytes({7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0}) +
                    bytes({error & 0xff, error >> 8 & 0xff, 0, 0, 0, 0, 0, 0}) + text + '\0';
  out[4] = static_cast<char>(out.size());
  return out;
}

TEST(MgmtdFrame, AsksForASessionAsFrrTakesIt) {
  EXPECT_EQ(mgmtd::session_request(1, "nb-proof"),
            bytes({1, 0x23, 0x23, 0x23, 0x31, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                   0, 0,    0,    0,    1,    0, 0, 0, 0,  0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}) +
                "nb-proof" + '\0');
}

TEST(MgmtdFrame, HoweverTheBytesComeTheSameIsRead) {
  const std::string all = session_reply() + error_reply(16, "locked") + error_reply(-16, "locked");
  for (std::size_t piece = 1; piece <= all.size(); ++piece) {
    mgmtd::FrameReader reader;
    std::string read;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      reader.feed(std::string_view(all).substr(at, piece));
      for (;;) {
        auto next = reader.next();
        ASSERT_TRUE(next) << next.error().message;
        if (!*next) break;
        read += std::to_string(static_cast<int>((**next).code)) + "/" + std::to_string((**next).head.session) + "/" +
                std::to_string((**next).error) + "/" + (**next).text + " ";
      }
    }
    EXPECT_EQ(read, "11/7/0/ 0/7/16/locked 0/7/16/locked ") << piece;
  }
}

TEST(MgmtdFrame, WhatMgmtdNeverSendsIsAnError) {
  std::string wrong_marker = session_reply(), too_short = session_reply(), too_long = session_reply(),
              request = session_reply(), xml = session_reply();
  wrong_marker[0] = 2;
  too_short[4] = 39;
  too_long[7] = 0x70;
  request[8] = 5;  // an edit
  xml[8] = 2;
  xml[33] = 1;
  for (const std::string& each : {wrong_marker, too_short, too_long, request, xml}) {
    mgmtd::FrameReader reader;
    reader.feed(each);
    const auto next = reader.next();
    ASSERT_FALSE(next);
    EXPECT_NE(next.error().message.find("mgmtd sent what it never sends"), std::string::npos);
  }
}

// --- the model ---

StaticRoute ours(const char* prefix, const char* interface = "br-blue", std::uint32_t tag = 100) {
  return {*Prefix::parse(prefix), {}, interface, 15, tag, true};
}

std::string whole(const std::string& container) {
  return R"({"frr-vrf:lib":{},"frr-routing:routing":{"control-plane-protocols":{"control-plane-protocol":[
    {"type":"frr-staticd:staticd","name":"staticd","vrf":"red","frr-staticd:staticd":{"route-list":[
      {"prefix":"10.10.1.2/32","src-prefix":"::/0","afi-safi":"frr-routing:ipv4-unicast","path-list":[]}]}},
    {"type":"frr-staticd:staticd","name":"staticd","vrf":"default",)" +
         container.substr(1, container.size() - 2) + "}]}}}";
}

TEST(StaticYang, TheRevisionTellsTheShape) {
  const auto answer = [](const std::string& revision) {
    return R"({"ietf-yang-library:yang-library":{"module-set":[{"name":"complete","module":[{"name":"frr-staticd","revision":")" +
           revision + R"("}]}]}})";
  };
  EXPECT_EQ(*static_schema(answer("2019-12-03")), StaticSchema::Nested);
  EXPECT_EQ(*static_schema(answer("2026-04-19")), StaticSchema::Flat);
  EXPECT_FALSE(static_schema("{}"));
  EXPECT_FALSE(static_schema("no JSON"));
}

TEST(StaticYang, WhatIsWrittenReadsTheSame) {
  StaticRoute gateway = ours("10.10.1.9/32");
  gateway.gateway = IpAddress::parse("10.10.1.1");
  const std::vector<StaticRoute> all = {ours("10.10.1.2/32"), gateway, ours("fd00:10:1::2/128", "br-six", 200)};
  for (const StaticSchema schema : {StaticSchema::Nested, StaticSchema::Flat}) {
    const auto tree = read_static_tree(whole(static_merge(all, schema)));
    ASSERT_TRUE(tree) << tree.error().message;
    EXPECT_EQ(tree->routes, all);
    EXPECT_TRUE(tree->empty_lists.empty()) << "those of another VRF are not asked for";
  }
}

// The operator's next hop within a path-list of ours, and his path-list beside it.
constexpr char kNested[] = R"JSON({"frr-staticd:staticd":{"route-list":[
  {"prefix":"10.10.1.2/32","src-prefix":"::/0","afi-safi":"frr-routing:ipv4-unicast","path-list":[
    {"table-id":0,"distance":15,"tag":100,"frr-nexthops":{"nexthop":[
      {"nh-type":"ifindex","vrf":"default","gateway":"","interface":"br-blue"},
      {"nh-type":"ip4","vrf":"default","gateway":"10.0.0.2","interface":""}]}},
    {"table-id":0,"distance":1,"frr-nexthops":{"nexthop":[
      {"nh-type":"blackhole","vrf":"default","gateway":"","interface":"(null)","bh-type":"null"}]}}]},
  {"prefix":"10.10.1.3/32","src-prefix":"::/0","afi-safi":"frr-routing:ipv4-unicast","path-list":[
    {"table-id":0,"distance":15,"tag":100,"frr-nexthops":{"nexthop":[
      {"nh-type":"ifindex","vrf":"default","gateway":"","interface":"br-blue"}]}}]},
  {"prefix":"10.10.1.4/32","src-prefix":"::/0","afi-safi":"frr-routing:ipv4-unicast"}]}})JSON";

TEST(StaticYang, OursGoesAndWhatIsBesideItStays) {
  const auto tree = read_static_tree(whole(kNested));
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->routes.size(), 4u);
  EXPECT_EQ(tree->routes[0], ours("10.10.1.2/32"));
  EXPECT_FALSE(tree->routes[2].plain);
  EXPECT_EQ(tree->routes[2].line(), "ip route 10.10.1.2/32 blackhole");
  const StaticMark mark{15, {100}};
  EXPECT_TRUE(mark.bears(tree->routes[0]) && mark.bears(tree->routes[3]));
  EXPECT_FALSE(mark.bears(tree->routes[1]) || mark.bears(tree->routes[2]));
  ASSERT_EQ(tree->empty_lists.size(), 1u);
  EXPECT_NE(tree->empty_lists[0].find("/route-list[prefix='10.10.1.4/32']"), std::string::npos);
  const auto removals = static_removals({ours("10.10.1.2/32"), ours("10.10.1.3/32")}, *tree, StaticSchema::Nested);
  ASSERT_EQ(removals.size(), 2u);
  EXPECT_TRUE(
      removals[0].ends_with("/path-list[table-id='0'][distance='15']/frr-nexthops/nexthop[nh-type='ifindex']"
                            "[vrf='default'][gateway=''][interface='br-blue']"))
      << removals[0];
  EXPECT_TRUE(
      removals[1].ends_with("[prefix='10.10.1.3/32'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']"
                            "/path-list[table-id='0'][distance='15']"))
      << removals[1];
}

constexpr char kFlat[] = R"({"frr-staticd:staticd":{"route-list":[
  {"prefix":"10.10.1.2/32","src-prefix":"::/0","afi-safi":"frr-routing:ipv4-unicast","path-list":[
    {"table-id":0,"nh-type":"ifindex","vrf":"default","gateway":"","interface":"br-blue","distance":15,"tag":100},
    {"table-id":0,"nh-type":"ip4","vrf":"default","gateway":"10.0.0.2","interface":"","bfd-monitoring":{"source":"10.0.0.1"}}]},
  {"prefix":"10.10.1.3/32","src-prefix":"::/0","afi-safi":"frr-routing:ipv4-unicast","path-list":[
    {"table-id":0,"nh-type":"ifindex","vrf":"default","gateway":"","interface":"br-blue","distance":15,"tag":100}]},
  {"prefix":"10.10.1.4/32","src-prefix":"::/0","afi-safi":"frr-routing:ipv4-unicast"}],
  "segment-routing":{"srv6":{"local-sids":{}}}}})";

TEST(StaticYang, AReplacementHasAllThatWasThereButOurs) {
  const auto tree = read_static_tree(whole(kFlat));
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->routes.size(), 3u);
  EXPECT_FALSE(tree->routes[1].plain) << "an operator's, with more to it";
  StaticPlan plan;
  plan.remove = {ours("10.10.1.2/32"), ours("10.10.1.3/32")};
  plan.add = {ours("10.10.1.5/32")};
  EXPECT_EQ(static_replacement(*tree, plan),
            R"({"frr-staticd:staticd":{"route-list":[{"prefix":"10.10.1.2/32","src-prefix":"::/0",)"
            R"("afi-safi":"frr-routing:ipv4-unicast","path-list":[{"table-id":0,"nh-type":"ip4","vrf":"default",)"
            R"("gateway":"10.0.0.2","interface":"","bfd-monitoring":{"source":"10.0.0.1"}}]},)"
            R"({"prefix":"10.10.1.5/32","src-prefix":"::/0","afi-safi":"frr-routing:ipv4-unicast",)"
            R"("path-list":[{"table-id":0,"distance":15,"tag":100,"nh-type":"ifindex","vrf":"default","gateway":"",)"
            R"("interface":"br-blue"}]}],"segment-routing":{"srv6":{"local-sids":{}}}}})");
  EXPECT_TRUE(
      static_removals({ours("10.10.1.2/32")}, *tree, StaticSchema::Flat)
          .front()
          .ends_with("/path-list[table-id='0'][nh-type='ifindex'][vrf='default'][gateway=''][interface='br-blue']"));
}

// --- lines ---

TEST(StaticLines, ReadsWhatStaticdShows) {
  const auto all = read_static_lines(
      "Building configuration...\n\nCurrent configuration:\n!\nfrr version 8.4.4\n!\n"
      "ip route 10.10.1.2/32 br-blue tag 100 15\n"
      "ip route 10.99.0.0/24 blackhole\n"
      "ip route 10.98.0.0/24 10.0.0.1 eth0 5\n"
      "ip route 10.97.0.0/24 10.0.0.1 table 7\n"
      "vrf red\n ip route 10.10.1.3/32 br-red tag 100 15\nexit-vrf\n"
      "ipv6 route fd00::/64 from fd01::/64 br-blue\n"
      "ipv6 route fd00:10:1::2/128 br-blue tag 100 15\n!\nend\n");
  ASSERT_EQ(all.size(), 5u);
  const StaticMark mark{15, {100}};
  EXPECT_EQ(all[0], ours("10.10.1.2/32"));
  EXPECT_FALSE(all[1].plain);
  EXPECT_EQ(all[2].interface, "eth0");
  EXPECT_EQ(all[2].distance, 5u);
  EXPECT_FALSE(all[3].plain);
  EXPECT_EQ(all[4], ours("fd00:10:1::2/128"));
  StaticPlan plan;
  plan.remove = {all[0]};
  plan.add = {all[4]};
  EXPECT_EQ(static_commands(plan), (std::vector<std::string>{"no ip route 10.10.1.2/32 br-blue tag 100 15",
                                                             "ipv6 route fd00:10:1::2/128 br-blue tag 100 15"}));
}

TEST(SubnetLines, AddFirstAndLeaveListsOfOthers) {
  const std::string config =
      "ip prefix-list BERTH-100 seq 5 permit 10.10.1.0/24\n"
      "ip prefix-list BERTH-100 seq 10 permit 10.30.1.0/24\n"
      "ip prefix-list BERTH-200 seq 5 permit 10.20.1.0/24 le 32\n"
      "ip prefix-list CONTAINERS4 seq 5 permit 10.10.0.0/16 le 32\n";
  SubnetWishes wishes;
  wishes.tags[*Prefix::parse("10.10.1.0/24")] = 300;
  wishes.tags[*Prefix::parse("fd00:10:1::/64")] = 300;
  EXPECT_EQ(subnet_commands(config, wishes),
            (std::vector<std::string>{"ip prefix-list BERTH-300 permit 10.10.1.0/24",
                                      "ipv6 prefix-list BERTH-300 permit fd00:10:1::/64",
                                      "no ip prefix-list BERTH-100 permit 10.10.1.0/24"}));
  wishes.unwanted.insert(*Prefix::parse("10.30.1.0/24"));
  EXPECT_EQ(subnet_commands(config, wishes).back(), "no ip prefix-list BERTH-100 permit 10.30.1.0/24");
  wishes.unwanted.clear();
  wishes.sweep = true;
  EXPECT_EQ(subnet_commands(config, wishes).back(), "no ip prefix-list BERTH-100 permit 10.30.1.0/24");
  wishes.keep = {*Prefix::parse("10.30.0.0/16")};
  EXPECT_EQ(subnet_commands(config, wishes).back(), "no ip prefix-list BERTH-100 permit 10.10.1.0/24");
}

// --- the RIB ---

constexpr char kRib[] = R"({"10.10.1.2/32":[
  {"protocol":"kernel","selected":true,"installed":true,"distance":0,"nexthops":[{"blackhole":true,"active":true}]},
  {"protocol":"static","distance":15,"tag":100,"nexthops":[{"interfaceName":"br-blue","active":true}]}],
 "10.10.1.3/32":[
  {"protocol":"static","distance":15,"tag":100,"selected":true,"installed":true,"nexthops":[{"interfaceName":"br-blue","active":true}]}],
 "10.10.1.4/32":[
  {"protocol":"static","distance":15,"tag":100,"selected":true,"nexthops":[{"interfaceName":"br-blue","active":true}]}],
 "10.10.1.0/24":[
  {"protocol":"connected","selected":true,"installed":true,"nexthops":[{"interfaceName":"br-blue","active":true}]}],
 "10.99.0.0/24":[
  {"protocol":"bgp","distance":20,"selected":true,"installed":true,"nexthops":[{"ip":"10.0.0.1","interfaceName":"eth1","active":true}]}]})";

TEST(RibAnswers, SaysWhatBecameOfEach) {
  const auto rib = read_rib(kRib);
  ASSERT_TRUE(rib) << rib.error().message;
  const auto state = [&](const char* prefix) {
    const auto at = rib->find(*Prefix::parse(prefix));
    return judge_route(ours(prefix), at == rib->end() ? std::vector<RibEntry>() : at->second);
  };
  EXPECT_EQ(state("10.10.1.2/32").state, RibState::NotBest);
  EXPECT_EQ(state("10.10.1.2/32").reason, "a kernel route is better");
  EXPECT_EQ(state("10.10.1.3/32").state, RibState::Installed);
  EXPECT_EQ(state("10.10.1.4/32").state, RibState::Accepted);
  EXPECT_EQ(state("10.10.1.5/32").state, RibState::Inactive);
  EXPECT_FALSE(state("10.10.1.5/32").reason.empty());
  const Prefix subnet = *Prefix::parse("10.10.1.0/24");
  EXPECT_EQ(judge_connected(subnet, rib->at(subnet)).state, RibState::Installed);
  EXPECT_EQ(judge_connected(subnet, {}).state, RibState::Inactive);
  const StaticMark mark{15, {100}};
  EXPECT_EQ(ours_in(*rib, mark).size(), 3u);
  const Prefix far = *Prefix::parse("10.99.0.0/24");
  const RibFound found = found_in(far, rib->at(far), mark);
  ASSERT_EQ(found.routes.size(), 1u);
  EXPECT_EQ(found.routes[0].type, "bgp");
  EXPECT_FALSE(found.routes[0].ours);
  EXPECT_EQ(found.routes[0].next_hops[0].gateway, IpAddress::parse("10.0.0.1"));
  EXPECT_FALSE(read_rib("% Unknown command"));
}

TEST(RibAnswers, WhatTheZebraBeforeHasLeftHidesOurs) {
  const auto rib = read_rib(R"({"10.10.1.2/32":[
    {"protocol":"static","distance":15,"tag":100,"internalFlags":65,"nexthops":[{"interfaceName":"br-blue","active":true}]},
    {"protocol":"static","distance":1,"selected":true,"internalFlags":10,"nexthops":[{"interfaceName":"br-blue","active":true}]}],
   "10.10.1.3/32":[
    {"protocol":"static","distance":1,"selected":true,"internalFlags":73,"nexthops":[{"interfaceName":"br-blue","active":true}]}],
   "10.10.1.4/32":[
    {"protocol":"static","distance":1,"selected":true,"internalFlags":10,"nexthops":[{"interfaceName":"eth1","active":true}]}]})");
  ASSERT_TRUE(rib) << rib.error().message;
  const auto left = [&](const char* prefix) { return left_before(ours(prefix), rib->at(*Prefix::parse(prefix))); };
  ASSERT_TRUE(left("10.10.1.2/32"));
  EXPECT_EQ(left("10.10.1.2/32")->line(), "ip route 10.10.1.2/32 br-blue");
  EXPECT_FALSE(left("10.10.1.3/32")) << "staticd has said it: it is an operator's";
  EXPECT_FALSE(left("10.10.1.4/32")) << "it leads elsewhere";
}

TEST(RibAnswers, WhatTheModuleKeepsForTheGraceTimeIsOursToo) {
  const auto rib = read_rib(R"({"10.10.1.2/32":[
    {"protocol":"openfabric","distance":15,"tag":100,"selected":true,"installed":true,"nexthops":[{"interfaceName":"br-blue"}]},
    {"protocol":"openfabric","distance":115,"tag":100,"nexthops":[{"interfaceName":"eth1"}]},
    {"protocol":"openfabric","distance":15,"tag":7,"nexthops":[{"interfaceName":"br-blue"}]},
    {"protocol":"openfabric","distance":15,"tag":100,"nexthops":[{"ip":"10.0.0.1","interfaceName":"eth1"}]}]})");
  ASSERT_TRUE(rib) << rib.error().message;
  const auto& [prefix, entries] = *rib->begin();
  const RibFound found = found_in(prefix, entries, {15, {100}});
  ASSERT_EQ(found.routes.size(), 4u);
  EXPECT_TRUE(found.routes[0].ours);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_FALSE(found.routes[i].ours) << i;
  EXPECT_FALSE(has_ours(entries, {15, {100}})) << "it is not for us to take out";
}

}  // namespace
}  // namespace berth
