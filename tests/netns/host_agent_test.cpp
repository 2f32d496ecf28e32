// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the agent sets right by itself, what it does when it can't look, and containers that their runtime says nothing of.
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <sys/resource.h>

#include <algorithm>

#include "container_watcher/attach/network_site.h"
#include "tests/netns/fabric_fixture.h"

namespace berth {
namespace {

const std::string kShown = "ip -o addr show dev br-blue scope global | sort";

NetworkSite ours(NetworkSite site) {
  for (SiteAddress& each : site.addresses) each.ours = true;
  return site;
}

class HostAgentTest : public Fabric {
 protected:
  const EndpointKey c1{{"docker", "c1-id"}, "c1-on-blue"};
  bool told_of(const std::string& text) { return told().find(text) != std::string::npos; }
};

// Docker that stops without live-restore takes its containers down and says nothing more.
TEST_F(HostAgentTest, AContainerThatItsRuntimeIsSilentAboutIsHeldBackAndToldWhenItLasts) {
  begin();
  start({"c1", {{"blue", "2"}}});
  start({"c2", {{"blue", "3"}}});
  ASSERT_TRUE(settled());
  agent.runtime_here(false);
  ASSERT_TRUE(run("ip netns del c1"));
  ASSERT_TRUE(until([&] { return !advertised("blue", "c1", "10.10.1.2"); }));
  EXPECT_FALSE(last.lasting.contains(c1)) << "an ordinary stop looks the same";
  EXPECT_TRUE(advertised("blue", "c2", "10.10.1.3"));
  ASSERT_TRUE(until([&] { return last.lasting.contains(c1); }));
  EXPECT_EQ(last.lasting.size(), 1U);
  EXPECT_TRUE(told_of("c1's port v1c1 on br-blue is gone")) << told();
  agent.runtime_here(true);  // it lists what it has: c1 is not there
  agent.containers("docker", {});
  ASSERT_TRUE(until([&] { return last.endpoints.empty(); }));
}

TEST_F(HostAgentTest, AnOrdinaryStopIsNeverToldAsLasting) {
  begin();
  bool lasted = false;
  on_report = [&] { lasted = lasted || !last.lasting.empty(); };
  for (int i = 0; i < 5; ++i) {
    ContainerFact fact = start({"c1", {{"blue", "2"}}});
    ASSERT_TRUE(settled());
    ASSERT_TRUE(run("ip netns del c1"));
    ASSERT_TRUE(until([&] { return !last.endpoints.empty(); })) << "held back before the runtime tells of it";
    fact.endpoints.clear();
    agent.container_changed(fact);
    ASSERT_TRUE(until([&] { return last.endpoints.empty(); }));
  }
  EXPECT_FALSE(lasted);
}

// The same addresses, the same MAC, another endpoint and another link.
TEST_F(HostAgentTest, AContainerThatStartsAnewIsJudgedByItsNewPort) {
  begin();
  start({"c1", {{"blue", "2"}}});
  ASSERT_TRUE(settled());
  for (const bool same_endpoint : {true, false}) {
    ASSERT_TRUE(run("ip netns del c1"));
    ASSERT_TRUE(until([&] { return !advertised("blue", "c1", "10.10.1.2"); }));
    ContainerFact fact = start({"c1", {{"blue", "2"}}});
    if (!same_endpoint) fact.endpoints[0].id = "another";
    agent.container_changed(fact);
    ASSERT_TRUE(until([&] { return last.endpoints.empty(); })) << told();
    EXPECT_TRUE(reaches("far", "c1", "10.10.1.2"));
  }
}

// For the shows: what ip link says in the container, and where that is.
TEST_F(HostAgentTest, TheContainersEndOfItsLinkIsKnown) {
  begin();
  start({"c1", {{"blue", "2"}, {"red", "2"}}});
  for (const std::string eth : {"eth0", "eth1"}) {
    const EndpointKey key{{"docker", "c1-id"}, eth == "eth0" ? "c1-on-blue" : "c1-on-red"};
    HostPort port;  // the container's end is looked for after its port is known
    ASSERT_TRUE(until([&] { return !(port = agent.ports()[key]).inner.name.empty(); })) << eth;
    EXPECT_EQ(port.name, (eth == "eth0" ? "v1c1" : "v2c1"));
    EXPECT_EQ(port.inner.name, eth);
    EXPECT_EQ(port.inner.netns, "/run/netns/c1");
    EXPECT_EQ(port.inner.mtu, 1500U);
    EXPECT_TRUE(run("ip -n c1 -o link show " + eth + " | grep -q '^" + std::to_string(port.inner.index) + ": " + eth +
                    "@if" + std::to_string(port.index) + ":'"))
        << port.inner.index;
  }
}

// A stand-in for a runtime, or a driver whose ports can't be read: no judgement, and nothing runs.
TEST_F(HostAgentTest, EndpointsThatWereNeverSeenOnAPortAreNotJudgedAndCostNothing) {
  begin();
  std::vector<ContainerFact> facts;
  for (int i = 0; i < 10000; ++i) {
    ContainerFact fact;
    fact.key = {"docker", "id" + std::to_string(i)};
    char mac[18];
    snprintf(mac, sizeof mac, "02:42:0a:0b:%02x:%02x", i / 256, i % 256);
    fact.endpoints.push_back({"e" + std::to_string(i), "blue", "blue-id", mac, {*IpAddress::parse("10.10.1.2")}});
    facts.push_back(std::move(fact));
  }
  agent.containers("docker", facts);
  ASSERT_TRUE(settled());
  const auto looks = agent.counters().looks;
  const auto begin = Clock::now();
  for (int times = 0; times < 10; ++times)
    for (const ContainerFact& each : facts) {
      agent.container_changed(each);
      io.poll();
    }
  const auto took = Clock::now() - begin;
  EXPECT_LE(agent.counters().looks - looks, 1 + 2 * (took / 500ms)) << "100,000 changes ask for few looks";
  EXPECT_LT(took, 10s);
  ASSERT_TRUE(settled());
  EXPECT_TRUE(last.endpoints.empty());
}

TEST_F(HostAgentTest, StrictReversePathFilterHoldsBackTheAddressWhoseAnswersLeaveByAnotherNetwork) {
  begin();
  start({"c1", {{"blue", "2"}, {"red", "2"}}});
  start({"c2", {{"blue", "3"}}});
  ASSERT_TRUE(settled());
  EXPECT_TRUE(last.endpoints.empty()) << told();
  EXPECT_TRUE(reaches("far", "c1", "10.10.2.2"));
  for (const std::string knob : {"net.ipv4.conf.all.rp_filter", "net.ipv4.conf.br-blue.rp_filter"}) {
    ASSERT_TRUE(run("sysctl -qw " + knob + "=1"));
    ASSERT_TRUE(until([&] { return !advertised("red", "c1", "10.10.2.2"); })) << knob;
    EXPECT_FALSE(reaches("far", "c1", "10.10.2.2"));
    EXPECT_TRUE(until([&] { return reaches("far", "c1", "10.10.1.2"); }));
    EXPECT_TRUE(until([&] { return reaches("far", "c1", "fd00:1::2"); }));
    EXPECT_TRUE(until([&] { return reaches("far", "c1", "fd00:2::2"); }));
    EXPECT_TRUE(advertised("blue", "c1", "10.10.1.2") && advertised("blue", "c1", "fd00:1::2") &&
                advertised("red", "c1", "fd00:2::2"));
    EXPECT_EQ(last.endpoints.size(), 1U) << told();
    const std::string remedy = last.endpoints.begin()->second.remedy;
    ASSERT_TRUE(run(remedy)) << remedy;
    ASSERT_TRUE(until([&] { return last.endpoints.empty(); })) << remedy << told();
    EXPECT_TRUE(reaches("far", "c1", "10.10.2.2")) << remedy;
    ASSERT_TRUE(run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.br-blue.rp_filter=0"));
    ASSERT_TRUE(settled());
  }
}

TEST_F(HostAgentTest, AReturnPathThatCantBeAskedForIsToldAndHoldsNothingBack) {
  begin();
  ContainerFact fact = start({"c1", {{"blue", "2"}, {"red", "2"}}});
  ASSERT_TRUE(settled());
  const int kept = open("/run/netns/c1", O_RDONLY | O_CLOEXEC);
  ASSERT_TRUE(run("ip netns del c1 && sysctl -qw net.ipv4.conf.all.rp_filter=1"));
  for (EndpointFact& each : fact.endpoints) each.id = each.id.str() + "-anew";
  agent.container_changed(fact);
  ASSERT_TRUE(until([&] { return last.endpoints.size() == 2; })) << told();
  EXPECT_TRUE(told_of("may answer for 10.10.2.2 by another than br-red")) << told();
  EXPECT_TRUE(std::ranges::none_of(last.endpoints, [](const auto& each) { return each.second.blocks; })) << told();
  close(kept);
}

// What it opens itself has the source of the network that has its default route. What it answers has its own.
TEST_F(HostAgentTest, ADefaultRouteByANetworkWithNatIsToldAndHoldsNothingBack) {
  begin();
  std::map<std::string, NetworkConfig> only_blue = networks();
  only_blue.erase("red");
  agent.configured(only_blue, {});
  agent.unwant("red");
  ContainerFact fact = start({"c1", {{"red", "2"}, {"blue", "2"}}});
  start({"c2", {{"blue", "3"}, {"red", "3"}}});
  ASSERT_TRUE(settled());
  EXPECT_TRUE(last.endpoints.empty()) << "no NAT: " << told();
  const EndpointKey on_blue{{"docker", "c1-id"}, "c1-on-blue"};
  for (const std::string family : {"ip", "ip6"}) {
    ASSERT_TRUE(run("nft 'add table " + family + " nat; add chain " + family +
                    " nat POSTROUTING { type nat hook postrouting priority 100; }; add rule " + family +
                    " nat POSTROUTING " + family + " saddr " + (family == "ip" ? "10.10.2.0/24" : "fd00:2::/64") +
                    " oifname != br-red masquerade'"));
    ASSERT_TRUE(until([&] {
      const auto found = last.endpoints.find(on_blue);
      return found != last.endpoints.end() && found->second.family == (family == "ip" ? Family::V4 : Family::Both);
    })) << told();
  }
  EXPECT_EQ(last.endpoints.size(), 1U) << "c2 has its default route by blue: " << told();
  const Problem problem = last.endpoints.at(on_blue);
  EXPECT_EQ(problem.code, "default-route-nat");
  EXPECT_TRUE(problem.text.starts_with("c1 opens connections by red (br-red)")) << problem.text;
  EXPECT_TRUE(problem.remedy.starts_with("docker network disconnect red c1 (")) << problem.remedy;
  EXPECT_TRUE(advertised("blue", "c1", "10.10.1.2") && advertised("blue", "c1", "fd00:1::2"));
  for (const char* address : {"10.10.1.2", "fd00:1::2"})  // the kernel's own link-local addresses come a second later
    EXPECT_TRUE(until([&] { return reaches("far", "c1", address); })) << address << ", by a way with NAT";
  // As Docker does at that: the link goes, the default route is by the other one.
  ASSERT_TRUE(
      run("ip link del v2c1; ip -n c1 route add default via 10.10.1.1; ip -n c1 route add default via fd00:1::1"));
  fact.endpoints.erase(fact.endpoints.begin());
  agent.container_changed(fact);
  ASSERT_TRUE(until([&] { return last.endpoints.empty(); })) << told();
}

// It would hide what holds back.
TEST_F(HostAgentTest, WhatIsOnlyToldOfAnEndpointGivesWayToWhatHoldsItBack) {
  begin();
  agent.unwant("red");
  start({"c1", {{"red", "2"}, {"blue", "2"}}});
  start({"c2", {{"blue", "3"}}});
  ASSERT_TRUE(
      run("nft 'add table ip nat; add chain ip nat POSTROUTING { type nat hook postrouting priority 100; }; "
          "add rule ip nat POSTROUTING ip saddr 10.10.2.0/24 oifname != br-red masquerade'"));
  ASSERT_TRUE(until([&] { return told_of("default-route-nat"); })) << told();
  ASSERT_TRUE(
      run("nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; }; "
          "add rule ip filter FORWARD ip daddr 10.10.1.2 drop'"));
  ASSERT_TRUE(until([&] { return !advertised("blue", "c1", "10.10.1.2"); })) << told();
  EXPECT_TRUE(advertised("blue", "c2", "10.10.1.3"));
}

TEST_F(HostAgentTest, OneUplinkOfTwoThatDoesNotForwardIsToldAndHoldsNothingBack) {
  outside("far2", "up1", "98");
  begin();
  start({"c1", {{"blue", "2"}}});
  ASSERT_TRUE(run("sysctl -qw net.ipv4.conf.up0.forwarding=0"));
  ASSERT_TRUE(until([&] { return told_of("by up0 "); }));
  EXPECT_TRUE(good("blue")) << told();
  EXPECT_TRUE(reaches("far2", "c1", "10.10.1.2"));
  ASSERT_TRUE(run("sysctl -qw net.ipv4.conf.up1.forwarding=0"));
  ASSERT_TRUE(until([&] { return !advertised("blue", "c1", "10.10.1.2"); }));
  EXPECT_TRUE(advertised("blue", "c1", "fd00:1::2"));
  ASSERT_TRUE(run(last.health["blue"].problems.at(0).remedy)) << told();
  ASSERT_TRUE(until([&] { return good("blue") && !told_of("up0"); })) << told();
}

TEST_F(HostAgentTest, ForwardingOfTheHostIsPutOnAgainAndIfNeedBeTold) {
  begin();
  start({"c1", {{"blue", "2"}}});
  for (const std::string path : {"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"}) {
    const bool v4 = path.find("ipv4") != std::string::npos;
    ASSERT_TRUE(run("echo 0 >" + path));
    ASSERT_TRUE(until([&] { return word_of(path.c_str()) == "1"; })) << path;
    int undone = 1;
    ASSERT_TRUE(until([&] {
      if (word_of(path.c_str()) == "1" && run("echo 0 >" + path)) ++undone;
      return !advertised("blue", "c1", v4 ? "10.10.1.2" : "fd00:1::2");
    })) << path;
    EXPECT_GT(undone, 2);
    EXPECT_LT(undone, 20) << "two who undo each other must not spin";
    EXPECT_TRUE(advertised("blue", "c1", v4 ? "fd00:1::2" : "10.10.1.2")) << told();
    EXPECT_TRUE(told_of("again and again")) << told();
    ASSERT_TRUE(run("echo 1 >" + path));
    ASSERT_TRUE(until([&] { return good("blue"); })) << told();
  }
}

TEST_F(HostAgentTest, AGatewayOfOursIsPutBackAsItWas) {
  begin();
  agent.want(ours(kBlueSite), {});
  start({"c1", {{"blue", "2"}}});
  ASSERT_TRUE(settled());
  const std::string before = output_of(kShown);
  for (const std::string fault :
       {"ip addr del 10.10.1.1/24 dev br-blue", "ip -6 addr del fd00:1::1/64 dev br-blue",
        "ip addr flush dev br-blue scope global", "ip link set br-blue down; ip link set br-blue up",
        "ip addr del 10.10.1.1/24 dev br-blue; ip addr add 10.10.1.1/32 dev br-blue",
        "ip addr del 10.10.1.1/24 dev br-blue; ip addr add 10.10.1.9/24 dev br-blue"}) {
    ASSERT_TRUE(run(fault));
    ASSERT_TRUE(until([&] { return !good("blue"); })) << fault;
    ASSERT_TRUE(until([&] { return good("blue"); })) << fault << told();
    EXPECT_TRUE(reaches("far", "c1", "10.10.1.2", 3000)) << fault;
    EXPECT_TRUE(reaches("far", "c1", "fd00:1::2", 3000)) << fault;
    ASSERT_TRUE(
        run("ip addr del 10.10.1.1/32 dev br-blue 2>/dev/null || true; ip addr del 10.10.1.9/24 dev br-blue "
            "2>/dev/null || true"));
    // What was put back is seen as there: else the next fault is one that lasts, and is mended before it is told.
    ASSERT_TRUE(settled()) << fault;
    ASSERT_TRUE(until([&] { return good("blue"); })) << fault << told();
  }
  EXPECT_TRUE(until([&] { return output_of(kShown) == before; }))
      << output_of(kShown) << "with its broadcast address and without duplicate address detection";
}

TEST_F(HostAgentTest, AGatewayThatDockerChoseAndDoesNotSayIsPutBackToo) {
  NetworkSite site = ours(kBlueSite);
  for (SiteAddress& each : site.addresses) each.gateway.reset();
  begin();
  agent.want(site, {});
  ASSERT_TRUE(settled());
  const std::string before = output_of(kShown);
  ASSERT_TRUE(run("ip addr flush dev br-blue scope global"));
  ASSERT_TRUE(until([&] { return !good("blue"); }));
  ASSERT_TRUE(until([&] { return good("blue"); })) << told();
  EXPECT_EQ(output_of(kShown), before);
}

TEST_F(HostAgentTest, AGatewayThatIsTakenAgainAndAgainIsToldAndOneOfOthersIsLeftAlone) {
  begin();
  agent.want(ours(kBlueSite), {});
  ASSERT_TRUE(settled());
  int taken = 0;
  ASSERT_TRUE(until(
      [&] {
        if (output_of("ip -o addr show dev br-blue to 10.10.1.1").empty()) return told_of("again and again");
        if (run("ip addr del 10.10.1.1/24 dev br-blue")) ++taken;
        return false;
      },
      30s))
      << told();
  EXPECT_GE(taken, 2);
  EXPECT_LE(taken, 10);
  EXPECT_FALSE(last.health["blue"].advertisable(*Prefix::parse("10.10.1.0/24")));
  EXPECT_TRUE(last.health["blue"].advertisable(*Prefix::parse("fd00:1::/64")));

  ASSERT_TRUE(run("ip addr del 10.10.2.1/24 dev br-red"));  // of a network that is taken as it is
  ASSERT_TRUE(until([&] { return told_of("br-red does not have its gateway's address 10.10.2.1/24"); })) << told();
  ASSERT_TRUE(settled());
  EXPECT_EQ(output_of("ip -o -4 addr show dev br-red"), "");
  EXPECT_FALSE(last.health["red"].advertisable(*Prefix::parse("10.10.2.0/24")));
}

// UBSan asks by a pipe whether an object is in memory, and takes none for "it is not": these run without it.
#ifdef __SANITIZE_ADDRESS__
#define WITHOUT_DESCRIPTORS(name) DISABLED_##name
#else
#define WITHOUT_DESCRIPTORS(name) name
#endif

TEST_F(HostAgentTest, WITHOUT_DESCRIPTORS(LooksAgainWithinASecondWhenLinksCantBeReadAndKeepsWhatItSaw)) {
  begin();
  ASSERT_TRUE(settled());
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{3, before.rlim_max};  // no new socket, for anybody in this process
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  bool withdrawn = false;
  on_report = [&] { withdrawn = withdrawn || !good("blue") || !good("red"); };
  const auto looks = agent.counters().looks;
  agent.want(kBlueSite, {});
  ASSERT_TRUE(until([&] { return told_of("links-unknown"); }, 20s)) << "told after some failures: " << told();
  EXPECT_FALSE(withdrawn) << told();
  EXPECT_GE(agent.counters().looks - looks, 4U);
  EXPECT_LE(agent.counters().looks - looks, 20U);
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(until([&] { return !told_of("links-unknown"); }, 20s)) << told();
  EXPECT_FALSE(withdrawn);
}

TEST_F(HostAgentTest, WITHOUT_DESCRIPTORS(WhatWasNeverSeenIsNotAdvertisedAndSoonLookedAtAgain)) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  agent.configured(networks(), {});
  agent.start();
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  agent.want(kBlueSite, {});
  agent.want(kRedSite, {});
  const bool told_it = until([&] { return told_of("links-unknown"); }, 20s);
  const bool good_then = good("blue") || good("red");
  setrlimit(RLIMIT_NOFILE, &before);
  // Its first look may have come before the limit.
  EXPECT_TRUE(told_it);
  EXPECT_FALSE(good_then && !last.health["blue"].attached);
  const auto begin = Clock::now();
  ASSERT_TRUE(until([&] { return good("blue") && good("red"); }, 20s)) << told();
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_F(HostAgentTest, AddressesAreSaidAgainOffTheLoop) {
  begin();
  ASSERT_TRUE(settled());
  const auto before = agent.counters().notifications;
  agent.repeat_addresses("br-blue");
  ASSERT_TRUE(until([&] { return agent.counters().notifications > before; })) << "its own socket hears them too";
  agent.repeat_addresses("nowhere0");
  ASSERT_TRUE(settled());
  EXPECT_TRUE(good("blue"));
}

// A router advertisement of `far`, with itself as the default router and a prefix for the host's own address.
void advertise_from_far() {
  const Within far("far");
  const int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
  const int hops = 255;
  setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops);
  struct {
    nd_router_advert head;
    nd_opt_prefix_info prefix;
  } message{};
  message.head.nd_ra_hdr.icmp6_type = ND_ROUTER_ADVERT;
  message.head.nd_ra_router_lifetime = htons(1800);
  message.prefix.nd_opt_pi_type = ND_OPT_PREFIX_INFORMATION;
  message.prefix.nd_opt_pi_len = 4;
  message.prefix.nd_opt_pi_prefix_len = 64;
  message.prefix.nd_opt_pi_flags_reserved = ND_OPT_PI_FLAG_ONLINK | ND_OPT_PI_FLAG_AUTO;
  message.prefix.nd_opt_pi_valid_time = htonl(3600);
  message.prefix.nd_opt_pi_preferred_time = htonl(1800);
  inet_pton(AF_INET6, "fd00:77::", &message.prefix.nd_opt_pi_prefix);
  sockaddr_in6 all{};
  all.sin6_family = AF_INET6;
  inet_pton(AF_INET6, "ff02::1", &all.sin6_addr);
  all.sin6_scope_id = if_nametoindex("eth0");
  EXPECT_EQ(sendto(fd, &message, sizeof message, 0, reinterpret_cast<sockaddr*>(&all), sizeof all),
            static_cast<ssize_t>(sizeof message));
  close(fd);
}

bool has_ra_route(const std::string& link) {
  return output_of("ip -6 route show default dev " + link + " proto ra").find("via fe80") != std::string::npos;
}

TEST_F(HostAgentTest, IPv6ForwardingLosesNoDefaultRouteOfRouterAdvertisements) {
  ASSERT_TRUE(run("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; sysctl -qw net.ipv6.conf.up0.accept_ra=1"));
  ASSERT_TRUE(until([&] {
    if (output_of("ip -n far -6 addr show dev eth0 tentative scope link").empty()) advertise_from_far();
    return has_ra_route("up0");
  }));
  begin();
  EXPECT_EQ(word_of("/proc/sys/net/ipv6/conf/all/forwarding"), "1");
  EXPECT_TRUE(has_ra_route("up0")) << output_of("ip -6 route");
  EXPECT_EQ(word_of("/proc/sys/net/ipv6/conf/up0/accept_ra"), "2");
  EXPECT_EQ(word_of("/proc/sys/net/ipv6/conf/br-blue/accept_ra"), "1") << "nothing was learnt there";
  ASSERT_TRUE(run("ip -6 route del default dev up0"));
  ASSERT_TRUE(until([&] {
    advertise_from_far();
    return has_ra_route("up0");
  })) << "and hears the next ones";
}

// A firewall of the host's own that is reloaded: its policy drops, then its rules are written one by one.
class Reload : public HostAgentTest {
 protected:
  void begin_with(std::chrono::seconds patience) {
    nft("table inet own { chain forward { type filter hook forward priority 0; policy drop; accept; }; }");
    begin();
    agent.configured(networks(), {{}, patience});
    start({"c1", {{"blue", "2"}}});
    start({"c2", {{"blue", "3"}}});
    ASSERT_TRUE(settled());
    // What stands in the rules is at rest.
    ASSERT_TRUE(pass(patience < 5s ? Clock::duration(patience) : 0ms));
    on_report = [&] {
      withdrawn = withdrawn || !advertised("blue", "c1", "10.10.1.2") || !advertised("blue", "c1", "fd00:1::2") ||
                  !advertised("blue", "c2", "10.10.1.3");
    };
  }
  bool pass(Clock::duration time) {
    const auto end = Clock::now() + time;
    return until([&] { return Clock::now() > end; });
  }
  // How long until it holds.
  Clock::duration time_to(const std::function<bool()>& done) {
    const auto begin = Clock::now();
    EXPECT_TRUE(until(done)) << told();
    return Clock::now() - begin;
  }
  void close() { nft("flush chain inet own forward"); }
  void open() { nft("add rule inet own forward accept"); }
  Nft nft;
  bool withdrawn = false;
};

TEST_F(Reload, WithdrawsNothingHoweverLongItTakes) {
  begin_with(1s);
  close();
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(pass(300ms));
    nft("add rule inet own forward ip saddr 192.0.2." + std::to_string(i) + " accept");
  }
  open();
  ASSERT_TRUE(settled());
  EXPECT_FALSE(withdrawn) << told();
  EXPECT_EQ(agent.counters().held_back, 4U) << "two networks, two families";
}

TEST_F(Reload, WithdrawsWhatStaysClosed) {
  begin_with(2s);
  for (int twice = 0; twice < 2; ++twice) {
    close();
    const auto took = time_to([&] { return withdrawn; });
    EXPECT_GE(took, 1900ms);
    ASSERT_TRUE(until([&] { return !last.health["red"].advertisable(*Prefix::parse("fd00:2::/64")); }));
    open();
    EXPECT_LE(time_to([&] { return good("blue") && good("red"); }), 2s) << "what is better waits for nobody's patience";
    withdrawn = false;
    ASSERT_TRUE(pass(2s));
  }
}

TEST_F(Reload, WithoutPatienceCountsAtOnce) {
  begin_with(0s);
  close();
  ASSERT_TRUE(until([&] { return withdrawn; })) << told();
  EXPECT_EQ(agent.counters().held_back, 0U);
}

TEST_F(Reload, IsNoExcuseForNat) {
  begin_with(60s);
  nft("table inet own { chain out { type nat hook postrouting priority 100; ip saddr 10.10.1.0/24 masquerade; }; }");
  ASSERT_TRUE(until([&] { return !advertised("blue", "c1", "10.10.1.2"); })) << told();
  EXPECT_TRUE(advertised("blue", "c1", "fd00:1::2"));
  EXPECT_TRUE(good("red"));
}

TEST_F(Reload, HidesNothingElse) {
  begin_with(60s);
  close();
  ASSERT_TRUE(settled());
  EXPECT_FALSE(withdrawn) << told();
  const NetworkHealth& blue = last.health["blue"];
  EXPECT_EQ(std::ranges::count_if(blue.problems,
                                  [](const Problem& each) {
                                    return each.code == "firewall-drops" && each.waited_for && !each.blocks &&
                                           each.text.find("berthd waits") != std::string::npos;
                                  }),
            2)
      << "one for each family: what is held back is shown\n"
      << told();
  EXPECT_EQ(blue.v4.in, Passing::None) << "and what the rules do is said as it is";
  ASSERT_TRUE(run("echo 0 >/proc/sys/net/ipv4/conf/br-blue/forwarding"));
  ASSERT_TRUE(until([&] { return !advertised("blue", "c1", "10.10.1.2"); })) << told();
  EXPECT_TRUE(advertised("blue", "c1", "fd00:1::2")) << "of which the rules alone are closed";
  EXPECT_TRUE(good("red"));
}

TEST_F(Reload, OfRulesThatConcernOneContainer) {
  begin_with(2s);
  nft("insert rule inet own forward ip daddr 10.10.1.2 drop");
  ASSERT_TRUE(pass(500ms));
  EXPECT_FALSE(withdrawn) << told();
  ASSERT_TRUE(until([&] { return withdrawn; }));
  EXPECT_FALSE(advertised("blue", "c1", "10.10.1.2"));
  EXPECT_TRUE(advertised("blue", "c2", "10.10.1.3") && advertised("blue", "c1", "fd00:1::2"));
  bool advertised_anew = false;
  on_report = [&] { advertised_anew = advertised_anew || advertised("blue", "c1", "10.10.1.2"); };
  nft("add rule inet own forward ip saddr 192.0.2.1 accept");
  ASSERT_TRUE(run("ip netns del c1"));
  start({"c1", {{"blue", "2"}}});
  ASSERT_TRUE(settled());
  EXPECT_FALSE(advertised_anew) << "it was closed before it started";
}

TEST(NetworkSite, OfAGatewayIsOursByTheConfigurationOnly) {
  const Prefix v4 = *Prefix::parse("10.10.1.0/24"), v6 = *Prefix::parse("fd00:1::/64");
  const auto one = IpAddress::parse("10.10.1.1"), nine = IpAddress::parse("10.10.1.9");
  NetworkFact fact;
  fact.interface = "br-x";
  fact.subnets = {{v4, one, {}}, {v6, {}, {}}};
  NetworkConfig made;
  made.name = "blue";
  made.subnets = {{v4, {}, {}}, {v6, {}, {}}};
  using Wanted = std::vector<SiteAddress>;
  EXPECT_EQ(site_of(made, fact).addresses, (Wanted{{v4, one, true}, {v6, {}, true}}));
  made.subnets[0].gateway = nine;
  EXPECT_EQ(site_of(made, fact).addresses[0], (SiteAddress{v4, one, true})) << "the one that its containers use";
  NetworkConfig taken = made;
  taken.docker_network = "theirs";
  EXPECT_EQ(site_of(taken, fact).addresses[0], (SiteAddress{v4, one, false}));
  taken.subnets[0].gateway = one;
  EXPECT_EQ(site_of(taken, fact).addresses[0], (SiteAddress{v4, one, true}));
  fact.options["com.docker.network.bridge.inhibit_ipv4"] = "true";
  EXPECT_EQ(site_of(made, fact).addresses, (Wanted{{v6, {}, true}}));
  EXPECT_EQ(site_of(made, fact).subnets.size(), 2U);
}

}  // namespace
}  // namespace berth
