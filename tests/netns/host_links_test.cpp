// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is advertised can be reached: each thing that may be wrong with a link is done to a host, and the kernel says who
// is still reached from outside. The agent must say the same, name what it is and how it is set right, and its remedy,
// typed as it stands, must help.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/netns/fabric_fixture.h"

namespace berth {
namespace {

struct Fault {
  std::string name, make;
  std::string named;   // what is told names this link
  std::string remedy;  // where the remedy that is told is for the operator to complete, or not a command
};

void PrintTo(const Fault& fault, std::ostream* out) {
  *out << fault.name;
}

class LinkFault : public Fabric, public testing::WithParamInterface<Fault> {
 protected:
  struct Subject {
    std::string network, container, address;
  };
  const std::vector<Subject> subjects{{"blue", "c1", "10.10.1.2"}, {"blue", "c1", "fd00:1::2"},
                                      {"blue", "c2", "10.10.1.3"}, {"blue", "c2", "fd00:1::3"},
                                      {"red", "c3", "10.10.2.4"},  {"red", "c3", "fd00:2::4"}};
  // The kernel and the agent are of one mind of everybody; the last difference is told.
  bool agreed(std::string* difference) {
    return until([&] {
      difference->clear();
      for (const Subject& each : subjects) {
        const bool kernel = reaches("far", each.container, each.address);
        if (kernel != advertised(each.network, each.container, each.address))
          *difference += each.address + (kernel ? " is reached and withheld\n" : " is advertised and not reached\n");
      }
      return difference->empty();
    });
  }
  // Commands that are told for the fault.
  std::string remedies() const {
    std::string out;
    const auto add = [&](const Problem& each) {
      if (out.find(each.remedy) == std::string::npos) out += each.remedy + "; ";
    };
    for (const auto& [name, health] : last.health)
      for (const Problem& each : health.problems)
        if (each.blocks) add(each);
    for (const auto& [key, each] : last.endpoints)
      if (each.blocks) add(each);
    return out;
  }
};

TEST_P(LinkFault, HoldsBackWhatIsNotReachedAndNothingElse) {
  begin();
  start({"c1", {{"blue", "2"}}});
  start({"c2", {{"blue", "3"}}});
  start({"c3", {{"red", "4"}}});
  std::string difference;
  ASSERT_TRUE(agreed(&difference)) << difference << told();
  ASSERT_TRUE(settled());
  EXPECT_TRUE(last.endpoints.empty()) << told();

  ASSERT_TRUE(run(GetParam().make));
  EXPECT_TRUE(until([&] { return told().find(GetParam().named) != std::string::npos; })) << "what is told: " << told();
  EXPECT_TRUE(agreed(&difference)) << difference << "what is told: " << told();
  const std::string remedy = GetParam().remedy.empty() ? remedies() : GetParam().remedy;
  EXPECT_TRUE(run(remedy)) << remedy;
  EXPECT_TRUE(until([&] { return good("blue") && good("red") && last.endpoints.empty(); })) << remedy << "\n" << told();
  EXPECT_TRUE(agreed(&difference)) << difference << told();
}

// The containers would go on knowing the MAC address of a gateway that is no more for half a minute.
const std::string kForget = "; ip -n c1 neigh flush all; ip -n c2 neigh flush all";
const std::string kUp6 = "ip addr replace fd00:1::1/64 dev br-blue nodad";  // which a link that goes down kForgets

INSTANTIATE_TEST_SUITE_P(
    Faults, LinkFault,
    testing::Values(
        Fault{"BridgeDown", "ip link set br-blue down", "br-blue is down", "ip link set br-blue up; " + kUp6},
        Fault{"BridgeForwardsNoV4", "sysctl -qw net.ipv4.conf.br-blue.forwarding=0", "net.ipv4.conf.br-blue.forwarding",
              ""},
        Fault{"BridgeIsNoRouterInV6", "sysctl -qw net.ipv6.conf.br-blue.forwarding=0",
              "net.ipv6.conf.br-blue.forwarding", "sysctl -qw net.ipv6.conf.br-blue.forwarding=1"},
        Fault{"UplinkForwardsNoV4", "sysctl -qw net.ipv4.conf.up0.forwarding=0", "by up0 ", ""},
        Fault{"UplinkIsNoRouterInV6", "sysctl -qw net.ipv6.conf.up0.forwarding=0", "net.ipv6.conf.up0.forwarding",
              "sysctl -qw net.ipv6.conf.up0.forwarding=1"},
        Fault{"NoAddressV4", "ip addr del 10.10.1.1/24 dev br-blue", "br-blue does not have", ""},
        Fault{"NoAddressV6", "ip addr del fd00:1::1/64 dev br-blue", "br-blue does not have", ""},
        Fault{"OtherAddressV4", "ip addr del 10.10.1.1/24 dev br-blue; ip addr add 10.10.1.77/24 dev br-blue" + kForget,
              "br-blue does not have", ""},
        Fault{"OtherSubnetV4", "ip addr del 10.10.1.1/24 dev br-blue; ip addr add 192.168.1.1/24 dev br-blue",
              "br-blue does not have", ""},
        Fault{"NoIpv6AtAll", "sysctl -qw net.ipv6.conf.br-blue.disable_ipv6=1", "br-blue does not have",
              "sysctl -qw net.ipv6.conf.br-blue.disable_ipv6=0; " + kUp6},
        Fault{"PortDown", "ip link set v1c1 down", "c1's port v1c1", ""},
        Fault{"PortOfNoBridge", "ip link set v1c1 nomaster", "c1's port v1c1", ""},
        Fault{"PortOfAnotherBridge", "ip link set v1c1 master br-red", "c1's port v1c1", ""},
        Fault{"SpanningTree", "ip link set br-blue type bridge stp_state 1; ip link set v1c1 down; ip link set v1c1 up",
              "c1's port v1c1", ""},
        Fault{"PortDownInside", "ip -n c1 link set eth0 down", "c1's port v1c1",
              "ip -n c1 link set eth0 up; ip -n c1 addr replace fd00:1::2/64 dev eth0 nodad; ip -n c1 route replace "
              "default via "
              "10.10.1.1; ip -n c1 route replace default via fd00:1::1"},
        Fault{"PortGone", "ip link del v1c1", "c1's port v1c1",
              "ip link add v1c1 type veth peer name eth0 netns c1; ip link set v1c1 master br-blue up; ip -n c1 link "
              "set eth0 "
              "address 02:42:0a:0a:01:02; ip -n c1 addr add 10.10.1.2/24 dev eth0; ip -n c1 addr add fd00:1::2/64 dev "
              "eth0 "
              "nodad; ip -n c1 link set eth0 up; ip -n c1 route add default via 10.10.1.1; ip -n c1 route add default "
              "via "
              "fd00:1::1"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace berth
