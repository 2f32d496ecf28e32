// SPDX-License-Identifier: GPL-2.0-or-later
//
// Makes the Docker networks of berthd.conf, or says why an existing one does not fit. Never changes one that is there.
// Our mark: the label berth.network. Thread: the io_context's.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "container_watcher/docker/docker_client.h"
#include "core/config.h"
#include "core/facts.h"

namespace berth {

struct EnsuredNetwork {
  NetworkFact fact;
  bool created = false;
  std::vector<Problem> problems;
};

boost::asio::awaitable<Result<EnsuredNetwork>> ensure_docker_network(DockerClient& client, NetworkConfig config);

}  // namespace berth
