// SPDX-License-Identifier: GPL-2.0-or-later
//
// A configuration of four times as many networks costs four times the work, not sixteen: what is allocated is counted, and
// what is compared, not time.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <new>
#include <random>

#include "core/overlaps.h"
#include "daemon/config/config_edit.h"
#include "daemon/config/config_file.h"
#include "redistribute/redistributor.h"

namespace {
std::uint64_t allocated = 0;  // bytes, ever
}

void* operator new(std::size_t size) {
  allocated += size;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// std::stable_sort asks so.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocated += size;
  return std::malloc(size);
}
// Not inlined: g++ 12 takes the two for a mismatch then.
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace berth {
namespace {

std::string number(int n) {
  return std::to_string(100000 + n);  // of one length: what fits into a string of its own costs nothing
}

std::string text_of(int networks) {
  std::string text = "runtime docker unix:/run/docker.sock\n";
  for (int n = 0; n < networks; ++n) {
    const std::string net = std::to_string(n / 250 + 1) + "." + std::to_string(n % 250);
    text += "network a-network-of-a-long-name-" + number(n) + "\n subnet 10." + net + ".0/24\n gateway 10." + net +
            ".1\n subnet fd00:" + std::to_string(n / 1000 + 1) + ":" + std::to_string(n % 1000) +
            "::/64\n advertise host\n tag 100\nexit\n";
  }
  return text;
}

std::uint64_t cost(const std::function<void()>& work) {
  const std::uint64_t before = allocated;
  work();
  return allocated - before;
}

void expect_linear(const char* what, const std::function<std::uint64_t(int networks)>& cost_of) {
  const std::uint64_t few = cost_of(500), many = cost_of(2000);
  EXPECT_GT(few, 0u) << what;
  EXPECT_LT(many, 5 * few) << what << " of 500 networks: " << few << " bytes, of 2000: " << many;
}

TEST(ConfigCost, GrowsWithTheNetworksNotWithTheirSquare) {
  expect_linear("reading a file", [](int networks) {
    const std::string text = text_of(networks);
    return cost([&] { ASSERT_TRUE(parse_config(text, "f")); });
  });
  expect_linear("reading a file in which all is wrong", [](int networks) {
    std::string text;
    for (int n = 0; n < networks; ++n) text += "network a-network-of-a-long-name-" + number(n) + "\n";
    return cost([&] { ASSERT_FALSE(parse_config(text, "f")); });
  });
  expect_linear("taking it all back", [](int networks) {
    std::string text = text_of(networks);
    for (int n = 0; n < networks; ++n) text += "no network a-network-of-a-long-name-" + number(n) + "\n";
    return cost([&] { ASSERT_TRUE(parse_config(text, "f")); });
  });
}

TEST(ConfigCost, OfTheBrainIsThatOfTheNetworks) {
  expect_linear("a first configuration", [](int networks) {
    const Config config = *parse_config(text_of(networks), "f");
    Redistributor brain;
    return cost([&] { brain.set_config(config); });
  });
  expect_linear("one network that changes", [](int networks) {
    Config config = *parse_config(text_of(networks), "f");
    Redistributor brain;
    brain.set_config(config);
    brain.take_actions(1000000);
    for (const auto& [name, network] : config.networks)
      brain.set_network_health(name, {true, "br-" + name, Nat::Off, {}});
    config.networks.begin()->second.tag = 7;
    return cost([&] { brain.set_config(config); });
  });
}

// All pairs, as a child would write it.
std::set<std::pair<std::size_t, std::size_t>> slow_overlaps(const std::vector<Prefix>& prefixes) {
  std::set<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t a = 0; a < prefixes.size(); ++a)
    for (std::size_t b = a + 1; b < prefixes.size(); ++b)
      if (prefixes[a].overlaps(prefixes[b])) out.emplace(a, b);
  return out;
}

TEST(Overlaps, AreThoseOfAllPairs) {
  std::mt19937 random(7);
  const auto number_to = [&](unsigned most) { return std::uniform_int_distribution<unsigned>(0, most)(random); };
  for (int round = 0; round < 200; ++round) {
    std::vector<Prefix> prefixes;
    for (unsigned n = number_to(30); n > 0; --n) {
      const std::string text =
          number_to(1) ? "10." + std::to_string(number_to(3)) + "." + std::to_string(64 * number_to(3)) + ".0"
                       : "fd0" + std::to_string(number_to(2)) + ":" + std::to_string(number_to(3)) + "::";
      prefixes.push_back(Prefix::of(*IpAddress::parse(text), number_to(32)));
    }
    std::set<std::pair<std::size_t, std::size_t>> fast;
    for (const auto& [a, b] : find_overlaps(prefixes, 1000).pairs) {
      EXPECT_TRUE(prefixes[a].contains(prefixes[b]));
      fast.emplace(std::min(a, b), std::max(a, b));
    }
    EXPECT_EQ(fast, slow_overlaps(prefixes)) << "round " << round;
  }
}

TEST(Overlaps, AreFoundInStepsThatGrowWithThePrefixes) {
  std::vector<Prefix> prefixes;
  for (int n = 0; n < 20000; ++n) {
    const std::uint8_t bytes[] = {10, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n & 255), 0};
    prefixes.push_back(Prefix::of(*IpAddress::from_bytes(bytes), 24));
  }
  EXPECT_LT(find_overlaps(prefixes, 100).steps, 2 * prefixes.size());
  std::fill(prefixes.begin(), prefixes.end(), prefixes[0]);
  const Overlaps same = find_overlaps(prefixes, 100);
  EXPECT_EQ(same.pairs.size(), 100u);
  EXPECT_LT(same.steps, 2 * prefixes.size());
}

}  // namespace
}  // namespace berth
