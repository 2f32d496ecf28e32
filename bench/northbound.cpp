// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a change costs through FRR's northbound: N routes in bulk, and one more and one less beside N, from put() to where zebra says that
// the kernel has it. Without the commit delay, which comes to it. With the FRR that is installed, or of BERTH_FRR_ROOT.
//   berth_bench_northbound SIZES RUNS     prints JSON
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "fpm_bridge/northbound/northbound_sink.h"
#include "tests/netns/real_frr.h"

namespace {

using namespace berth;
using Clock = std::chrono::steady_clock;

class Bench : public RouteSinkListener {
 public:
  explicit Bench(unsigned most) {
    frr_.begin_static();
    ZebraConfig config{"northbound", frr_.folder()};
    config.tags = {100};
    config.commit_delay = 0;
    config.route_limit = most + 10;
    sink_ = std::make_unique<NorthboundSink>(io_, config, *this);
    sink_->start();
    until([&] { return synced_; });
  }
  ~Bench() override {
    sink_->stop();
    io_.restart();
    io_.run_for(std::chrono::milliseconds(200));
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  double put(unsigned first, unsigned last) {
    return timed(first, last, RibState::Installed, [&](unsigned n) { sink_->put({key(n), 100, "br-blue", {}, 0, 0}); });
  }
  double remove(unsigned first, unsigned last) {
    return timed(first, last, RibState::Gone, [&](unsigned n) { sink_->remove(key(n)); });
  }

 private:
  static RibKey key(unsigned n) {
    const unsigned char address[] = {10, static_cast<unsigned char>(128 + (n >> 16)),
                                     static_cast<unsigned char>(n >> 8), static_cast<unsigned char>(n)};
    return {RibKind::Route, Prefix::host(*IpAddress::from_bytes(address))};
  }
  template <class Say>
  double timed(unsigned first, unsigned last, RibState state, Say say) {
    states_.clear();
    const auto begin = Clock::now();
    for (unsigned n = first; n <= last; ++n) say(n);
    until([&] {
      return states_.size() == last - first + 1 &&
             std::all_of(states_.begin(), states_.end(), [&](const auto& each) { return each.second == state; });
    });
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  }
  template <class Done>
  void until(Done done) {
    for (const auto end = Clock::now() + std::chrono::minutes(2); !done();) {
      if (Clock::now() > end) throw std::runtime_error("not within two minutes");
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(10));
    }
  }
  void sink_connected(const RouteSinkInfo&) override { sink_->end_of_sync(); }
  void sink_lost(const Error& why) override { throw std::runtime_error(why.message); }
  void sink_troubled(const std::optional<Error>& why) override {
    if (why) std::fprintf(stderr, "%s\n", why->message.c_str());
  }
  void sink_synced(std::uint32_t) override { synced_ = true; }
  void sink_answered(const RibAnswer& answer) override { states_[answer.key] = answer.state; }
  void sink_found(const RibFound&) override {}

  RealFrr frr_;
  boost::asio::io_context io_;
  std::unique_ptr<NorthboundSink> sink_;
  bool synced_ = false;
  std::map<RibKey, RibState> states_;
};

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || !RealFrr::own_namespace()) {
    std::fprintf(stderr, "usage: berth_bench_northbound SIZES RUNS, as root\n");
    return 2;
  }
  const int runs = std::atoi(argv[2]);
  std::istringstream sizes(argv[1]);
  const char* before = "[";
  for (std::string word; std::getline(sizes, word, ',');) {
    const unsigned size = static_cast<unsigned>(std::atoi(word.c_str()));
    std::vector<double> add, more, less, all_less;
    Bench bench(size);
    for (int run = 0; run < runs; ++run) {
      if (size) add.push_back(bench.put(1, size));
      more.push_back(bench.put(size + 1, size + 1));
      less.push_back(bench.remove(size + 1, size + 1));
      if (size) all_less.push_back(bench.remove(1, size));
    }
    std::printf("%s{\"present\": %u, \"bulk\": %.1f, \"bulkGone\": %.1f, \"oneMore\": %.1f, \"oneLess\": %.1f}", before,
                size, size ? median(add) : 0, size ? median(all_less) : 0, median(more), median(less));
    std::fflush(stdout);
    before = ", ";
  }
  std::printf("]\n");
  return 0;
}
