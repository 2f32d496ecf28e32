// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_runtime.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace asio = boost::asio;

namespace berth {
namespace {

const LinkExists kLinkExists = link_exists;  // lives as long as any request

}  // namespace

void DockerRuntime::stop() {
  stopped_ = true;
  watcher_.stop();
  client_.cancel();
}

void DockerRuntime::ensure(const NetworkConfig& network, Then then) {
  asio::co_spawn(io_, ask(network, std::make_shared<Then>(std::move(then))), asio::detached);
}

asio::awaitable<void> DockerRuntime::ask(NetworkConfig network, std::shared_ptr<Then> then) {
  const auto version = co_await client_.negotiate();
  Result<EnsuredNetwork> result = transient(version ? "" : version.error().message);
  if (version) result = co_await ensure_docker_network(client_, network, kLinkExists);
  if (!stopped_) (*then)(std::move(result));
}

std::map<std::string, std::uint64_t> DockerRuntime::counters() const {
  const DockerWatcherCounters& of = watcher_.counters();
  return {{"dockerEvents", of.events},     {"dockerFullLists", of.full_lists}, {"dockerOverflows", of.overflows},
          {"dockerFailures", of.failures}, {"dockerLosses", of.losses},        {"dockerLabelsCut", of.cut},
          {"dockerRests", of.rests}};
}

}  // namespace berth
