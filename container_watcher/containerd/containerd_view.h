// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is known of one containerd: answers go in, whole facts come out. take() says what changed since the last take() or
// snapshot(), at a cost of what changed. Pure; one thread, the daemon's. Owner: ContainerdRuntime.
//
// containerd knows no networks. A task's endpoints are the links that somebody else (CNI) made in its network namespace, and
// each belongs to the network of berthd.conf in whose subnets its addresses are. Of several tasks in one namespace, as in a
// Kubernetes pod, the oldest container has them.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/netlink/host_state.h"
#include "container_watcher/netlink/operation.h"
#include "container_watcher/runtime.h"

namespace berth {

struct ContainerdRow {
  std::string name;
  std::map<std::string, std::string> labels;  // ours
  std::int64_t created = 0;                   // Unix seconds
};

enum class TaskState { None, Created, Running, Paused, Stopped, Unknown };  // Unknown: containerd does not say

struct TaskRow {
  TaskState state = TaskState::None;
  int pid = 0;
  bool lives() const {
    return state == TaskState::Created || state == TaskState::Running || state == TaskState::Paused;
  }
};

// A link by which a task's namespace leads to this host or out of it, that is not ours and has a global address. One without may be
// half made: by CNI, or by berthd, which marks its own before it gives it an address.
struct TaskLink {
  int index = 0;
  std::string name, kind;
  Mac mac = 0;
  std::vector<IpAddress> addresses;  // global ones
  bool operator==(const TaskLink&) const = default;
};

struct TaskNetns {
  NetnsId id;
  bool of_host = false;  // berthd's own
  std::vector<TaskLink> links;
  std::size_t cut = 0;  // links and addresses that were left out
  bool operator==(const TaskNetns&) const = default;
};

// A task that may change its own links can make any number of them: so many are looked at, each with so many addresses.
inline constexpr std::size_t kMostLinks = 16, kMostAddresses = 16;
// The links of somebody else's making; `cut` grows by what was left out.
std::vector<TaskLink> task_links(const HostState& state, std::size_t* cut);

// Of one container, all that is known of it. Nothing in `netns`: it could not be read, and what is known of the same process
// holds.
struct ContainerAnswer {
  std::string id;                    // "NAMESPACE/ID"
  std::optional<ContainerdRow> row;  // nothing: there is no such container
  TaskRow task;
  std::optional<TaskNetns> netns;
  std::string why, remedy;  // why it could not be read, where that may last
};

struct ContainerdChanges {
  std::vector<ContainerFact> containers;
  std::vector<ContainerKey> containers_gone;
};

class ContainerdView {
 public:
  explicit ContainerdView(const SharedText& runtime) : runtime_(runtime) {}
  void answer(ContainerAnswer answer);
  void all(const std::set<std::string>& ids);  // there are no others
  void network(NetworkFact fact);              // one that is wanted; what is known is matched anew
  const ContainerFact* find(std::string_view id) const;
  ContainerdChanges take();
  RuntimeSnapshot snapshot();  // all of it
  std::vector<UnknownNetwork> unknown() const;

 private:
  struct Container {
    ContainerFact fact;  // as it was told
    ContainerdRow row;
    TaskRow task;
    std::optional<NetnsId> netns;
    std::string why, remedy;
    bool told = false;
  };
  using Containers = std::map<SharedText, Container, std::less<>>;
  using Seniority = std::pair<std::int64_t, SharedText>;  // when it was made, and its id
  struct Shared {  // a namespace; what the last look at any task in it has found holds for all
    TaskNetns found;
    std::set<Seniority> tasks;
  };
  void move(Containers::iterator container, const std::optional<TaskNetns>& to);
  void remove(Containers::iterator container);
  void touch(const Shared& netns);
  std::vector<EndpointFact> endpoints_of(const TaskNetns& netns) const;
  bool tell(Containers::iterator container);  // into its fact: did that change it?

  SharedText runtime_;
  Containers containers_;
  std::map<NetnsId, Shared> namespaces_;
  std::map<std::string, NetworkFact> networks_;  // by name
  std::set<SharedText> touched_;
  std::vector<ContainerKey> gone_;
};

}  // namespace berth
