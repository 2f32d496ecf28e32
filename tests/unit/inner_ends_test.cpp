// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which end of which link is a container's: found by its MAC address, in the namespace that its runtime or the kernel names.
#include "container_watcher/attach/inner_ends.h"

#include <gtest/gtest.h>

#include "tests/support/fake_host_kernel.h"

namespace berth {
namespace {

constexpr Mac kMac = 0x024200000002;

// Which knows the numbers of namespaces, and counts how often one is entered.
class Kernel : public FakeHostKernel {
 public:
  std::map<int, std::string> named_netns() override { return names; }
  Result<std::vector<HostLink>> links(const Netns& where) override {
    ++entered;
    return FakeHostKernel::links(where);
  }
  std::map<int, std::string> names;
  int entered = 0;
};

class InnerEndsTest : public testing::Test {
 protected:
  InnerEndsTest() {
    std::map<std::string, NetworkConfig> networks;
    for (const char* name : {"blue", "wire", "olive"}) networks[name].name = name, networks[name].runtime = "docker";
    book.set_networks(networks);
  }
  ContainerFact container(const std::string& id, const std::string& network, Mac mac) {
    ContainerFact out;
    out.key = {"docker", id};
    out.name = id;
    out.endpoints = {{id + "-ep", network, "", mac_text(mac), {*IpAddress::parse("10.10.1.2")}}};
    return out;
  }
  // A namespace in which one link has that MAC address, and another one beside it.
  void inside(const std::string& path, int index, Mac mac, const std::string& name = "eth0") {
    kernel.add_netns({path, {}});
    HostLink link;
    link.index = index, link.mac = mac, link.name = name, link.mtu = 1450;
    kernel.in({path, {}}).host.links.push_back(link);
  }
  HostLink veth(int index, const std::string& name, int peer, int number) {
    HostLink out;
    out.index = index, out.name = name, out.kind = "veth", out.master = 3, out.peer = peer, out.peer_netns = number;
    out.up = out.carrier = true;
    return out;
  }
  void look(const std::vector<BridgePort>& ports = {}, const std::map<std::string, MacParent>& parents = {}) {
    book.look(state, {{"blue", 3}}, ports, parents);
    more = false;
    ends.look(state, book, &more);
  }
  InnerEnd end(const std::string& id = "web") {
    const auto ports = book.ports();
    const auto found = ports.find({{"docker", id}, id + "-ep"});
    return found == ports.end() ? InnerEnd() : found->second.inner;
  }
  static std::string text(const InnerEnd& end) {
    return std::to_string(end.index) + " " + end.name.str() + " " + std::to_string(end.mtu) + " " + end.netns.str();
  }

  HostState state;
  PortBook book;
  Kernel kernel;
  InnerEnds ends{kernel};
  bool more = false;
};

TEST_F(InnerEndsTest, OfAVethIsInTheNamespaceOfItsNumber) {
  book.upsert(container("web", "blue", kMac));
  kernel.names = {{4, "/run/docker/netns/other"}, {5, "/run/docker/netns/web"}};
  inside("/run/docker/netns/other", 8, kMac);
  inside("/run/docker/netns/web", 8, kMac, "eth1");
  state.links = {veth(7, "veth0", 8, 5)};
  look({{7, kMac}});
  EXPECT_EQ(text(end()), "8 eth1 1450 /run/docker/netns/web");
  EXPECT_EQ(kernel.entered, 1) << "that one alone";
  look({{7, kMac}});
  EXPECT_EQ(kernel.entered, 1) << "once";
}

TEST_F(InnerEndsTest, OfAVethWhoseNamespaceHasNoNameIsItsIndexAlone) {
  book.upsert(container("web", "blue", kMac));
  state.links = {veth(7, "veth0", 8, 5)};
  look({{7, kMac}});
  EXPECT_EQ(text(end()), "8  0 ");
}

TEST_F(InnerEndsTest, OfAContainerWhoseRuntimeNamesItsNamespaceIsThere) {
  ContainerFact web = container("web", "blue", kMac);
  web.netns = "/proc/7/ns/net";
  book.upsert(web);
  inside("/proc/7/ns/net", 8, kMac);
  state.links = {veth(7, "veth0", 8, 5)};
  look({{7, kMac}});
  EXPECT_EQ(text(end()), "8 eth0 1450 /proc/7/ns/net");
}

// Started anew: the same addresses, the same MAC address, another link in another namespace.
TEST_F(InnerEndsTest, OfANewPortIsLookedForAnew) {
  book.upsert(container("web", "blue", kMac));
  kernel.names = {{5, "/run/docker/netns/a"}, {6, "/run/docker/netns/b"}};
  inside("/run/docker/netns/a", 8, kMac);
  inside("/run/docker/netns/b", 10, kMac);
  state.links = {veth(7, "veth0", 8, 5)};
  look({{7, kMac}});
  state.links = {veth(9, "veth1", 10, 6)};
  look({{9, kMac}});
  EXPECT_EQ(text(end()), "10 eth0 1450 /run/docker/netns/b");
}

TEST_F(InnerEndsTest, OfAMacvlanIsLookedForInAllThatAreNobodys) {
  book.upsert(container("web", "wire", kMac));
  book.upsert(container("near", "blue", kMac + 1));
  kernel.names = {{4, "/run/docker/netns/near"}, {5, "/run/docker/netns/web"}};
  inside("/run/docker/netns/near", 8, kMac + 1);
  state.links = {veth(7, "veth0", 8, 4)};
  const std::map<std::string, MacParent> parents = {{"wire", {2, "eth1", {kMac}, 0}}};
  look({{7, kMac + 1}}, parents);
  EXPECT_EQ(text(end()), "0  0 ") << "it is not there yet";
  inside("/run/docker/netns/web", 12, kMac);
  kernel.entered = 0;
  look({{7, kMac + 1}}, parents);
  EXPECT_EQ(text(end()), "12 eth0 1450 /run/docker/netns/web");
  EXPECT_EQ(kernel.entered, 1) << "near's is known";
  EXPECT_EQ(book.ports().at({{"docker", "web"}, "web-ep"}).index, 0) << "it has no end on the host";
}

TEST_F(InnerEndsTest, OfAMacvlanThatIsNowhereIsNotLookedForForEver) {
  book.upsert(container("web", "wire", kMac));
  kernel.names = {{5, "/run/docker/netns/x"}};
  inside("/run/docker/netns/x", 8, kMac + 1);
  const std::map<std::string, MacParent> parents = {{"wire", {2, "eth1", {kMac}, 0}}};
  for (int i = 0; i < 50; ++i) look({}, parents);
  EXPECT_LE(kernel.entered, 5);
  EXPECT_FALSE(more);
}

TEST_F(InnerEndsTest, OfAMacvlanIsFoundAmongManyAndStaysFound) {
  book.upsert(container("web", "wire", kMac));
  for (int i = 0; i < 150; ++i) {
    const std::string path = "/run/docker/netns/" + std::to_string(i);
    kernel.names[i] = path;
    inside(path, 8, i == 149 ? kMac : kMac + 1 + i);
  }
  const std::map<std::string, MacParent> parents = {{"wire", {2, "eth1", {kMac}, 0}}};
  for (int i = 0; i < 3; ++i) look({}, parents);
  EXPECT_EQ(text(end()), "8 eth0 1450 /run/docker/netns/149");
}

// The link that berthd made is no bridge's port: it is known by its name.
TEST_F(InnerEndsTest, OfARoutedLinkGoesWithIt) {
  ContainerFact web = container("web", "olive", kMac);
  web.endpoints[0].host_link = "rv01-abc";
  web.netns = "/proc/7/ns/net";
  book.upsert(web);
  inside("/proc/7/ns/net", 8, kMac);
  look();
  EXPECT_TRUE(book.ports().empty()) << "it is not made yet";
  state.links = {veth(7, "rv01-abc", 8, 5)};
  state.links[0].master = 0;
  look();
  EXPECT_EQ(text(end()), "8 eth0 1450 /proc/7/ns/net");
  const HostPort port = book.ports().at({{"docker", "web"}, "web-ep"});
  EXPECT_EQ(port.index, 7);
  EXPECT_EQ(port.name, "rv01-abc");
  state.links.clear();
  look();
  EXPECT_TRUE(book.ports().empty());
}

TEST_F(InnerEndsTest, OfManyAreLookedForInTurns) {
  state.links.clear();
  std::vector<BridgePort> ports;
  for (int i = 0; i < 150; ++i) {
    const std::string id = "c" + std::to_string(i), path = "/run/docker/netns/" + id;
    book.upsert(container(id, "blue", kMac + i));
    kernel.names[i] = path;
    inside(path, 1000 + i, kMac + i);
    state.links.push_back(veth(100 + i, "veth" + id, 1000 + i, i));
    ports.push_back({100 + i, kMac + i});
  }
  int looks = 0;
  do look(ports);
  while (++looks < 10 && more);
  EXPECT_EQ(looks, 3);
  EXPECT_EQ(text(end("c149")), "1149 eth0 1450 /run/docker/netns/c149");
}

}  // namespace
}  // namespace berth
