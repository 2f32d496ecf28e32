// SPDX-License-Identifier: GPL-2.0-or-later
//
// One connection to containerd by gRPC: its calls block, each with a deadline. Of each thread one call at a time; cancel() is
// any thread's. Owner: ContainerdWorker, which makes another after a failure, since a channel of gRPC waits longer and longer
// before it connects again.
//
// Stale: there is no such container or task. Transient: containerd does not say.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "container_watcher/containerd/containerd_view.h"
#include "core/result.h"

namespace berth {

// "NAMESPACE/ID": neither has a slash in it.
struct ContainerdKey {
  std::string space, id;
  std::string text() const { return space + "/" + id; }
  static std::optional<ContainerdKey> parse(std::string_view text);
  auto operator<=>(const ContainerdKey&) const = default;
};

// Docker's own containers: Docker tells of them.
inline constexpr std::string_view kDockersNamespace = "moby";

// What an event says: to look at a container, or that a barrier is back.
struct ContainerdEvent {
  std::optional<ContainerdKey> container;
  std::string barrier;
};

class ContainerdClient {
 public:
  explicit ContainerdClient(const std::string& address);  // "unix:/run/containerd/containerd.sock"
  ~ContainerdClient();
  ContainerdClient(const ContainerdClient&) = delete;
  ContainerdClient& operator=(const ContainerdClient&) = delete;

  Result<std::string> version();
  Result<std::vector<std::string>> namespaces();
  Result<std::vector<std::pair<ContainerdKey, ContainerdRow>>> containers(const std::string& space);
  Result<ContainerdRow> container(const ContainerdKey& key);
  Result<TaskRow> task(const ContainerdKey& key);
  // Events as they come, until the stream ends: why it did. Nothing says when the subscription exists, but an event of ours
  // that comes back (publish_barrier(), by another thread).
  Error events(const std::function<void(const ContainerdEvent&)>& each);
  Status publish_barrier(const std::string& id);
  void cancel();                              // what is under way fails, and all that comes
  std::uint64_t cut() const { return cut_; }  // labels that were left out for their size

 private:
  struct Calls;
  std::unique_ptr<Calls> calls_;
  std::uint64_t cut_ = 0;
};

// Does the process that listens on that socket have a number in this PID namespace? Else none of its tasks' numbers means
// anything here.
bool same_processes(const std::string& address);

}  // namespace berth
