// SPDX-License-Identifier: GPL-2.0-or-later
//
// The suite of every RouteSink over real FRR, in a network namespace of its own: over the module's client with the real module in
// zebra, and over FRR's northbound without it. BERTH_MODULE: the module, built for this zebra; without it, the northbound alone.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "fpm_bridge/client/zebra_client.h"
#include "fpm_bridge/northbound/northbound_sink.h"
#include "tests/netns/real_frr.h"
#include "tests/support/route_sink_suite.h"

namespace berth {
namespace {

using namespace std::chrono_literals;

// A ground of the suite: `Way` says which daemons there are, and makes the sink.
template <class Way>
class Ground {
 public:
  Ground() { Way::begin(frr_); }
  void start(RouteSinkListener& listener) {
    sink_ = Way::sink(io_, frr_.folder(), listener);
    sink_->start();
  }
  RouteSink& sink() { return *sink_; }
  void stop() {
    sink_->stop();
    io_.restart();
    io_.run_for(100ms);
  }
  void far_side_restarts() {
    frr_.end();
    Way::begin(frr_);
  }
  void turn() {
    io_.restart();
    io_.run_for(10ms);
  }
  std::map<RibKey, std::uint32_t> rib() const { return frr_.routes(Way::kType); }

 private:
  RealFrr frr_;
  boost::asio::io_context io_;
  std::unique_ptr<RouteSink> sink_;
};

struct ByModule {
  static constexpr const char* kType = "openfabric";
  static void begin(RealFrr& frr) {
    const std::string socket = frr.folder() + "/berth.sock";
    frr.begin("zebra", {"-f", "/dev/null", "-M", std::string(std::getenv("BERTH_MODULE")) + ":" + socket},
              "berth.sock");
  }
  static std::unique_ptr<RouteSink> sink(boost::asio::io_context& io, const std::string& folder,
                                         RouteSinkListener& listener) {
    return std::make_unique<ZebraClient>(io, ZebraConfig{"socket", folder + "/berth.sock", 120, 30}, listener);
  }
};

struct ByNorthbound {
  static constexpr const char* kType = "static";
  static void begin(RealFrr& frr) { frr.begin_static(); }
  static std::unique_ptr<RouteSink> sink(boost::asio::io_context& io, const std::string& folder,
                                         RouteSinkListener& listener) {
    ZebraConfig config{"northbound", folder, 120, 30};
    config.tags = {100, 200, 300, 400};
    return std::make_unique<NorthboundSink>(io, config, listener);
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Module, RouteSinkSuite, testing::Types<Ground<ByModule>>);
INSTANTIATE_TYPED_TEST_SUITE_P(Northbound, RouteSinkSuite, testing::Types<Ground<ByNorthbound>>);

}  // namespace
}  // namespace berth

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!std::getenv("BERTH_MODULE")) testing::GTEST_FLAG(filter) = "Northbound*";
  if (!berth::RealFrr::own_namespace()) {
    std::perror("a network namespace with a bridge");
    return 2;
  }
  return RUN_ALL_TESTS();
}
