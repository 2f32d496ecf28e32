// SPDX-License-Identifier: GPL-2.0-or-later
// A daemon that only remembers, and a View in which everything occurs. For the shell's tests.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config_file.h"
#include "daemon/vty/shell.h"

namespace berth {

inline Config sample_config() {
  return *parse_config(
      "hostname host1\nruntime docker unix:/run/docker.sock\nnetwork blue\n subnet 10.10.1.0/24\n subnet "
      "fd00:10:1::/64\n"
      " advertise both\n tag 100\nexit\nnetwork nat\n subnet 10.10.2.0/24\n advertise host\n tag 100\n mtu 1400\nexit\n"
      "network new\n subnet 10.10.3.0/24\n",
      "sample");
}

inline View sample_view() {
  View view;
  view.started_at = WallTime(std::chrono::seconds(1'795'000'000));
  view.now = view.started_at + std::chrono::hours(27);
  view.version = "0.1.0";
  view.hostname = "host1";
  view.in_sync = true;
  view.runtimes = {{"docker", "docker", "20.10.24", true, true}};
  view.zebra = {true, true, "/run/frr/berth.sock", "8.4.4", "0.1.0"};
  view.counters = {{"refusedLabel", 2}, {"syncs", 1}};
  view.config = sample_config();
  view.health["blue"] = {true, "br-0123456789ab", Nat::Off, {}};
  view.health["blue"].v4 = FamilyHealth{true, Nat::Off, Passing::All, Passing::All, "", ""};
  view.health["nat"] = {true, "br-ba9876543210", Nat::On, {{"nat-on", "NAT is on: rule X", "do Y", true}}};
  view.links["br-0123456789ab"] = {1500, true};
  const auto address = [](const char* text) { return *IpAddress::parse(text); };
  view.containers = {{{"docker", "aaaaaaaaaaaabbbb"},
                      "web",
                      "running",
                      {},
                      {{"e1", "blue", "n1", "02:42:0a:0a:01:02", {address("10.10.1.2"), address("fd00:10:1::2")}}}},
                     {{"docker", "ccccccccccccdddd"},
                      "db",
                      "paused",
                      {},
                      {{"e2", "nat", "n2", "", {address("10.10.2.2")}}, {"e3", "bridge", "n3", "", {}}}},
                     {{"docker", "eeeeeeeeeeeeffff"}, "lonely", "created", {}, {}}};
  view.ports[{{"docker", "aaaaaaaaaaaabbbb"}, "e1"}] = {7, "veth0a1b2c3", {8, "eth0", 1450, "/run/docker/netns/0a1b"}};
  view.leases = std::make_shared<const Leases>(
      Leases{{{"blue", {"containerd", "default/job"}, 1}, {{address("10.10.1.9")}, 1'795'000'000, 0, 0, ""}}});
  const auto route = [&](const char* prefix, const char* network, const char* container, RibState state,
                         const char* reason) {
    const bool subnet = !*container;
    const RibKey key{subnet ? RibKind::ConnectedTag : RibKind::Route, *Prefix::parse(prefix)};
    view.routes.push_back({key, network, container, subnet, 100, state, reason});
    view.since[key] = view.started_at + std::chrono::minutes(5);
  };
  route("10.10.1.2/32", "blue", "web", RibState::Installed, "");
  route("fd00:10:1::2/128", "blue", "web", RibState::NotBest, "a bgp route wins");
  route("10.10.1.0/24", "blue", "", RibState::Accepted, "");
  return view;
}

// With a network of macvlans of which another machine has an address.
inline View with_a_parent(View view) {
  NetworkConfig& wire = view.config.networks["wire"];
  wire.name = "wire";
  wire.options["parent"] = {"eth1"};
  view.parents["wire"] = {
      "eth1", true, true, true, 3, 512, {{"printer", *IpAddress::parse("10.10.4.9"), "02:00:00:00:00:99"}}};
  return view;
}

inline View with_an_overlay(View view) {
  NetworkConfig& black = view.config.networks["black"];
  black.name = "black";
  black.options["vni"] = {"10100"};
  view.overlays["black"] = {10100,
                            IpAddress::parse("10.0.0.21"),
                            1450,
                            {*IpAddress::parse("10.0.0.22")},
                            {{*IpAddress::parse("10.0.0.22"), "host2"}},
                            {{0x02420a580102, {}, "web", {*IpAddress::parse("10.88.1.2")}},
                             {0x02420a580202, IpAddress::parse("10.0.0.22"), "", {*IpAddress::parse("10.88.2.2")}}}};
  return view;
}

class FakeHost : public ShellHost {
 public:
  View view() override { return shown; }
  const Config& config() const override { return shown.config; }
  std::string hostname() const override { return shown.config.hostname; }
  Explanation explain(const std::string& subject) const override {
    return {subject,
            Advertised::No,
            {{"container", true, "web is running", ""}, {"nat", false, "NAT is on", "turn it off"}},
            {"10.10.2.2/32"}};
  }
  void apply(const Config& config) override {
    shown.config = config;
    ++applied;
  }
  Status save(const std::string& text) override {
    if (!save_error.empty()) return permanent(save_error, "make room");
    saved = text;
    return {};
  }
  void withdraw(bool on) override { shown.withdrawn = on; }
  std::optional<firewall::Trace> trace(const firewall::TracedPacket& packet) const override {
    if (!rules_read) return std::nullopt;
    const std::string rule = packet.protocol + " dport " + std::to_string(packet.port) + " drop";
    return firewall::Trace{"eth0", "br-blue", {{"forward", "ip filter FORWARD", rule, "drop"}}, "is dropped"};
  }

  bool rules_read = true;
  View shown = sample_view();
  int applied = 0;
  std::string saved, save_error;
};

}  // namespace berth
