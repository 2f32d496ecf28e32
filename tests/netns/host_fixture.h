// SPDX-License-Identifier: GPL-2.0-or-later
//
// For tests of the host's side: a network namespace of their own, another hand's nft, an agent that is run by hand.
#pragma once

#include <gtest/gtest.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "container_watcher/attach/host_agent.h"

// libnftables 1.0.6 forgets what it took for a target that it can't print: ours is not among it.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libnftables\nleak:libxtables\n";
}

namespace berth {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Another hand's nft.
class Nft {
 public:
  Nft() {
    nft_ctx_buffer_output(context_);
    nft_ctx_buffer_error(context_);
    nft_ctx_output_set_flags(context_, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS);
  }
  ~Nft() { nft_ctx_free(context_); }
  std::string operator()(const std::string& command) {
    EXPECT_EQ(nft_run_cmd_from_buffer(context_, command.c_str()), 0) << command << nft_ctx_get_error_buffer(context_);
    return nft_ctx_get_output_buffer(context_);
  }

 private:
  nft_ctx* context_ = nft_ctx_new(NFT_CTX_DEFAULT);
};

inline std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
  return n;
}

inline bool has(const std::vector<Problem>& problems, const std::string& code) {
  for (const Problem& each : problems)
    if (each.code == code) return true;
  return false;
}

inline std::string output_of(const std::string& command) {
  std::string out;
  if (FILE* pipe = popen(command.c_str(), "r")) {
    std::array<char, 4096> part;
    while (const std::size_t n = fread(part.data(), 1, part.size(), pipe)) out.append(part.data(), n);
    pclose(pipe);
  }
  return out;
}

inline std::string word_of(const char* path) {
  std::string word;
  std::ifstream(path) >> word;
  return word;
}

// The first base: its namespace is there before any socket of the others is opened.
class OwnNamespace : public testing::Test {
 protected:
  // Names of other namespaces (ip netns) are this test's own, too, and go with it.
  OwnNamespace() : own_(unshare(CLONE_NEWNET | CLONE_NEWNS) == 0) {
    mkdir("/run/netns", 0755);
    if (own_ && (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                 mount("netns", "/run/netns", "tmpfs", 0, nullptr) != 0))
      throw std::logic_error("no mounts of its own");
    // A socket of a context that was made too early would change the machine itself.
    if (own_ && !Nft()("list ruleset").empty()) throw std::logic_error("the namespace is not a new one");
  }
  const bool own_;
};

// Every network of a test is one on a bridge.
inline const Driver* bridge_driver(std::string_view) {
  static const BridgeDriver kDriver;
  return &kDriver;
}

// An agent, and what it said last.
class AgentRun {
  const DriverLookup drivers_;

 public:
  explicit AgentRun(DriverLookup drivers = bridge_driver) : drivers_(std::move(drivers)) {}
  bool until(const std::function<bool()>& done, Clock::duration most = 10s) {
    for (const auto end = Clock::now() + most; !done();) {
      if (Clock::now() > end) return false;
      io.restart();
      io.run_one_for(10ms);
    }
    return true;
  }
  bool good(const std::string& network) const {
    const auto found = last.health.find(network);
    return found != last.health.end() && found->second.advertisable();
  }
  // The kernel tells nothing more, and what it told is looked at.
  // Nothing was looked for during that time.
  bool settled(Clock::duration quiet = 300ms) {
    auto looks = agent.counters().looks;
    auto since = Clock::now();
    return until([&] {
      if (agent.counters().looks != looks) looks = agent.counters().looks, since = Clock::now();
      return Clock::now() - since > quiet;
    });
  }

  boost::asio::io_context io;
  HostReport last;
  int reports = 0;
  std::function<void()> on_report;  // each of them, not only the last
  HostAgent agent{io,
                  [this](const HostReport& report) {
                    last = report, ++reports;
                    if (on_report) on_report();
                  },
                  drivers_};
};

}  // namespace berth
