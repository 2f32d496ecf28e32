// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_runtime.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "container_watcher/docker/json_fields.h"

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

// Answers from its own turn of the loop, whether it has to ask or not.
void DockerRuntime::ensure(const RuntimeNetwork& network, Then then) {
  asio::co_spawn(io_, ask(network, std::make_shared<Then>(std::move(then))), asio::detached);
}

asio::awaitable<void> DockerRuntime::ask(RuntimeNetwork network, std::shared_ptr<Then> then) {
  co_await asio::post(io_, asio::use_awaitable);
  Result<EnsuredNetwork> result = transient("");
  if (auto known = watcher_.networks_called(network.name); !known.empty()) {
    result = fitted(network, std::move(known));
  } else if (const auto version = co_await client_.negotiate(); version) {
    result = co_await ensure_docker_network(client_, name_, network, kLinkExists);
  } else {
    result = transient(version.error().message);
  }
  if (!result && result.error().remedy.empty())
    result = Error{result.error().kind, result.error().message, "journalctl -u docker; berthd tries it again"};
  if (!stopped_) (*then)(std::move(result));
}

void DockerRuntime::netns(const ContainerKey& container, ThenNetns then) {
  asio::co_spawn(io_, ask_netns(container.id, std::make_shared<ThenNetns>(std::move(then))), asio::detached);
}

// Docker keeps a file that holds the namespace, of a name that no other container ever has. It answers when the start is
// over.
asio::awaitable<void> DockerRuntime::ask_netns(std::string container, std::shared_ptr<ThenNetns> then) {
  co_await asio::post(io_, asio::use_awaitable);
  Result<Netns> result = stale("Docker knows no container " + container);
  if (!is_docker_id(container)) {
  } else if (const auto version = co_await client_.negotiate(); !version) {
    result = version.error();
  } else if (auto answer = co_await client_.request("GET", "/containers/" + container + "/json"); !answer) {
    result = answer.error();
  } else {
    const std::string path(text_of(field(field(*answer, "NetworkSettings"), "SandboxKey")));
    if (path.empty())
      result = stale("container " + container + " does not run");
    else
      result = Netns{path};
  }
  if (!stopped_) (*then)(std::move(result));
}

std::map<std::string, std::uint64_t> DockerRuntime::counters() const {
  const DockerWatcherCounters& of = watcher_.counters();
  return {{"dockerEvents", of.events},     {"dockerFullLists", of.full_lists}, {"dockerOverflows", of.overflows},
          {"dockerFailures", of.failures}, {"dockerLosses", of.losses},        {"dockerLabelsCut", of.cut},
          {"dockerRests", of.rests}};
}

}  // namespace berth
