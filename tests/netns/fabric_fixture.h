// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host with two bridge networks, containers on them and a neighbour outside, all of this kernel: whether something is
// reachable is asked by a TCP connection, not by what a test believes of the kernel.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "tests/netns/host_fixture.h"

namespace berth {

inline bool run(const std::string& commands) {
  return std::system(("set -e; " + commands).c_str()) == 0;
}

// This thread's network namespace is another one for as long as it lives.
class Within {
 public:
  explicit Within(const std::string& name) : home_(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    const int there = open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(setns(there, CLONE_NEWNET), 0) << name;
    close(there);
  }
  ~Within() {
    EXPECT_EQ(setns(home_, CLONE_NEWNET), 0);
    close(home_);
  }

 private:
  const int home_;
};

inline std::pair<sockaddr_storage, socklen_t> socket_address(const std::string& text, std::uint16_t port) {
  std::pair<sockaddr_storage, socklen_t> out{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.first);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.first);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.second = sizeof *v4;
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr), 1) << text;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.second = sizeof *v6;
  }
  return out;
}

// A TCP connection from one namespace to an address that is in another.
inline bool reaches(const std::string& from, const std::string& to, const std::string& address,
                    int milliseconds = 200) {
  const auto [where, size] = socket_address(address, 4242);
  int server = -1, client = -1;
  {
    const Within there(to);
    server = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_storage any{};
    any.ss_family = where.ss_family;
    reinterpret_cast<sockaddr_in*>(&any)->sin_port = htons(4242);
    EXPECT_EQ(bind(server, reinterpret_cast<const sockaddr*>(&any), size), 0);
    EXPECT_EQ(listen(server, 1), 0);
  }
  {
    const Within here(from);
    client = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  }
  bool connected = connect(client, reinterpret_cast<const sockaddr*>(&where), size) == 0;
  if (!connected && errno == EINPROGRESS) {
    pollfd wait{client, POLLOUT, 0};
    int error = 1;
    socklen_t length = sizeof error;
    connected = poll(&wait, 1, milliseconds) == 1 && getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &length) == 0 &&
                error == 0;
  }
  close(client);
  close(server);
  return connected;
}

struct TestContainer {
  std::string name;
  std::vector<std::pair<std::string, std::string>> on;  // network, the last number of its addresses
};

inline const NetworkSite kBlueSite{"blue",
                                   "br-blue",
                                   {*Prefix::parse("10.10.1.0/24"), *Prefix::parse("fd00:1::/64")},
                                   {{*Prefix::parse("10.10.1.0/24"), IpAddress::parse("10.10.1.1"), false},
                                    {*Prefix::parse("fd00:1::/64"), IpAddress::parse("fd00:1::1"), false}}};
inline const NetworkSite kRedSite{"red",
                                  "br-red",
                                  {*Prefix::parse("10.10.2.0/24"), *Prefix::parse("fd00:2::/64")},
                                  {{*Prefix::parse("10.10.2.0/24"), IpAddress::parse("10.10.2.1"), false},
                                   {*Prefix::parse("fd00:2::/64"), IpAddress::parse("fd00:2::1"), false}}};

// Networks blue (10.10.1.0/24, fd00:1::/64) and red (…2…); `far` outside, behind the uplink up0.
class Fabric : public OwnNamespace, public AgentRun {
 protected:
  void SetUp() override {
    if (!own_) GTEST_SKIP() << "no network namespace of its own";
    ASSERT_TRUE(
        run("ip link set lo up; echo 1 >/proc/sys/net/ipv4/ip_forward; "
            "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; "
            "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter"));
    for (const std::string n : {"1", "2"}) {
      const std::string bridge = n == "1" ? "br-blue" : "br-red";
      // With an address of its own, as Docker does: else it is that of a port, and changes when that one goes.
      ASSERT_TRUE(run("ip link add " + bridge + " address 02:42:0a:0a:0" + n + ":01 type bridge; ip addr add 10.10." +
                      n + ".1/24 brd + dev " + bridge + "; ip addr add fd00:" + n + "::1/64 dev " + bridge +
                      " nodad; ip link set " + bridge + " up"));
    }
    outside("far", "up0", "99");
  }
  void TearDown() override { agent.stop(); }
  // Where nothing else asks for a look, a new endpoint is looked for after 500 ms.
  bool settled() { return AgentRun::settled(700ms); }

  // A neighbour outside, and the uplink to it.
  static void outside(const std::string& name, const std::string& uplink, const std::string& n) {
    ASSERT_TRUE(run("ip netns add " + name + "; ip link add " + uplink + " type veth peer name eth0 netns " + name +
                    "; ip addr add 10.99." + n + ".1/24 dev " + uplink + "; ip addr add fd00:" + n + "::1/64 dev " +
                    uplink + " nodad; ip link set " + uplink + " up; ip -n " + name + " addr add 10.99." + n +
                    ".2/24 dev eth0; ip -n " + name + " addr add fd00:" + n + "::2/64 dev eth0 nodad; ip -n " + name +
                    " link set eth0 up; ip -n " + name + " route add default via 10.99." + n + ".1; ip -n " + name +
                    " route add default via fd00:" + n + "::1"));
  }

  // As Docker does: the port is there before its other end has its address. Its first network has the default route.
  ContainerFact start(const TestContainer& container) {
    ContainerFact fact;
    fact.key = {"docker", container.name + "-id"};
    fact.name = container.name;
    fact.state = "running";
    if (!run("ip netns add " + container.name)) ADD_FAILURE();
    int at = 0;
    for (const auto& [network, last] : container.on) {
      const std::string n = network == "blue" ? "1" : "2", port = "v" + n + container.name,
                        eth = "eth" + std::to_string(at), in = "ip -n " + container.name + " ";
      const std::string mac = "02:42:0a:0a:0" + n + ":" + (last.size() < 2 ? "0" : "") + last;
      // The kernel takes a namespace's links away after the namespace itself.
      if (!run("for i in $(seq 100); do ip link show " + port + " >/dev/null 2>&1 || exit 0; sleep 0.05; done; exit 1"))
        ADD_FAILURE();
      if (!run("ip link add " + port + " type veth peer name " + eth + " netns " + container.name + "; ip link set " +
               port + " master br-" + network + " up; " + in + "link set " + eth + " address " + mac + "; " + in +
               "addr add 10.10." + n + "." + last + "/24 dev " + eth + "; " + in + "addr add fd00:" + n + "::" + last +
               "/64 dev " + eth + " nodad; " + in + "link set " + eth + " up"))
        ADD_FAILURE();
      if (at++ == 0 &&
          !run(in + "route add default via 10.10." + n + ".1; " + in + "route add default via fd00:" + n + "::1"))
        ADD_FAILURE();
      fact.endpoints.push_back(
          {container.name + "-on-" + network,
           network,
           network + "-id",
           mac,
           {*IpAddress::parse("10.10." + n + "." + last), *IpAddress::parse("fd00:" + n + "::" + last)}});
    }
    agent.container_changed(fact);
    return fact;
  }

  // What berth would do with this address of the container.
  bool advertised(const std::string& network, const std::string& container, const std::string& address) const {
    const Prefix prefix = Prefix::host(*IpAddress::parse(address));
    const auto health = last.health.find(network);
    if (health == last.health.end() || !health->second.advertisable(prefix)) return false;
    const auto problem = last.endpoints.find({{"docker", container + "-id"}, container + "-on-" + network});
    return problem == last.endpoints.end() || !problem->second.blocks || !problem->second.concerns(prefix);
  }
  std::string told() const {
    std::string out;
    for (const auto& [name, health] : last.health)
      for (const Problem& each : health.problems)
        out += name + ": " + each.code + ": " + each.text + " (" + each.remedy + ")\n";
    for (const auto& [key, each] : last.endpoints)
      out += key.endpoint + ": " + each.code + ": " + each.text + " (" + each.remedy + ")\n";
    return out;
  }
  static std::map<std::string, NetworkConfig> networks() {
    std::map<std::string, NetworkConfig> out;
    for (const std::string name : {"blue", "red"}) out[name].name = name, out[name].runtime = "docker";
    return out;
  }
  void begin() {
    agent.configured(networks(), {});
    agent.start();
    agent.want(kBlueSite, {});
    agent.want(kRedSite, {});
    ASSERT_TRUE(until([&] { return good("blue") && good("red"); })) << told();
  }
};

}  // namespace berth
