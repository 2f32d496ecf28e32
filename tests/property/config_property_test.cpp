// SPDX-License-Identifier: GPL-2.0-or-later
// What show running-config prints is read back as the same configuration. BERTH_SEED=N repeats a run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "daemon/config/config_file.h"
#include "daemon/config/config_print.h"

namespace berth {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint32_t number(std::uint32_t low, std::uint32_t high) {
    return std::uniform_int_distribution<std::uint32_t>(low, high)(random_);
  }
  bool coin() { return number(0, 1) == 1; }
  std::string word() {
    static const std::string kLetters = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789_.-";
    std::string out;
    for (std::uint32_t n = number(1, 12); n > 0; --n) out += kLetters[number(0, kLetters.size() - 1)];
    return out;
  }

 private:
  std::mt19937_64 random_;
};

IpAddress v4(std::uint32_t value) {
  const std::uint8_t bytes[] = {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
                                static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
  return *IpAddress::from_bytes(bytes);
}

AllowedPrefix random_allowed(Dice& dice) {
  AllowedPrefix out{Prefix::of(v4(dice.number(0, 0xffffffff)), dice.number(0, 32)), 0, 0};
  if (dice.coin())
    out.prefix =
        Prefix::of(*IpAddress::parse("2001:db8:" + std::to_string(dice.number(1, 9999)) + "::"), dice.number(0, 128));
  out.le = out.prefix.address().bits();  // what ends before that is refused
  out.ge = dice.number(out.prefix.length(), out.le);
  return out;
}

NetworkConfig random_network(Dice& dice, std::uint32_t index) {
  NetworkConfig out;
  out.name = dice.word() + std::to_string(index);
  if (dice.coin()) out.docker_network = "taken-" + out.name;
  const std::uint32_t base = 10u << 24 | index << 16;
  if (dice.coin() || index % 2) {
    SubnetConfig subnet{Prefix::of(v4(base), dice.number(16, 30)), {}, {}};
    if (dice.coin()) subnet.gateway = v4(base + 1);
    if (dice.coin()) subnet.ip_range = Prefix::of(v4(base), dice.number(subnet.subnet.length(), 32));
    out.subnets.push_back(subnet);
  }
  if (out.subnets.empty() || dice.coin()) {
    const std::string start = "fd00:" + std::to_string(index) + "::";
    SubnetConfig subnet{*Prefix::parse(start + "/64"), {}, {}};
    if (dice.coin()) subnet.gateway = IpAddress::parse(start + "1");
    out.subnets.push_back(subnet);
  }
  out.advertise = static_cast<Advertise>(dice.number(0, 3));
  if (out.advertise != Advertise::None || dice.coin()) out.tag = dice.number(1, 4294967295u);
  if (dice.coin()) out.mtu = dice.number(1280, 65535);
  if (dice.coin()) out.max_containers = dice.number(1, 1000000);
  for (const LabelKind label : {LabelKind::Advertise, LabelKind::Tag, LabelKind::Network})
    if (dice.coin()) out.allow_labels.insert(label);
  if (out.allow_labels.contains(LabelKind::Tag))
    for (std::uint32_t n = dice.number(0, 4); n > 0; --n) out.allow_tags.insert(dice.number(1, 4294967295u));
  for (std::uint32_t n = dice.number(0, 3); n > 0; --n) {
    const AllowedPrefix allowed = random_allowed(dice);
    if (std::find(out.allow_prefixes.begin(), out.allow_prefixes.end(), allowed) == out.allow_prefixes.end())
      out.allow_prefixes.push_back(allowed);
  }
  return out;
}

Config random_config(Dice& dice) {
  Config out;
  if (dice.coin()) out.hostname = dice.word();
  if (dice.coin()) out.log.target = "syslog";
  const char* levels[] = {"errors", "warnings", "notifications", "informational", "debugging"};
  out.log.level = levels[dice.number(0, 4)];
  if (dice.coin()) out.zebra.socket = "/" + dice.word();
  out.zebra.grace_seconds = dice.number(1, 86400);
  if (dice.coin()) out.zebra.hold_seconds = dice.number(3, 3600);
  if (dice.coin()) out.vty.socket = "/" + dice.word();
  if (dice.coin()) out.vty.max_clients = dice.number(1, 1000);
  out.runtimes.push_back({"docker", "docker", "unix:/" + dice.word()});
  if (dice.coin()) out.max_routes = dice.number(1, 1000000);
  for (std::uint32_t n = dice.number(0, 6); n > 0; --n) {
    NetworkConfig network = random_network(dice, n);
    out.networks[network.name] = network;
  }
  return out;
}

TEST(ConfigProperty, WhatIsPrintedIsReadBackTheSame) {
  const char* given = std::getenv("BERTH_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "BERTH_SEED=" << seed << std::endl;
  Dice dice(seed);
  for (int round = 0; round < 500; ++round) {
    const Config config = random_config(dice);
    const std::string text = print_config(config);
    const auto again = parse_config(text, "printed");
    ASSERT_TRUE(again) << "round " << round << "\n" << again.error().message << text;
    ASSERT_TRUE(*again == config) << "round " << round << "\n" << text << "was read as\n" << print_config(*again);
  }
}

}  // namespace
}  // namespace berth
