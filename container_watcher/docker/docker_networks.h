// SPDX-License-Identifier: GPL-2.0-or-later
//
// Makes the Docker networks of berthd.conf, or says why an existing one does not fit. Never changes one that is there, and
// never has Docker make a bridge where the host has an interface of that name: Docker would take it over, with its
// addresses, without a word. Our mark: the label berth.network. Thread: the io_context's.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <vector>

#include "container_watcher/docker/docker_client.h"
#include "container_watcher/runtime.h"
#include "core/config.h"
#include "core/facts.h"

namespace berth {

using LinkExists = std::function<bool(const std::string& name)>;
// In this network namespace, which is Docker's too; other names of a link count.
bool link_exists(const std::string& name);

// What of one or more networks of that name is ours, and how it fits. `found`: all that Docker has of that name, not empty.
EnsuredNetwork fitted(const RuntimeNetwork& wanted, std::vector<NetworkFact> found);

// Asks Docker, and has it make the network where there is none of that name. `is_there` outlives the call.
boost::asio::awaitable<Result<EnsuredNetwork>> ensure_docker_network(DockerClient& client, std::string runtime,
                                                                     RuntimeNetwork wanted, const LinkExists& is_there);

}  // namespace berth
