// SPDX-License-Identifier: GPL-2.0-or-later
//
// Containers that are plugged in, on a real kernel: what is in their namespaces, and whom they reach.
#include <gtest/gtest.h>

#include <thread>

#include "container_watcher/containerd/task_netns.h"
#include "tests/netns/plug_fixture.h"

namespace berth {
namespace {

TEST_F(PlugAgentTest, OnABridgeOfOurs) {
  EXPECT_EQ(plugged(order("c1")), "10.20.1.0 fd00:20::2");
  EXPECT_EQ(plugged(order("c2")), "10.20.1.2 fd00:20::3");
  EXPECT_TRUE(reaches("c1", "10.20.1.2"));
  EXPECT_TRUE(reaches("c1", "fd00:20::3"));
  EXPECT_TRUE(reaches("c1", "10.20.1.1"));
  EXPECT_NE(output_of("ip -n c1 route").find("default via 10.20.1.1 dev eth0"), std::string::npos);
  EXPECT_NE(output_of("ip -n c1 -6 route").find("default via fd00:20::1 dev eth0"), std::string::npos);
  EXPECT_NE(output_of("ip -n c1 -d link show eth0").find("berth:green"), std::string::npos);
}

TEST_F(PlugAgentTest, TwiceIsOnce) {
  const PlugOrder what = order("c1");
  const std::string first = plugged(what);
  const std::string links = output_of("ip -o link; ip -n c1 -o addr; ip -n c1 route; ip -n c1 -6 route");
  const int saved = saves;
  EXPECT_EQ(plugged(what), first);
  EXPECT_EQ(output_of("ip -o link; ip -n c1 -o addr; ip -n c1 route; ip -n c1 -6 route"), links);
  EXPECT_EQ(saves, saved) << "what is in the file is not written again";
  make();  // berthd begins anew
  EXPECT_EQ(plugged(what), first);
}

// A restart makes another namespace; the address stays, and the link of the old one is nobody's concern.
TEST_F(PlugAgentTest, AContainerThatBeginsAnewKeepsItsAddress) {
  const PlugOrder what = order("c1");
  const std::string first = plugged(what);
  PlugOrder again = order("c1b");
  again.key = what.key;
  again.incarnation = "second";
  EXPECT_EQ(plugged(again), first);
  run("ip netns del c1");
  EXPECT_TRUE(reaches("c1b", "10.20.1.1"));
}

// Something else holds the namespace (a sandbox, ip netns), so that what stood there before the start stands there still.
class HeldNamespace : public PlugAgentTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    PlugAgentTest::SetUp();
    if (IsSkipped()) return;
    network.driver = GetParam();
    if (network.driver == "macvlan") network.options = {{"parent", {"internal"}}};
    if (network.driver != "bridge") run("ip link del br-green");
    make();
  }
};
INSTANTIATE_TEST_SUITE_P(Drivers, HeldNamespace, testing::Values("bridge", "macvlan", "routed"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(HeldNamespace, EndsWithOneLinkWhateverWasThereBefore) {
  const std::string port = network.driver == "macvlan" ? "0\n" : "1\n";
  PlugOrder what = order("c1");
  const std::string first = plugged(what);
  ASSERT_EQ(links_in("c1"), "eth0 ");
  run("ip -n c1 link add side0 type bridge && ip -n c1 link add side1 type veth peer name side2 && "
      "ip link add far0 type veth peer name near0 netns c1");
  const auto again = [&](const std::string& before) {
    run(before);
    what.incarnation += "+";
    EXPECT_EQ(plugged(what), first) << before;
    const std::string links = links_in("c1");
    for (const char* each : {"side0", "side1", "side2", "near0", "eth0"})
      EXPECT_NE(links.find(std::string(each) + " "), std::string::npos) << before << ": " << links;
    EXPECT_EQ(std::ranges::count(links, ' '), 5) << before << ": " << links;
    EXPECT_EQ(ports(), port) << before;
    EXPECT_TRUE(output_of("ip -n c1 -d link show eth0").find("berth:green") != std::string::npos) << before;
    EXPECT_EQ(output_of("ip -n c1 -o addr show dev eth0 scope global | grep -c inet"), "2\n") << before;
  };
  again("true");
  again("ip -n c1 link set eth0 down && ip -n c1 link set eth0 name renamed0");
  again("ip -n c1 link set eth0 alias berth:red");  // it was on another network
  again("ip link add bx-0 type veth peer name eth7 netns c1 && ip link set bx-0 alias berth:green");  // killed half way
  again("ip -n c1 link add eth8 type bridge && ip -n c1 link set eth8 alias berth:blue");
  what.incarnation = "first";  // the same start, and somebody renames the link
  again("ip -n c1 link set eth0 down && ip -n c1 link set eth0 name renamed0");
  if (network.driver != "macvlan") again("ip -n c1 link set eth0 alias ''");
}

// A look into the namespace at any moment of it: what is half made is not taken for somebody else's link.
TEST_P(HeldNamespace, ALookMeanwhileFindsNothingOfSomebodyElses) {
  std::atomic<bool> over = false;
  std::atomic<int> looks = 0;
  std::string found;
  PlugOrder what = order("c1");
  std::thread looking([&] {
    while (!over) {
      const auto seen = read_task_netns(what.netns);
      ++looks;
      if (seen)
        for (const TaskLink& each : seen->links) found += each.name + " ";
    }
  });
  for (int i = 0; i < 30; ++i) {
    what.incarnation += "+";
    EXPECT_NE(plugged(what), "no answer");
    unplug(what);
  }
  over = true;
  looking.join();
  EXPECT_EQ(found, "");
  EXPECT_GT(looks, 60);
}

// A VPN, an engine of its own, a router of namespaces of its own: what the application made is not what it was plugged in by.
TEST_P(HeldNamespace, WhatTheApplicationMakesForItselfIsNobodysEndpoint) {
  const PlugOrder what = order("c1");
  ASSERT_EQ(plugged(what), "10.20.1.0 fd00:20::2");
  run("ip netns add inner && ip -n c1 link add docker0 type bridge && ip -n c1 link add vpn0 type bridge && "
      "ip -n c1 link add one type veth peer name other && ip -n c1 link add out type veth peer name eth0 netns inner");
  for (const std::string link : {"docker0", "vpn0", "one", "out"})
    run("ip -n c1 addr add 172.16.0.1/16 dev " + link + " && ip -n c1 link set " + link + " up");
  const auto links = [&] {
    std::string out;
    const auto seen = read_task_netns(what.netns);
    if (seen)
      for (const TaskLink& each : seen->links) out += each.name + " ";
    return seen ? out : seen.error().message;
  };
  EXPECT_EQ(links(), "");
  run("ip link add far0 type veth peer name near0 netns c1 && ip -n c1 addr add 10.9.0.2/24 dev near0 && "
      "ip link add par0 type veth peer name par1 && ip link add near1 link par0 netns c1 type macvlan && "
      "ip -n c1 addr add 10.9.0.3/24 dev near1");
  EXPECT_EQ(links(), "near0 near1 ");
}

// Who had the address before had another MAC address, which its neighbours would use until they find out.
TEST_P(HeldNamespace, NeighboursLearnANewMacAddress) {
  if (network.driver == "routed") {
    PlugSite site;
    site.host_link = "bv-green1234567";
    EXPECT_FALSE(driver("routed")->plug(network, site)->has_neighbours);
    return;
  }
  ASSERT_EQ(plugged(order("c1")), "10.20.1.0 fd00:20::2");
  const std::string here = network.driver == "bridge" ? "br-green" : "mv-green";
  for (const char* address : {"10.20.1.2", "fd00:20::3"})
    for (const std::string at : {"-n c1 neigh add ", "neigh add "})
      run("ip " + at + address + " lladdr 02:00:00:00:00:77 nud reachable dev " + (at[0] == '-' ? "eth0" : here));
  ASSERT_EQ(plugged(order("c2")), "10.20.1.2 fd00:20::3");
  const std::string mac = output_of("ip -n c2 -o link show eth0 | grep -o 'ether [0-9a-f:]*' | cut -d' ' -f2");
  for (const std::string& address : {std::string("10.20.1.2"), std::string("fd00:20::3")})
    for (const std::string& tables : {"ip -n c1 neigh show " + address, "ip neigh show dev " + here + " " + address}) {
      const std::string command = tables + " | grep -o '[0-9a-f:]\\{17\\}'";
      EXPECT_TRUE(turn_until([&] { return output_of(command) == mac; })) << command << ": " << output_of(command);
    }
}

// Its container was replaced by another one, which has asked for another network.
TEST_P(HeldNamespace, AnotherContainerAndAnotherNetwork) {
  PlugOrder old = order("c1");
  ASSERT_EQ(plugged(old), "10.20.1.0 fd00:20::2");
  network.name = "red";
  network.driver = "bridge";
  network.options.clear();
  network.subnets = {{*Prefix::parse("10.30.1.0/24"), IpAddress::parse("10.30.1.1"), {}}};
  make();
  PlugOrder next = order("c1", false);
  next.key.endpoint.container.id = "default/next";
  EXPECT_EQ(plugged(next), "10.30.1.2");
  EXPECT_EQ(links_in("c1"), "eth0 ");
  EXPECT_EQ(ports(), "1\n");
  EXPECT_EQ(output_of("ip -n c1 -o addr show dev eth0 scope global | grep -c inet"), "1\n");
  unplug(next);
  EXPECT_EQ(links_in("c1"), "");
  // A label that is moved: what is unplugged is there under another mark, or not any more.
  EXPECT_EQ(plugged(next), "10.30.1.2");
  unplug(old);
  EXPECT_EQ(links_in("c1"), "");
  unplug(old);
}

TEST_F(PlugAgentTest, OnAMacvlan) {
  network.driver = "macvlan";
  network.options = {{"parent", {"internal"}}};
  run("ip link del br-green");
  make();
  EXPECT_EQ(plugged(order("c1")), "10.20.1.0 fd00:20::2");
  EXPECT_EQ(plugged(order("c2")), "10.20.1.2 fd00:20::3");
  EXPECT_NE(output_of("ip -n c1 -d link show eth0").find("macvlan mode bridge"), std::string::npos);
  EXPECT_TRUE(reaches("c1", "10.20.1.2"));
  EXPECT_TRUE(reaches("c1", "10.20.1.1"));
}

// With the routes that zebra makes of what berthd announces; strict, as many hosts are.
TEST_F(PlugAgentTest, OnARoutedLink) {
  network.driver = "routed";
  run("ip link del br-green");
  run("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && "
      "ip link add up0 type veth peer name up1 && ip addr add 192.0.2.1/24 dev up0 && ip link set up0 up");
  make();
  for (const char* name : {"c1", "c2"}) {
    const auto result = plug(order(name));
    ASSERT_TRUE(result && *result) << (result ? result->error().message : "no answer");
    EXPECT_EQ((*result)->host_link.str().substr(0, 8) + "*", driver("routed")->site(network, {}).interface);
    for (const IpAddress& each : (*result)->addresses)
      run("ip route add " + Prefix::host(each).to_string() + " dev " + (*result)->host_link.str());
  }
  EXPECT_TRUE(reaches("c1", "10.20.1.2"));
  EXPECT_TRUE(reaches("c2", "10.20.1.0"));
  EXPECT_TRUE(reaches("c1", "fd00:20::3"));
  EXPECT_TRUE(reaches("c1", "192.0.2.1"));
  EXPECT_NE(output_of("ip -n c1 -o addr").find("10.20.1.0/32"), std::string::npos);
}

// Another range, another driver: what it had makes room.
TEST_F(PlugAgentTest, AChangedNetworkChangesTheContainersLink) {
  PlugOrder what = order("c1");
  ASSERT_EQ(plugged(what), "10.20.1.0 fd00:20::2");
  network.subnets[0].ip_range = Prefix::parse("10.20.7.0/24");
  what.network = network;
  EXPECT_EQ(plugged(what), "10.20.7.0 fd00:20::2");
  EXPECT_EQ(output_of("ip -n c1 -o -4 addr show dev eth0 | grep -c inet"), "1\n");
  network.driver = "routed";
  what.network = network;
  EXPECT_EQ(plugged(what), "10.20.7.0 fd00:20::2");
  EXPECT_NE(output_of("ip -n c1 -o -4 addr show dev eth0").find("10.20.7.0/32"), std::string::npos);
  EXPECT_NE(output_of("ip -n c1 route").find("default via 169.254.1.1"), std::string::npos);
}

// `mtu N` at the shell: both ends have it, or what the container sends is too long for the other one.
TEST_P(HeldNamespace, AnotherMtuIsOneOfBothEnds) {
  const std::string mtus =
      "(ip -o link; ip -n c1 -o link) | grep ' bv-\\| rv\\| mp-\\| eth0' | grep -o 'mtu [0-9]*' | sort -u";
  PlugOrder what = order("c1");
  for (const unsigned mtu : {1400, 1300, 1500}) {
    network.mtu = mtu;
    make();
    what.network = network;
    what.plugged_in = mtu != 1400;
    EXPECT_EQ(plugged(what), "10.20.1.0 fd00:20::2") << mtu;
    EXPECT_EQ(output_of(mtus), "mtu " + std::to_string(mtu) + "\n");
  }
}

// Routes may point at it: what can't become what is wanted stays, in use and leased, until it is unplugged.
TEST_F(PlugAgentTest, WhatIsPluggedInIsNotTakenAwayUnasked) {
  PlugOrder what = order("c1");
  ASSERT_EQ(plugged(what), "10.20.1.0 fd00:20::2");
  const std::string before = output_of("ip -o link; ip -n c1 -o addr; ip -n c1 route");
  const std::string leases = file;
  what.plugged_in = true;
  network.mtu = 1400;
  network.subnets[0].gateway = IpAddress::parse("10.20.1.9");
  what.network = network;
  EXPECT_EQ(plugged(what), "10.20.1.0 fd00:20::2") << "nothing has to go for that";
  network.subnets[0].subnet = *Prefix::parse("10.20.0.0/20");
  what.network = network;
  EXPECT_EQ(plugged(what), "10.20.1.0 fd00:20::2");
  EXPECT_EQ(output_of("ip -n c1 -o -4 addr show dev eth0 | grep -o 'inet [0-9./]*'"), "inet 10.20.1.0/20\n");
  EXPECT_NE(output_of("ip -n c1 route").find("default via 10.20.1.9"), std::string::npos);
  network.subnets[0].subnet = *Prefix::parse("10.20.0.0/16");
  network.mtu = 0;
  network.subnets[0].gateway = IpAddress::parse("10.20.1.1");
  run("ip -n c1 link set eth0 mtu 1500 && ip link set $(ip -o link | grep -o 'bv-[^@]*') mtu 1500");
  what.network = network;
  EXPECT_EQ(plugged(what), "10.20.1.0 fd00:20::2");
  for (const auto& change : std::vector<std::function<void(NetworkConfig*)>>{
           [](auto* of) { of->subnets[0].ip_range = Prefix::parse("10.20.7.0/24"); },
           [](auto* of) { of->subnets[0].gateway = IpAddress::parse("10.20.1.0"); },
           [](auto* of) { of->subnets.pop_back(); }, [](auto* of) { of->driver = "routed"; }}) {
    NetworkConfig other = network;
    change(&other);
    what.network = other;
    EXPECT_EQ(plugged(what), "to be unplugged first");
    EXPECT_EQ(output_of("ip -o link; ip -n c1 -o addr; ip -n c1 route"), before);
    EXPECT_EQ(file, leases);
  }
  // What it has is better than nothing.
  NetworkConfig other = network;
  other.subnets[0].ip_range = Prefix::parse("10.20.1.1/32");
  what.network = other;
  EXPECT_NE(plugged(what).find("no address is left in 10.20.1.1/32"), std::string::npos);
  save_fails = permanent("leases: write: No space left on device");
  other.subnets[0].ip_range = Prefix::parse("10.20.7.0/24");
  what.network = other;
  EXPECT_NE(plugged(what).find("No space left"), std::string::npos);
  save_fails.reset();
  EXPECT_EQ(plugged(what), "to be unplugged first");
  EXPECT_EQ(output_of("ip -o link; ip -n c1 -o addr; ip -n c1 route"), before);
  unplug(what);
  what.plugged_in = false;
  EXPECT_NE(plugged(what), "to be unplugged first");
}

TEST_F(PlugAgentTest, IsUnpluggedAndPluggedInAgain) {
  const PlugOrder what = order("c1");
  const std::string first = plugged(what);
  unplug(what);
  EXPECT_EQ(output_of("ip -n c1 -o link show eth0 2>/dev/null"), "");
  EXPECT_EQ(output_of("ip -o link | grep -c bv-"), "0\n");
  EXPECT_EQ(plugged(what), first);
}

// A link of somebody else's is not ours to take.
TEST_F(PlugAgentTest, ALinkThatIsThereIsLeftAlone) {
  const PlugOrder what = order("c1");
  run("ip -n c1 link add eth0 type bridge && ip -n c1 link set eth0 alias mine");
  const auto result = plug(what);
  ASSERT_TRUE(result);
  ASSERT_FALSE(result->ok());
  EXPECT_EQ(result->error().kind, ErrorKind::Permanent) << "it is told";
  EXPECT_NE(result->error().message.find("eth0 is there already"), std::string::npos) << result->error().message;
  unplug(what);
  EXPECT_NE(output_of("ip -n c1 -o link show eth0"), "");
}

// A LAN has a router, machines, and whom CNI plugged in.
TEST_F(PlugAgentTest, OnABridgeOfTheOperatorsOnlyOutOfARange) {
  run("ip link del br-green && ip link add br-lan type bridge && ip link set br-lan up");
  network.options = {{"interface", {"br-lan"}}};
  network.subnets = {{*Prefix::parse("10.20.0.0/16"), IpAddress::parse("10.20.1.1"), {}}};
  make();
  PlugOrder what = order("c1");
  const auto refused = plug(what);
  ASSERT_TRUE(refused && !*refused);
  EXPECT_EQ(refused->error().kind, ErrorKind::Permanent);
  EXPECT_NE(refused->error().message.find("has no ip-range of 10.20.0.0/16"), std::string::npos);
  EXPECT_NE(refused->error().remedy.find("ip-range PREFIX, in network green"), std::string::npos);
  EXPECT_EQ(file, "") << "nothing is leased";
  network.subnets[0].ip_range = Prefix::parse("10.20.1.0/29");
  what.network = network;
  what.of_host = {*IpAddress::parse("10.20.1.0"), *IpAddress::parse("10.20.1.2")};
  what.of_others = {*IpAddress::parse("10.20.1.3"), *IpAddress::parse("10.20.1.5")};
  EXPECT_EQ(plugged(what), "10.20.1.4");
  network.driver = "macvlan";
  network.options = {{"parent", {"eth1"}}};
  network.subnets[0].ip_range.reset();
  what.network = network;
  EXPECT_NE(plugged(what).find("has no ip-range"), std::string::npos);
  network.options = {{"parent", {"internal"}}};
  what.network = network;
  EXPECT_EQ(plugged(what).find("has no ip-range"), std::string::npos) << "nobody else is there";
}

// Links of others come and go on the host all the time.
TEST_F(PlugAgentTest, ABusyHostIsNoReasonToWait) {
  run("for i in $(seq 300); do echo link add idle$i type veth; done | ip -b -");
  std::atomic<bool> over = false;
  std::thread others([&] {
    while (!over) run("for i in $(seq 20); do echo link add busy type bridge; echo link del busy; done | ip -b -");
  });
  std::string failures;
  const PlugOrder what = order("c1");
  for (int i = 0; i < 30; ++i)
    if (const std::string got = plugged(what); got != "10.20.1.0 fd00:20::2") failures += got + "\n";
  over = true;
  others.join();
  EXPECT_EQ(failures, "");
}

}  // namespace
}  // namespace berth
