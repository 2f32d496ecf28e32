// SPDX-License-Identifier: GPL-2.0-or-later
//
// Docker's HTTP API over its unix socket. Thread: the io_context's; owner: the watcher and the network manager, each its
// own. Connections are kept alive and used again: connecting costs more than the answer. Several requests may be under
// way, each on a connection of its own. Errors: Transient when Docker does not answer or says 5xx, Stale for 404 (what was
// asked for is not there), Permanent for another 4xx.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace berth {

// What may stand in a path: an id or a name as Docker allows it.
bool is_docker_id(std::string_view id);

class DockerClient {
 public:
  explicit DockerClient(std::string address);  // "unix:/run/docker.sock"
  ~DockerClient();
  DockerClient(const DockerClient&) = delete;
  DockerClient& operator=(const DockerClient&) = delete;

  // Answer's body as JSON (null where empty); at most 64 MiB. A connection and an answer each have `deadline`.
  boost::asio::awaitable<Result<boost::json::value>> request(
      std::string method, std::string path, boost::json::value body = nullptr,
      std::chrono::milliseconds deadline = std::chrono::seconds(10));
  // Calls back once the stream is open, then for every JSON object in it (each at most 1 MiB). Returns when it ends;
  // always with the reason.
  boost::asio::awaitable<Error> stream(std::string path, std::function<void()> opened,
                                       std::function<void(const boost::json::value&)> event);
  // Asks for the version and settles on an API version that both know. Returns Docker's own version.
  boost::asio::awaitable<Result<std::string>> negotiate();
  const std::string& api() const { return api_; }  // "/v1.41"; empty before negotiate()
  void cancel();                                   // all that is under way ends with an error; the next request is fine

 private:
  struct Connection;
  using Held = std::shared_ptr<Connection>;
  boost::asio::awaitable<Result<Held>> connect(std::chrono::milliseconds deadline = std::chrono::seconds(10));
  boost::asio::awaitable<Result<boost::json::value>> ask(Held connection, const std::string& method,
                                                         const std::string& path, const std::string& body,
                                                         std::chrono::milliseconds deadline, bool& answered);

  std::string path_, api_;
  std::vector<Held> idle_;
  // Shared with the requests that are under way: they may be ended after the client.
  std::shared_ptr<std::set<Connection*>> busy_ = std::make_shared<std::set<Connection*>>();
  std::uint64_t cancels_ = 0;
};

}  // namespace berth
