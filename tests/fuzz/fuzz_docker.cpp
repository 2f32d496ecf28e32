// SPDX-License-Identifier: GPL-2.0-or-later
//
// Docker's answers, as JSON of any shape: facts come out, or nothing; never an exception, never a crash.
#include <boost/json/parse.hpp>
#include <cstdint>
#include <string_view>

#include "container_watcher/docker/docker_facts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  boost::system::error_code error;
  const auto value = boost::json::parse(std::string_view(reinterpret_cast<const char*>(data), size), error);
  if (error) return 0;
  static_cast<void>(berth::concerns_us(value));
  static_cast<void>(berth::network_fact("docker", value));
  berth::SnapshotBuilder builder("docker");
  builder.containers(value);
  static_cast<void>(builder.networks(value));
  builder.endpoints(value);
  builder.endpoints(value);
  static_cast<void>(builder.take());
  return 0;
}
