// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is known of one Docker: networks with their endpoints, containers with their labels. Answers go in, in any order;
// take() says what changed since the last take() or snapshot(), at a cost of what changed. Pure; one thread. Owner: the
// watcher.
//
// An endpoint whose container is not known yet is kept back, since a label may forbid what it would bring: unknown() names
// the container. An answer that says what is known already takes no memory: most of what Docker says is of that kind.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/runtime.h"

namespace berth {

struct DockerChanges {
  std::vector<NetworkFact> networks;
  std::vector<std::string> networks_gone;
  std::vector<ContainerFact> containers;
  std::vector<ContainerKey> containers_gone;
};

class DockerView {
 public:
  explicit DockerView(const SharedText& runtime) : runtime_(runtime) {}

  // Each answer says whether it is what was asked for; else nothing of it was taken.
  bool all_containers(const boost::json::value& list);  // GET /containers/json?all=1: there are no others
  bool containers(const boost::json::value& list);      // the same, filtered
  void container_absent(const std::string& id);         // a filtered list without it
  void all_networks(const std::set<std::string>& ids);  // GET /networks: there are no others
  bool network(const std::string& id, const boost::json::value& network);  // GET /networks/{id}
  void network_absent(const std::string& id);                              // 404
  // It does not say who is on it: what is known of it stays. But its silence is not that of a container that has ended.
  void network_silent(const std::string& id);

  std::vector<NetworkFact> networks_called(std::string_view name) const;
  bool lists(std::string_view container) const;
  std::vector<std::string> unknown() const;
  DockerChanges take();
  RuntimeSnapshot snapshot();                 // all of it
  std::uint64_t cut() const { return cut_; }  // labels and the like that were left out for their size, each time

 private:
  struct Container {
    ContainerFact fact;  // endpoints by network id: Docker connects a container to a network only once
    bool listed = false, told = false;
  };
  struct Network {
    NetworkFact fact;
    SharedText id, name, driver;      // as they stand in the endpoints
    std::vector<SharedText> members;  // ids of containers, sorted
  };
  using Containers = std::map<SharedText, Container, std::less<>>;
  Containers::iterator container(std::string_view id);  // made where it is not known
  void touch(const Containers::value_type& container);
  void disconnect(const SharedText& container, std::string_view network);
  bool close(Containers::iterator container);  // is it to be told as gone?

  SharedText runtime_;
  Containers containers_;
  std::map<std::string, Network> networks_;
  std::set<SharedText> touched_, unknown_;
  std::set<std::string> touched_networks_;
  std::uint64_t cut_ = 0;
};

}  // namespace berth
