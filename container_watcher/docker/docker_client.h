// SPDX-License-Identifier: GPL-2.0-or-later
//
// Docker's HTTP API over its unix socket. Thread: the io_context's; owner: the watcher and the network manager, each its
// own. One request at a time; a connection for each. Errors: Transient when Docker does not answer, Permanent for its 4xx.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <string>

#include "core/result.h"

namespace berth {

class DockerClient {
 public:
  explicit DockerClient(std::string address);  // "unix:/run/docker.sock"
  // Answer's body as JSON (null where empty). Deadline: 10 s.
  boost::asio::awaitable<Result<boost::json::value>> request(std::string method, std::string path,
                                                             boost::json::value body = nullptr);
  // Calls back once the stream is open, then for every JSON object in it. Returns when it ends; always with the reason.
  boost::asio::awaitable<Error> stream(std::string path, std::function<void()> opened,
                                       std::function<void(const boost::json::value&)> event);
  // Asks for the version and settles on an API version that both know. Returns Docker's own version.
  boost::asio::awaitable<Result<std::string>> negotiate();

 private:
  std::string path_, api_;
};

}  // namespace berth
