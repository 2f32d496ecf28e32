// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/stub/stub_runtime.h"

#include <boost/asio/post.hpp>

namespace berth {

void StubRuntime::start() {
  boost::asio::post(io_, [this] {
    if (stopped_) return;
    sink_.runtime_connected(name_, "1");
    sink_.snapshot(name_, {});
  });
}

void StubRuntime::ensure(const RuntimeNetwork& network, std::function<void(Result<EnsuredNetwork>)> then) {
  ++asked_;
  boost::asio::post(io_, [this, network, then = std::move(then)] {
    if (stopped_) return;
    NetworkFact fact;
    fact.runtime = name_;
    fact.id = "n1";
    fact.name = network.name;
    fact.driver = network.driver;
    for (const SubnetConfig& each : network.subnets) fact.subnets.push_back({each.subnet, each.gateway, {}});
    then(EnsuredNetwork{fact, true, {}});
    ContainerFact container;
    container.key = {name_, "0123456789ab"};
    container.name = "web";
    container.state = "running";
    container.endpoints.push_back({"e1", network.name, "n1", "", {*IpAddress::parse("10.99.0.2")}, network.driver});
    sink_.container_changed(container);
  });
}

}  // namespace berth
