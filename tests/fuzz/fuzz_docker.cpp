// SPDX-License-Identifier: GPL-2.0-or-later
//
// Docker's answers, as JSON of any shape: facts come out, or nothing; never an exception, never a crash.
#include <boost/json/parse.hpp>
#include <cstdint>
#include <string_view>

#include "container_watcher/docker/docker_facts.h"
#include "container_watcher/docker/docker_view.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  boost::system::error_code error;
  const auto value = boost::json::parse(std::string_view(reinterpret_cast<const char*>(data), size), error);
  if (error) return 0;
  const berth::EventSubject subject = berth::subject_of(value);
  static_cast<void>(berth::network_fact("docker", value));
  static_cast<void>(berth::containers_of(value));
  berth::DockerView view("docker");
  view.containers(value);
  const auto networks = berth::networks_of("docker", value);
  const std::string id = berth::network_fact("docker", value).id;
  view.network(networks && !networks->empty() ? networks->front().id : id, value);
  view.network(id, value);
  view.container_absent(subject.container);
  static_cast<void>(view.take());
  view.network(id, value);
  view.all_containers(value);
  view.network_silent(id);
  view.all_networks({id});
  static_cast<void>(view.snapshot());
  view.network_absent(subject.network);
  for (const std::string& id : view.unknown()) view.container_absent(id);
  static_cast<void>(view.take());
  static_cast<void>(view.snapshot());
  return 0;
}
