// SPDX-License-Identifier: GPL-2.0-or-later
//
// What carrying out operations on a host means, whatever the host is: the kernel, or one in memory. A test program names its
// own kind of ground to stand on:
//
//   struct Ground {
//     std::string cant();            // why it can't be here; empty: it can
//     Executor& executor();
//     Observer& observer();
//     Netns other();                 // a second namespace, by its path
//     Netns of_process();            // a third one, by the process that lives in it
//     void foreign_route(const std::string& to, const std::string& link);  // by another hand, in the main table
//     std::string sysctl(const Netns& where, const std::string& key);
//     bool heard();                  // the watch says "look again", of links, addresses, routes or neighbours
//     Watch::Counts counts();
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, HostSuite, Ground);
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "container_watcher/netlink/executor.h"
#include "container_watcher/netlink/observer.h"
#include "container_watcher/netlink/watch.h"

namespace berth {

inline IpAddress address(const std::string& text) {
  return *IpAddress::parse(text);
}
inline Prefix prefix(const std::string& text) {
  return *Prefix::parse(text);
}
inline LinkSettings up_settings() {
  LinkSettings out;
  out.up = true;
  return out;
}

// A link of the simplest kind that every kernel has.
inline PutLink plain(const std::string& name, const LinkSettings& settings) {
  return {name, VethLink{name + "p"}, settings};
}

template <class Ground>
class HostSuite : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = ground.cant(); !why.empty()) GTEST_SKIP() << why;
  }
  // Twice: the second time changes nothing, and nobody is told of anything. (The kernel tells some of what a link does up to
  // a second late: so one of some times must be silent.)
  void put(const Operation& operation, bool told_again = false) {
    const Status first = ground.executor().apply(operation);
    ASSERT_TRUE(first) << first.error().message;
    bool silent = false;
    for (int times = 0; times < 4 && !silent; ++times) {
      ground.heard();
      const Status again = ground.executor().apply(operation);
      ASSERT_TRUE(again) << "again: " << again.error().message;
      silent = !ground.heard() || told_again;
    }
    EXPECT_TRUE(silent) << "each time something is changed";
  }
  void take(const Operation& operation) { put(operation); }
  void refused(const Operation& operation, ErrorKind kind) {
    const Status done = ground.executor().apply(operation);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, kind) << done.error().message;
    EXPECT_FALSE(done.error().message.empty());
  }
  HostState host(const Netns& where = {}) {
    auto out = ground.observer().state({}, where);
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : HostState();
  }
  HostLink link(const std::string& name, const Netns& where = {}) {
    const HostState all = host(where);
    const HostLink* found = all.find(name);
    return found ? *found : HostLink();
  }
  bool has(const std::string& name, const Netns& where = {}) { return link(name, where).index != 0; }
  // Of global scope.
  bool has(const std::string& name, const IpAddress& which, unsigned length, const Netns& where = {}) {
    const HostLink of = link(name, where);
    return std::find(of.addresses.begin(), of.addresses.end(), LinkAddress{which, length}) != of.addresses.end();
  }
  std::vector<HostRoute> ours(const Netns& where = {}) {
    auto out = ground.observer().routes(kMainTable, kRouteProtocol, where);
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : std::vector<HostRoute>();
  }
  std::vector<HostNeighbour> neighbours(const std::string& name) {
    auto out = ground.observer().neighbours(name, {});
    EXPECT_TRUE(out) << out.error().message;
    std::vector<HostNeighbour> put_by_us;
    if (out)
      std::copy_if(out->begin(), out->end(), std::back_inserter(put_by_us),
                   [](const auto& each) { return each.permanent || each.proxy; });
    return put_by_us;
  }
  std::vector<FdbEntry> fdb(const std::string& name, Mac mac) {
    auto out = ground.observer().fdb(name, {});
    EXPECT_TRUE(out) << out.error().message;
    std::vector<FdbEntry> of_mac;
    if (out)
      std::copy_if(out->begin(), out->end(), std::back_inserter(of_mac),
                   [&](const auto& each) { return each.mac == mac && !each.learnt; });
    return of_mac;
  }

  Ground ground;
};
TYPED_TEST_SUITE_P(HostSuite);

TYPED_TEST_P(HostSuite, ALinkIsMadeOnceWithItsSettings) {
  LinkSettings settings = up_settings();
  settings.alias = "berth:blue";
  settings.mtu = 1400;
  settings.mac = 0x020000000007;
  this->put(PutLink{"brt0", BridgeLink{}, settings});
  const HostLink bridge = this->link("brt0");
  EXPECT_EQ(bridge.kind, "bridge");
  EXPECT_EQ(bridge.alias, "berth:blue");
  EXPECT_EQ(bridge.mtu, 1400U);
  EXPECT_EQ(bridge.mac, 0x020000000007U);
  EXPECT_TRUE(bridge.up);

  this->put(plain("dum0", {}));
  EXPECT_FALSE(this->link("dum0").up);
  settings = up_settings();
  settings.master = "brt0";
  this->put(SetLink{"dum0", settings});
  EXPECT_EQ(this->link("dum0").master, bridge.index);
  settings.master = "";
  settings.up = false;
  this->put(SetLink{"dum0", settings});
  EXPECT_EQ(this->link("dum0").master, 0);
  EXPECT_FALSE(this->link("dum0").up);
}

TYPED_TEST_P(HostSuite, AVethHasBothEndsInOneGo) {
  LinkSettings settings = up_settings();
  settings.mtu = 1450;
  this->put(PutLink{"ve0", VethLink{"eth0", this->ground.other(), 0x020000000009}, settings});
  const HostLink here = this->link("ve0"), there = this->link("eth0", this->ground.other());
  EXPECT_EQ(here.kind, "veth");
  EXPECT_EQ(there.mac, 0x020000000009U);
  EXPECT_EQ(there.mtu, 1450U);
  EXPECT_EQ(here.peer, there.index);
  EXPECT_FALSE(this->has("eth0")) << "the other end is there alone";
  const auto links = this->ground.observer().links(this->ground.other());
  ASSERT_TRUE(links);
  const auto same = std::ranges::find_if(*links, [&](const HostLink& each) { return each.index == there.index; });
  ASSERT_NE(same, links->end());
  EXPECT_EQ(same->name + " " + mac_text(same->mac) + " " + std::to_string(same->mtu), "eth0 02:00:00:00:00:09 1450");
  EXPECT_EQ(this->ground.observer().peer_macs({here})[here.index], 0x020000000009U);
  this->refused(PutLink{"ve0", VethLink{"eth0"}, {}}, ErrorKind::Permanent);  // its other end is not here
  // A second one whose other end would have a name that is taken there.
  this->refused(PutLink{"ve1", VethLink{"eth0", this->ground.other()}, {}}, ErrorKind::Permanent);
  EXPECT_FALSE(this->has("ve1"));
  this->take(DeleteLink{"ve0"});
  EXPECT_FALSE(this->has("eth0", this->ground.other()));
}

TYPED_TEST_P(HostSuite, AMacvlanStandsOnItsParent) {
  this->put(plain("dum0", up_settings()));
  this->put(plain("dum1", up_settings()));
  this->put(PutLink{"mv0", MacvlanLink{"dum0", MacvlanMode::Vepa}, up_settings()});
  EXPECT_EQ(this->link("mv0").peer, this->link("dum0").index);
  EXPECT_EQ(this->link("mv0").macvlan_mode, MacvlanMode::Vepa);
  this->put(PutLink{"mv0", MacvlanLink{"dum0", MacvlanMode::Bridge}, {}});
  EXPECT_EQ(this->link("mv0").macvlan_mode, MacvlanMode::Bridge);
  this->refused(PutLink{"mv0", MacvlanLink{"dum1"}, {}}, ErrorKind::Permanent);
  EXPECT_EQ(this->link("mv0").peer, this->link("dum0").index);
  this->refused(PutLink{"mv1", MacvlanLink{"nowhere0"}, {}}, ErrorKind::Stale);
  EXPECT_FALSE(this->has("mv1"));
  this->take(DeleteLink{"dum0"});
  EXPECT_FALSE(this->has("mv0")) << "it goes with its parent";
}

// Whatever name the host itself has a link of.
TYPED_TEST_P(HostSuite, AMacvlanIsMadeInAContainer) {
  this->put(plain("dum0", up_settings()));
  this->put(plain("eth0", {}));
  this->put(PutLink{"eth0", MacvlanLink{"dum0"}, up_settings(), this->ground.other()});
  EXPECT_EQ(this->link("eth0", this->ground.other()).kind, "macvlan");
  EXPECT_EQ(this->link("eth0", this->ground.other()).peer, this->link("dum0").index);
  EXPECT_EQ(this->link("eth0").kind, "veth");
  this->put(PutAddress{"eth0", address("10.7.0.2"), 24, this->ground.other()}, true);
  EXPECT_TRUE(this->has("eth0", address("10.7.0.2"), 24, this->ground.other()));
  EXPECT_FALSE(this->has("eth0", address("10.7.0.2"), 24));
  this->take(DeleteLink{"eth0", "", this->ground.other()});
  EXPECT_TRUE(this->has("eth0"));
}

TYPED_TEST_P(HostSuite, AVxlanHasItsNumberAndItsFarEnds) {
  this->put(PutLink{"vx0", VxlanLink{10100, address("10.9.0.1")}, up_settings()});
  EXPECT_EQ(this->link("vx0").vni, 10100U);
  this->refused(PutLink{"vx0", VxlanLink{10200, address("10.9.0.1")}, {}}, ErrorKind::Permanent);
  EXPECT_EQ(this->link("vx0").local, address("10.9.0.1"));
  EXPECT_EQ(this->link("vx0").learns, false);
  this->put(PutLink{"vx0", VxlanLink{10100, address("10.9.0.7"), 4789, true}, {}});
  EXPECT_EQ(this->link("vx0").local, address("10.9.0.7"));
  EXPECT_EQ(this->link("vx0").learns, true);
  this->refused(PutLink{"vx0", VxlanLink{10100, address("10.9.0.7"), 8472}, {}}, ErrorKind::Permanent);
  const Mac mac = 0x02000000000a;
  this->put(PutFdb{"vx0", mac, address("10.9.0.2")}, true);
  this->put(PutFdb{"vx0", mac, address("10.9.0.3")}, true);
  ASSERT_EQ(this->fdb("vx0", mac).size(), 1U) << "it has moved";
  EXPECT_EQ(this->fdb("vx0", mac)[0].far_end, address("10.9.0.3"));
  for (const char* each : {"10.9.0.2", "10.9.0.3"}) this->put(PutFdb{"vx0", 0, address(each)}, true);
  EXPECT_EQ(this->fdb("vx0", 0).size(), 2U) << "what goes to all goes to each of them";
  this->take(DeleteFdb{"vx0", 0, address("10.9.0.2")});
  EXPECT_EQ(this->fdb("vx0", 0).size(), 1U);
  this->take(DeleteFdb{"vx0", mac, {}});
  EXPECT_TRUE(this->fdb("vx0", mac).empty());
}

TYPED_TEST_P(HostSuite, APortOfABridge) {
  this->put(PutLink{"brt0", BridgeLink{}, up_settings()});
  LinkSettings settings = up_settings();
  settings.master = "brt0";
  settings.port.isolated = true;
  settings.port.learning = false;
  settings.port.hairpin = true;
  this->put(plain("dum0", settings));
  const HostLink port = this->link("dum0");
  EXPECT_EQ(port.port.isolated, true);
  EXPECT_EQ(port.port.learning, false);
  EXPECT_EQ(port.port.hairpin, true);
  const Mac mac = 0x02000000000b;
  this->put(PutFdb{"dum0", mac}, true);
  ASSERT_EQ(this->fdb("dum0", mac).size(), 1U);
  EXPECT_TRUE(this->fdb("dum0", mac)[0].of_bridge);
  ASSERT_EQ(this->fdb("brt0", mac).size(), 1U) << "and in the table of its bridge";
  EXPECT_EQ(this->fdb("brt0", mac)[0].port, port.index);
  LinkSettings beside = up_settings();
  beside.master = "brt0";
  this->put(plain("dum2", beside));
  this->put(PutFdb{"dum2", mac}, true);
  EXPECT_TRUE(this->fdb("dum0", mac).empty()) << "it is behind one port";
  ASSERT_EQ(this->fdb("brt0", mac).size(), 1U);
  EXPECT_EQ(this->fdb("brt0", mac)[0].port, this->link("dum2").index);
  this->take(DeleteFdb{"dum0", mac});
  EXPECT_EQ(this->fdb("brt0", mac).size(), 1U) << "not behind that one";
  this->take(DeleteFdb{"dum2", mac});
  EXPECT_TRUE(this->fdb("brt0", mac).empty());
  this->put(PutLink{"brt0", BridgeLink{false, false}, up_settings()});
  EXPECT_EQ(this->link("brt0").multicast_snooping, false);
  this->put(PutLink{"brt0", BridgeLink{}, up_settings()});
  EXPECT_EQ(this->link("brt0").multicast_snooping, true);
  settings.master = "nowhere0";
  this->refused(plain("dum1", settings), ErrorKind::Stale);
  EXPECT_FALSE(this->has("dum1")) << "nothing is made that would hang on no bridge";
  this->refused(SetLink{"dum0", settings}, ErrorKind::Stale);
}

TYPED_TEST_P(HostSuite, WhatIsAnothersIsLeftAlone) {
  this->put(plain("dum0", up_settings()));
  this->refused(PutLink{"dum0", BridgeLink{}, {}}, ErrorKind::Permanent);
  EXPECT_EQ(this->link("dum0").kind, "veth");
  this->refused(DeleteLink{"dum0", "berth:blue"}, ErrorKind::Permanent);
  EXPECT_TRUE(this->has("dum0"));
  LinkSettings marked;
  marked.alias = "berth:blue";
  this->put(SetLink{"dum0", marked});
  LinkSettings other;
  other.alias = "berth:red";
  this->refused(PutLink{"dum0", VethLink{"dum0p"}, other}, ErrorKind::Permanent);
  this->refused(PutLink{"dum0", VethLink{"dum9p"}, marked}, ErrorKind::Permanent);
  EXPECT_EQ(this->link("dum0").alias, "berth:blue");
  this->put(PutLink{"dum0", VethLink{"dum0p"}, marked});
  this->take(DeleteLink{"dum0", "berth:blue"});
  EXPECT_FALSE(this->has("dum0"));
}

// Whoever made them, and whatever they are called now; and nobody else's.
TYPED_TEST_P(HostSuite, MarkedLinksGoAndNoOthers) {
  const Netns box = this->ground.other();
  LinkSettings blue = up_settings(), red = up_settings(), theirs = up_settings();
  blue.alias = "berth:blue", red.alias = "berth:red", theirs.alias = "uplink of berth:blue";
  const auto begin = [&] {
    for (const auto& [name, settings] : {std::pair("eth0", blue), {"eth1", red}, {"eth2", blue}, {"mine0", theirs}})
      this->put(PutLink{name, VethLink{std::string(name) + "p"}, settings, box});
    this->put(PutLink{"bv0", VethLink{"bare0", box}, blue});  // marked at this end alone
    this->put(PutLink{"dum1", VethLink{"mine1", box}, up_settings()});
  };
  const auto left = [&] {
    std::string out;
    for (const char* each : {"eth0", "eth1", "eth2", "bare0", "mine0", "mine1"})
      if (this->has(each, box)) out += std::string(out.empty() ? "" : " ") + each;
    return out;
  };
  begin();
  this->take(DeleteMarkedLinks{"eth0", "berth:blue", box});
  EXPECT_EQ(left(), "eth0 mine0 mine1");
  EXPECT_FALSE(this->has("bv0"));
  begin();
  this->take(DeleteMarkedLinks{"eth1", "berth:blue", box});
  EXPECT_EQ(left(), "mine0 mine1") << "none of that name bears that mark";
  begin();
  this->take(DeleteMarkedLinks{"", "", box});
  EXPECT_EQ(left(), "mine0 mine1");
  this->put(PutLink{"bv0", VethLink{"bare0", box}, blue});
  this->refused(DeleteMarkedLinks{}, ErrorKind::Permanent);
  EXPECT_TRUE(this->has("bv0")) << "this host's own links are no container's";
}

// An application may mark any number: whoever waits behind it does not wait for all of them.
TYPED_TEST_P(HostSuite, MarkedLinksGoSomeAtATime) {
  const Netns box = this->ground.other();
  LinkSettings marked;
  marked.alias = "berth:blue";
  for (int i = 0; i < kMostMarkedLinks + 1; ++i) this->put(PutLink{"m" + std::to_string(i), BridgeLink{}, marked, box});
  const auto left = [&] {
    int out = 0;
    for (int i = 0; i < kMostMarkedLinks + 1; ++i) out += this->has("m" + std::to_string(i), box) ? 1 : 0;
    return out;
  };
  this->refused(DeleteMarkedLinks{"", "", box}, ErrorKind::Transient);
  EXPECT_EQ(left(), 1);
  ASSERT_TRUE(this->ground.executor().apply(DeleteMarkedLinks{"", "", box}));
  EXPECT_EQ(left(), 0);
}

TYPED_TEST_P(HostSuite, AnAddressIsThereOnceAndGoes) {
  this->put(plain("dum0", up_settings()));
  for (const auto& [text, length] :
       {std::pair("10.8.0.1", 24U), std::pair("fd00:8::1", 64U), std::pair("10.8.1.1", 32U)}) {
    this->put(PutAddress{"dum0", address(text), length}, true);
    EXPECT_TRUE(this->has("dum0", address(text), length)) << text;
    EXPECT_TRUE(this->host().addresses.contains(address(text)));
    this->put(RepeatAddresses{"dum0"}, true);
    EXPECT_TRUE(this->has("dum0", address(text), length)) << text;
    this->take(DeleteAddress{"dum0", address(text), length});
    EXPECT_FALSE(this->has("dum0", address(text), length)) << text;
  }
}

TYPED_TEST_P(HostSuite, AnAddressOfAnotherLengthBecomesWhatIsWanted) {
  this->put(plain("dum0", up_settings()));
  this->put(PutAddress{"dum0", address("fd00:8::1"), 128}, true);
  this->put(PutAddress{"dum0", address("fd00:8::1"), 64}, true);
  EXPECT_TRUE(this->has("dum0", address("fd00:8::1"), 64));
  EXPECT_FALSE(this->has("dum0", address("fd00:8::1"), 128));
  for (const unsigned length : {16U, 20U}) this->put(PutAddress{"dum0", address("10.8.0.1"), length}, true);
  EXPECT_TRUE(this->has("dum0", address("10.8.0.1"), 16)) << "somebody else may want it so";
  this->put(PutAddress{"dum0", address("10.8.0.2"), 16}, true);
  this->put(PutAddress{"dum0", address("10.8.0.1"), 24, {}, true}, true);
  EXPECT_TRUE(this->has("dum0", address("10.8.0.1"), 24));
  for (const unsigned length : {16U, 20U}) EXPECT_FALSE(this->has("dum0", address("10.8.0.1"), length));
}

TYPED_TEST_P(HostSuite, ARouteIsOursOrLeftAlone) {
  this->put(plain("dum0", up_settings()));
  this->put(PutAddress{"dum0", address("10.8.0.1"), 24}, true);
  this->put(PutRoute{prefix("10.50.0.0/24"), "dum0", address("10.8.0.2")});
  this->put(PutRoute{prefix("10.50.1.1/32"), "dum0"});
  this->put(PutRoute{prefix("fd00:50::/64"), "dum0", address("fe80::1"), true});
  this->put(PutRoute{prefix("0.0.0.0/0"), "dum0", address("169.254.1.1"), true});
  EXPECT_EQ(this->ours().size(), 4U);
  this->put(PutRoute{prefix("10.50.0.0/24"), "dum0", address("10.8.0.3")});
  const auto all = this->ours();
  EXPECT_EQ(all.size(), 4U);
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const HostRoute& each) {
    return each.to == prefix("10.50.0.0/24") && each.via == address("10.8.0.3");
  })) << "it has another router now";
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const HostRoute& each) {
    return each.to == prefix("0.0.0.0/0") && each.onlink && each.via == address("169.254.1.1");
  }));

  this->ground.foreign_route("10.60.0.0/24", "dum0");
  this->refused(PutRoute{prefix("10.60.0.0/24"), "dum0", address("10.8.0.2")}, ErrorKind::Permanent);
  this->take(DeleteRoute{prefix("10.60.0.0/24")});
  auto any = this->ground.observer().routes(kMainTable, 0, {});
  ASSERT_TRUE(any);
  EXPECT_TRUE(std::any_of(any->begin(), any->end(), [](const HostRoute& each) {
    return each.to == prefix("10.60.0.0/24") && each.protocol != kRouteProtocol && !each.via;
  })) << "as it was";

  this->refused(PutRoute{prefix("10.70.0.0/24"), "dum0", address("10.99.0.1")}, ErrorKind::Stale);  // no such neighbour
  for (const char* each : {"10.50.0.0/24", "10.50.1.1/32", "fd00:50::/64", "0.0.0.0/0"})
    this->take(DeleteRoute{prefix(each)});
  EXPECT_TRUE(this->ours().empty());
}

TYPED_TEST_P(HostSuite, NeighboursAndProxies) {
  this->put(plain("dum0", up_settings()));
  const Mac mac = 0x02000000000c;
  this->put(PutNeighbour{"dum0", address("10.8.0.9"), mac}, true);
  ASSERT_EQ(this->neighbours("dum0").size(), 1U);
  EXPECT_EQ(this->neighbours("dum0")[0].mac, mac);
  EXPECT_TRUE(this->neighbours("dum0")[0].permanent);
  this->put(PutNeighbour{"dum0", address("fd00:8::9"), 0, true}, true);
  this->put(PutNeighbour{"dum0", address("10.8.0.9"), 0, true}, true);
  EXPECT_EQ(this->neighbours("dum0").size(), 3U) << "a proxy's entry is one of its own";
  this->take(DeleteNeighbour{"dum0", address("10.8.0.9")});
  EXPECT_EQ(this->neighbours("dum0").size(), 2U);
  for (const char* each : {"fd00:8::9", "10.8.0.9"}) this->take(DeleteNeighbour{"dum0", address(each), true});
  EXPECT_TRUE(this->neighbours("dum0").empty());
}

TYPED_TEST_P(HostSuite, ASysctlOfALinkWithADotInItsName) {
  this->put(plain("dum0.7", {}));
  const std::string key = link_sysctl(true, "dum0.7", "rp_filter");
  EXPECT_EQ(key, "net.ipv4.conf.dum0/7.rp_filter");
  this->put(SetSysctl{key, "2"});
  EXPECT_EQ(this->ground.sysctl({}, key), "2");
  EXPECT_EQ(this->link("dum0.7").v4.rp_filter, 2);
  this->put(SetSysctl{"net.ipv4.ip_forward", "1"});
  EXPECT_EQ(this->host().all_v4.forwarding, 1);
  EXPECT_EQ(this->link("dum0.7").v4.forwarding, 1) << "that of the whole host is given to each link";
  this->put(SetSysctl{"net.ipv6.conf.all.forwarding", "1"});
  EXPECT_EQ(this->host().all_v6.forwarding, 1);
  EXPECT_EQ(this->link("dum0.7").v6.forwarding, 1);
  this->put(plain("dum1", {}));
  EXPECT_EQ(this->link("dum1").v4.forwarding, 1) << "and to one that comes later";
  this->put(SetSysctl{"net.ipv4.ip_forward", "1", this->ground.other()});
  this->put(SetSysctl{"net.ipv4.ip_forward", "0"});
  EXPECT_EQ(this->ground.sysctl(this->ground.other(), "net.ipv4.ip_forward"), "1");
  this->put(SetSysctl{link_sysctl(false, "dum0.7", "disable_ipv6"), "1"});
  const Status refused = this->ground.executor().apply(PutAddress{"dum0.7", address("fd00:8::1"), 64});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Permanent);
  EXPECT_EQ(refused.error().message, "net.ipv6.conf.dum0/7.disable_ipv6 is 1");
}

TYPED_TEST_P(HostSuite, ANamespaceIsThatOfItsProcess) {
  const Netns where = this->ground.of_process();
  this->put(PutLink{"ve0", VethLink{"eth0", where}, up_settings()});
  LinkSettings renamed = up_settings();
  renamed.mac = 0x02000000000d;
  this->put(SetLink{"eth0", renamed, where});
  this->put(PutAddress{"eth0", address("10.7.0.2"), 32, where}, true);
  this->put(PutRoute{prefix("0.0.0.0/0"), "eth0", address("169.254.1.1"), true, kMainTable, 0, where});
  EXPECT_EQ(this->link("eth0", where).mac, 0x02000000000dU);
  EXPECT_TRUE(this->has("eth0", address("10.7.0.2"), 32, where));
  EXPECT_EQ(this->ours(where).size(), 1U);
  EXPECT_TRUE(this->ours().empty());
}

// What is sent by a link before is lost.
TYPED_TEST_P(HostSuite, WhoWaitsForALinkCanSendByItAndByItsBridge) {
  for (int times = 0; times < 10; ++times) {
    LinkSettings port = up_settings();
    port.master = "br0";
    for (const Operation& each :
         std::vector<Operation>{PutLink{"br0", BridgeLink{}, up_settings()}, PutLink{"ve0", VethLink{"ve1"}, port},
                                SetLink{"ve1", up_settings()}, AwaitOperUp{"ve0"}, AwaitOperUp{"ve1"}})
      ASSERT_TRUE(this->ground.executor().apply(each));
    const HostState seen = this->host();
    for (const char* name : {"br0", "ve0", "ve1"}) {
      EXPECT_TRUE(seen.find(name)->oper_up) << name;
      EXPECT_TRUE(seen.find(name)->forwards) << name;
    }
    this->take(DeleteLink{"ve0"});
    if (times % 2 == 0) this->take(DeleteLink{"br0"});
  }
}

TYPED_TEST_P(HostSuite, WhereTheGroundIsGoneItSaysSoAndWhatIsTakenIsGone) {
  const Netns nowhere{"/run/netns/nowhere", {}};
  for (const Operation& each : std::vector<Operation>{
           PutAddress{"nowhere0", address("10.8.0.1"), 24}, RepeatAddresses{"nowhere0"},
           AnnounceAddress{"nowhere0", address("10.8.0.1")}, AwaitOperUp{"nowhere0"},
           DeleteMarkedLinks{"", "", nowhere}, SetLink{"nowhere0", up_settings()},
           PutRoute{prefix("10.50.0.0/24"), "nowhere0"}, PutNeighbour{"nowhere0", address("10.8.0.9"), 7},
           PutFdb{"nowhere0", 7}, SetSysctl{"net.ipv4.conf.nowhere0.rp_filter", "1"},
           PutLink{"ve0", VethLink{"eth0", nowhere}, {}}, PutLink{"dum0", BridgeLink{}, {}, nowhere},
           SetSysctl{"net.ipv4.ip_forward", "1", nowhere}})
    this->refused(each, ErrorKind::Stale);
  EXPECT_FALSE(this->has("ve0"));
  for (const Operation& each :
       std::vector<Operation>{DeleteAddress{"nowhere0", address("10.8.0.1"), 24}, DeleteLink{"nowhere0"},
                              DeleteRoute{prefix("10.50.0.0/24")}, DeleteRoute{prefix("fd00:50::/64"), 177},
                              DeleteNeighbour{"nowhere0", address("10.8.0.9")},
                              DeleteNeighbour{"nowhere0", address("10.8.0.9"), true}, DeleteFdb{"nowhere0", 7}})
    this->take(each);
  this->put(plain("dum0", {}));
  this->refused(AnnounceAddress{"dum0", address("10.8.0.1")}, ErrorKind::Stale);  // it is down
  for (const Operation& each : std::vector<Operation>{DeleteAddress{"dum0", address("10.8.0.1"), 24},
                                                      DeleteNeighbour{"dum0", address("10.8.0.9")},
                                                      DeleteNeighbour{"dum0", address("fd00:8::9")}})
    this->take(each);
}

TYPED_TEST_P(HostSuite, WhichAddressesAreElsewhereAndForWhichItAnswers) {
  this->put(plain("dum0", up_settings()));
  for (const char* each : {"10.8.0.9/32", "10.8.1.0/24", "10.9.0.9/32", "fd00:8::9/128"})
    this->put(PutRoute{prefix(each), "dum0"});
  this->put(PutNeighbour{"dum0", address("10.8.0.9"), 0, true}, true);
  this->put(PutNeighbour{"dum0", address("10.8.0.7"), 0x02000000000c}, true);
  const int index = this->host().find("dum0")->index;
  const auto proxies = [&](const std::vector<Prefix>& within, const std::set<int>& links) {
    auto out = this->ground.observer().proxies(within, links);
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : HostProxies();
  };
  const HostProxies all = proxies({prefix("10.8.0.0/16"), prefix("fd00:8::/64")}, {index});
  const std::map<IpAddress, std::set<int>> routes{{address("10.8.0.9"), {index}}, {address("fd00:8::9"), {index}}};
  EXPECT_EQ(all.routes, routes);
  ASSERT_TRUE(all.links.contains(index));
  EXPECT_EQ(all.links.at(index).ours, std::set{address("10.8.0.9")});
  EXPECT_EQ(all.links.at(index).ndp, 0);
  EXPECT_GT(all.links.at(index).delay_v4, 0);
  this->put(SetSysctl{proxy_delay(false, "dum0"), "0"});
  this->put(SetSysctl{link_sysctl(false, "dum0", "proxy_ndp"), "1"});
  const HostProxies then = proxies({}, {index});
  EXPECT_TRUE(then.routes.empty());
  EXPECT_EQ(then.links.at(index).delay_v6, 0);
  EXPECT_EQ(then.links.at(index).ndp, 1);
}

TYPED_TEST_P(HostSuite, TheWatchSaysLookAgainAlsoForWhatItLost) {
  EXPECT_FALSE(this->ground.heard()) << "while nothing happens it is silent";
  ASSERT_TRUE(this->ground.executor().apply(plain("dum0", up_settings())));
  EXPECT_TRUE(this->ground.heard());
  EXPECT_FALSE(this->ground.heard());
  EXPECT_EQ(this->ground.counts().overruns, 0U);
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(this->ground.executor().apply(PutAddress{"dum0", address("10.8." + std::to_string(i) + ".1"), 24}));
  EXPECT_TRUE(this->ground.heard()) << "all the more";
  EXPECT_GT(this->ground.counts().overruns, 0U);
  EXPECT_EQ(this->host().addresses.size() - this->host().addresses.count(address("127.0.0.1")) >= 200, true)
      << "and who looks sees all of it";
  ASSERT_TRUE(this->ground.executor().apply(DeleteLink{"dum0"}));
  EXPECT_TRUE(this->ground.heard()) << "it goes on listening";
}

REGISTER_TYPED_TEST_SUITE_P(HostSuite, ALinkIsMadeOnceWithItsSettings, AVethHasBothEndsInOneGo,
                            AMacvlanStandsOnItsParent, AMacvlanIsMadeInAContainer, AVxlanHasItsNumberAndItsFarEnds,
                            APortOfABridge, WhatIsAnothersIsLeftAlone, MarkedLinksGoAndNoOthers,
                            MarkedLinksGoSomeAtATime, AnAddressIsThereOnceAndGoes,
                            AnAddressOfAnotherLengthBecomesWhatIsWanted, ARouteIsOursOrLeftAlone, NeighboursAndProxies,
                            ASysctlOfALinkWithADotInItsName, ANamespaceIsThatOfItsProcess,
                            WhereTheGroundIsGoneItSaysSoAndWhatIsTakenIsGone, WhoWaitsForALinkCanSendByItAndByItsBridge,
                            WhichAddressesAreElsewhereAndForWhichItAnswers, TheWatchSaysLookAgainAlsoForWhatItLost);

}  // namespace berth
