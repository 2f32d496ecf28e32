// SPDX-License-Identifier: GPL-2.0-or-later
//
// The suite of every RouteSink, over the fake and over the module's client with a fake module. With the real module in a real
// zebra: tests/netns/route_sink_test.cpp.
#include <arpa/inet.h>

#include <boost/asio/io_context.hpp>
#include <memory>

#include "fpm_bridge/client/zebra_client.h"
#include "tests/support/fake_module.h"
#include "tests/support/fake_route_sink.h"
#include "tests/support/route_sink_suite.h"

namespace berth {
namespace {

struct OnFake {
  void start(RouteSinkListener& listener) {
    sink_ = std::make_unique<FakeRouteSink>(rib_, listener);
    sink_->start();
  }
  RouteSink& sink() { return *sink_; }
  void stop() { sink_->stop(); }
  void far_side_restarts() { sink_->far_side_restarts(); }
  void turn() { sink_->turn(); }
  std::map<RibKey, std::uint32_t> rib() const {
    std::map<RibKey, std::uint32_t> out;
    for (const auto& [key, entry] : rib_.entries) out[key] = entry.object.tag;
    return out;
  }

 private:
  FakeRib rib_;
  std::unique_ptr<FakeRouteSink> sink_;
};

struct OnFakeModule {
  void start(RouteSinkListener& listener) {
    sink_ = std::make_unique<ZebraClient>(io_, ZebraConfig{"socket", module_.path(), 120, 0}, listener);
    sink_->start();
  }
  RouteSink& sink() { return *sink_; }
  void stop() {
    sink_->stop();
    io_.run_for(std::chrono::milliseconds(20));
    module_.poll();
    module_.drop();
  }
  void far_side_restarts() {
    module_.held.clear();
    module_.drop();
  }
  void turn() {
    module_.poll();
    io_.restart();
    io_.run_one_for(std::chrono::milliseconds(1));
    io_.poll();
  }
  std::map<RibKey, std::uint32_t> rib() const {
    std::map<RibKey, std::uint32_t> out;
    for (const auto& [key, operation] : module_.held) {
      const std::string& bytes = operation.add().prefix().address();
      const auto address = IpAddress::from_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
      out[{RibKind::Route, Prefix::host(*address)}] = operation.add().tag();
    }
    return out;
  }

 private:
  FakeModule module_;
  boost::asio::io_context io_;
  std::unique_ptr<ZebraClient> sink_;
};

using Grounds = testing::Types<OnFake, OnFakeModule>;
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, RouteSinkSuite, Grounds);

}  // namespace
}  // namespace berth
