// SPDX-License-Identifier: GPL-2.0-or-later
//
// Docker's JSON into facts. Pure, any thread; what is missing or of another type is left empty, never thrown at. Only
// labels of ours are kept, and of those a bounded number and length: an image may bring any.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/runtime.h"

namespace berth {

// What an event asks to look at again. Empty ids: nothing.
struct EventSubject {
  std::string network, container;
  bool all = false;            // it names nothing that could be looked at alone
  std::int64_t time_nano = 0;  // Docker's clock
};
EventSubject subject_of(const boost::json::value& event);
NetworkFact network_fact(const std::string& runtime, const boost::json::value& network);
// GET /networks: those that may have endpoints with addresses. nullopt: it is no list of networks.
std::optional<std::vector<NetworkFact>> networks_of(const std::string& runtime, const boost::json::value& list);
std::size_t containers_of(const boost::json::value& network);  // how many endpoints GET /networks/{id} tells of

struct DockerChanges {
  std::vector<NetworkFact> networks;
  std::vector<std::string> networks_gone;
  std::vector<ContainerFact> containers;
  std::vector<ContainerKey> containers_gone;
};

// What is known of one Docker: networks with their endpoints, containers with their labels. Answers go in, in any
// order; take() says what changed since the last take() or snapshot(), at a cost of what changed. An endpoint whose
// container is not known yet is kept back, since a label may forbid what it would bring: unknown() names the container.
class DockerView {
 public:
  explicit DockerView(std::string runtime) : runtime_(std::move(runtime)) {}
  // Each answer says whether it is what was asked for; else nothing of it was taken.
  bool containers(const boost::json::value& list);  // GET /containers/json?all=1, whole or filtered
  void container_absent(const std::string& id);     // a filtered list without it
  bool network(const std::string& id, const boost::json::value& network);  // GET /networks/{id}
  void network_absent(const std::string& id);                              // 404
  void keep(const DockerView& old, const std::string& network);            // it does not say: what was known of it
  bool lists(const std::string& container) const;
  std::vector<std::string> unknown() const { return {unknown_.begin(), unknown_.end()}; }
  DockerChanges take();
  RuntimeSnapshot snapshot();                 // all of it
  std::uint64_t cut() const { return cut_; }  // labels and the like that were left out for their size

 private:
  struct Container {
    ContainerFact fact;  // without endpoints
    bool listed = false, told = false;
    std::map<std::string, EndpointFact> endpoints;  // by network id: Docker connects a container to one only once
    ContainerFact last;                             // as told
  };
  struct Network {
    NetworkFact fact;
    std::set<std::string> containers;
  };
  void touch(const std::string& id, const Container& container);
  void disconnect(const std::string& container, const std::string& network);
  static ContainerFact whole(const Container& container);

  std::string runtime_;
  std::map<std::string, Container> containers_;
  std::map<std::string, Network> networks_;
  std::set<std::string> touched_, touched_networks_, unknown_;
  std::uint64_t cut_ = 0;
};

}  // namespace berth
