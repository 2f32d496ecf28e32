// SPDX-License-Identifier: GPL-2.0-or-later
// What show running-config prints is read back as the same configuration; what is accepted is refused by nobody later: not
// by the policy, the module or Docker. BERTH_SEED=N repeats a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include "core/names.h"
#include "core/reserved.h"
#include "daemon/config/config_file.h"
#include "daemon/config/config_print.h"
#include "fpm_bridge/zebra/reserved.h"
#include "redistribute/policy.h"

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
    std::string out(1, kLetters[number(0, 25)]);
    for (std::uint32_t n = number(0, 11); n > 0; --n) out += kLetters[number(0, kLetters.size() - 1)];
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
  if (const ReservedRange* range = reserved_range(out.prefix); range && range->prefix.contains(out.prefix))
    return random_allowed(dice);         // allows nothing
  out.le = out.prefix.address().bits();  // what ends before that is refused
  out.ge = dice.number(out.prefix.length(), out.le);
  return out;
}

NetworkConfig random_network(Dice& dice, std::uint32_t index, const std::vector<RuntimeConfig>& runtimes) {
  NetworkConfig out;
  out.name = dice.word() + std::to_string(index);
  if (dice.coin()) out.runtime = runtimes[dice.number(0, runtimes.size() - 1)].name;
  if (dice.coin()) out.docker_network = "taken-" + out.name;
  const std::uint32_t base = 10u << 24 | index << 16;
  if (dice.coin() || index % 2) {
    SubnetConfig subnet{Prefix::of(v4(base), dice.number(16, 30)), {}, {}};
    if (dice.coin()) subnet.gateway = v4(base + 1);
    if (dice.coin()) subnet.ip_range = Prefix::of(v4(base), dice.number(subnet.subnet.length(), 30));
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
  out.nat_lenient = dice.coin();
  if (dice.coin()) out.max_containers = dice.number(1, 1000000);
  out.anycast = dice.coin();
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
  if (dice.coin()) out.zebra.socket = "/z/" + dice.word();
  out.zebra.grace_seconds = dice.number(1, 86400);
  if (dice.coin()) out.zebra.hold_seconds = dice.number(3, 3600);
  if (dice.coin()) out.vty.socket = "/v/" + dice.word();
  if (dice.coin()) out.vty.max_clients = dice.number(1, 1000);
  for (std::uint32_t n = dice.number(1, 3); n > 0; --n) {
    const std::string at = std::to_string(n);
    out.runtimes.push_back({dice.word() + at, "docker", "unix:/d/" + dice.word() + at});
  }
  if (dice.coin()) out.runtimes[dice.number(0, out.runtimes.size() - 1)].name = "docker";
  for (std::uint32_t n = dice.number(0, 2); n > 0; --n)
    out.fabric.push_back(Prefix::of(v4(dice.number(1, 200) << 24 | n << 16), 16));
  if (dice.coin()) out.max_routes = dice.number(1, 1000000);
  for (std::uint32_t n = dice.number(0, 6); n > 0; --n) {
    NetworkConfig network = random_network(dice, n, out.runtimes);
    out.networks[network.name] = network;
  }
  return out;
}

Dice dice_of_this_run() {
  const char* given = std::getenv("BERTH_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "BERTH_SEED=" << seed << std::endl;
  return Dice(seed);
}

TEST(ConfigProperty, WhatIsPrintedIsReadBackTheSame) {
  Dice dice = dice_of_this_run();
  for (int round = 0; round < 500; ++round) {
    const Config config = random_config(dice);
    const std::string text = print_config(config);
    const auto again = parse_config(text, "printed");
    ASSERT_TRUE(again) << "round " << round << "\n" << again.error().message << text;
    ASSERT_TRUE(*again == config) << "round " << round << "\n" << text << "was read as\n" << print_config(*again);
  }
}

// An address near to where something ends: of a reserved range, of the whole space, or anywhere.
IpAddress random_address(Dice& dice) {
  const auto ranges = reserved_ranges();
  const Prefix& range = ranges[dice.number(0, ranges.size() - 1)].prefix;
  std::array<std::uint8_t, 16> bytes{};
  const std::size_t size = range.address().bytes().size();
  const IpAddress edge = dice.coin() ? range.address() : range.last();
  std::copy_n(edge.bytes().begin(), size, bytes.begin());
  for (std::uint32_t n = dice.number(0, 3); n > 0; --n)
    bytes[dice.number(0, size - 1)] ^= static_cast<std::uint8_t>(1 << dice.number(0, 7));
  if (dice.number(0, 3) == 0)
    for (std::size_t at = 0; at < size; ++at) bytes[at] = static_cast<std::uint8_t>(dice.number(0, 255));
  return *IpAddress::from_bytes({bytes.data(), size});
}

Prefix random_prefix(Dice& dice) {
  const IpAddress address = random_address(dice);
  const std::uint32_t bits = address.bits();
  return Prefix::of(address, dice.coin() ? dice.number(0, 12) : bits - dice.number(0, dice.coin() ? 4 : bits));
}

// One inside of it, often at an edge.
IpAddress random_inside(Dice& dice, const Prefix& prefix) {
  const IpAddress edge = dice.coin() ? prefix.address() : prefix.last();
  std::array<std::uint8_t, 16> bytes{};
  const std::size_t size = edge.bytes().size();
  std::copy_n(edge.bytes().begin(), size, bytes.begin());
  const unsigned host_bits = prefix.address().bits() - prefix.length();
  for (std::uint32_t n = dice.number(0, 2); n > 0 && host_bits > 0; --n) {
    const unsigned bit = prefix.address().bits() - 1 - dice.number(0, std::min(host_bits, 10u) - 1);
    bytes[bit / 8] ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
  }
  return *IpAddress::from_bytes({bytes.data(), size});
}

bool module_takes(const Prefix& prefix) {
  const auto bytes = prefix.address().bytes();
  return prefix.length() > 0 && !berth_is_reserved(bytes.data(), bytes.size(), prefix.length());
}

// What Docker's allocator (20.10 to 29) does with a pool: the first address is nobody's, nor is the last one of IPv4; the
// gateway gets what is asked for, or the first free one of the range, or of the pool. True: a container gets one, too.
bool docker_has_an_address(const SubnetConfig& each) {
  const Prefix& range = each.ip_range ? *each.ip_range : each.subnet;
  std::set<IpAddress> taken{each.subnet.address()};
  if (each.subnet.is_v4()) taken.insert(each.subnet.last());
  if (each.gateway && !taken.insert(*each.gateway).second) return false;  // "Address already in use"
  int wanted = each.gateway ? 1 : 2;
  std::array<std::uint8_t, 16> bytes{};
  const auto begin = range.address().bytes();
  std::copy(begin.begin(), begin.end(), bytes.begin());
  for (unsigned n = 0; n < 8 && wanted > 0; ++n) {
    const IpAddress address = *IpAddress::from_bytes({bytes.data(), begin.size()});
    if (!range.contains(address)) break;
    if (taken.insert(address).second) --wanted;
    for (std::size_t at = begin.size(); at-- > 0 && ++bytes[at] == 0;) continue;
  }
  return wanted == 0;
}

// Its bridge driver's own judgement of IPv6 (validateIPv6Subnet), and an IPv4 pool that begins with 0.0.0.0 means "any".
bool docker_takes(const Prefix& subnet) {
  static const Prefix kLinkLocal = *Prefix::parse("fe80::/64"), kMulticast = *Prefix::parse("ff00::/8"),
                      kMapped = *Prefix::parse("::ffff:0:0/96");
  if (subnet.is_v4()) return subnet.address() != IpAddress();
  return subnet.address() != *IpAddress::parse("::") && !kMulticast.contains(subnet.address()) &&
         !kMapped.contains(subnet.address()) && !kLinkLocal.overlaps(subnet);
}

TEST(ConfigProperty, WhatIsAcceptedIsRefusedByNobodyLater) {
  Dice dice = dice_of_this_run();
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    const Prefix subnet = random_prefix(dice);
    const std::string name = dice.number(0, 9) ? dice.word() : std::string("bridge");
    std::string text =
        "runtime docker unix:/run/docker.sock\nnetwork " + name + "\n subnet " + subnet.to_string() + "\n";
    if (dice.coin()) text += " gateway " + random_inside(dice, subnet).to_string() + "\n";
    if (dice.coin()) {
      const unsigned bits = subnet.address().bits(), most = std::min(bits - subnet.length(), 3u);
      text += " ip-range " + Prefix::of(random_inside(dice, subnet), bits - dice.number(0, most)).to_string() + "\n";
    }
    const auto config = parse_config(text, "f");
    if (!config) continue;
    ++accepted;
    const NetworkConfig& network = config->networks.at(name);
    ASSERT_TRUE(subnet_advertisable(subnet)) << "the policy refuses\n" << text;
    ASSERT_TRUE(module_takes(subnet)) << "the module refuses\n" << text;
    ASSERT_TRUE(docker_takes(subnet)) << "Docker's driver refuses\n" << text;
    ASSERT_TRUE(docker_has_an_address(network.subnets[0])) << "Docker has no address\n" << text;
    ASSERT_NE(name, "bridge") << "Docker makes none of that name";
    const IpAddress address = random_inside(dice, subnet);
    ASSERT_TRUE(module_takes(Prefix::host(address))) << address.to_string() << " of\n" << text;
    NetworkConfig told = network;
    told.advertise = Advertise::Host;
    told.tag = 1;
    const Verdict verdict = judge(told, {told.advertise, told.tag, {}}, {}, address);
    const bool edge = is_subnet_edge(subnet, address) || network.subnets[0].gateway == address;
    ASSERT_EQ(verdict.advertise, !edge) << verdict.detail << "\n" << text;
  }
  EXPECT_GT(accepted, 1000) << "else this says little";
}

TEST(ConfigProperty, TheModuleReservesWhatBerthReserves) {
  Dice dice = dice_of_this_run();
  ASSERT_EQ(sizeof berth_reserved_ranges / sizeof berth_reserved_ranges[0], reserved_ranges().size());
  int reserved = 0;
  for (int round = 0; round < 50000; ++round) {
    const Prefix prefix = random_prefix(dice);
    ASSERT_EQ(module_takes(prefix), !reserved_range(prefix)) << prefix.to_string();
    reserved += reserved_range(prefix) != nullptr;
  }
  EXPECT_GT(reserved, 1000);
  EXPECT_LT(reserved, 49000);
}

// An allowed prefix that is accepted allows some address.
TEST(ConfigProperty, AnAllowedPrefixAllowsSomething) {
  Dice dice = dice_of_this_run();
  int accepted = 0;
  for (int round = 0; round < 5000; ++round) {
    const Prefix prefix = random_prefix(dice);
    const std::string text = "runtime docker unix:/a\nnetwork n\n subnet 10.0.0.0/24\n allow prefix " +
                             prefix.to_string() + " le " + std::to_string(prefix.address().bits()) + "\n";
    const auto config = parse_config(text, "f");
    bool allows = false;  // the next reserved range inside of it ends somewhere
    std::vector<IpAddress> tries = {prefix.address(), prefix.last()};
    for (const ReservedRange& range : reserved_ranges()) {
      const unsigned bits = range.prefix.address().bits();
      std::array<std::uint8_t, 16> bytes{};
      const IpAddress end = range.prefix.last();
      std::copy(end.bytes().begin(), end.bytes().end(), bytes.begin());
      for (std::size_t at = bits / 8; at-- > 0 && ++bytes[at] == 0;) continue;
      tries.push_back(*IpAddress::from_bytes({bytes.data(), bits / 8}));
    }
    for (const IpAddress& each : tries) allows = allows || (prefix.contains(each) && !is_reserved(each));
    ASSERT_EQ(config.ok(), allows) << text;
    accepted += config.ok();
  }
  EXPECT_GT(accepted, 500);
}

}  // namespace
}  // namespace berth
