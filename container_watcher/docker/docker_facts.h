// SPDX-License-Identifier: GPL-2.0-or-later
//
// Docker's JSON into facts. Pure, any thread; what is missing or of another type is left empty, never thrown at.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <vector>

#include "container_watcher/runtime.h"

namespace berth {

bool concerns_us(const boost::json::value& event);  // container and network events that change what is
NetworkFact network_fact(const std::string& runtime, const boost::json::value& network);

class SnapshotBuilder {
 public:
  explicit SnapshotBuilder(std::string runtime) : runtime_(std::move(runtime)) {}
  void containers(const boost::json::value& list);                    // GET /containers/json?all=1
  std::vector<std::string> networks(const boost::json::value& list);  // GET /networks; returns ids to ask for
  void endpoints(const boost::json::value& network);                  // GET /networks/{id}
  RuntimeSnapshot take();

 private:
  std::string runtime_;
  std::map<std::string, ContainerFact> containers_;  // by id
  std::vector<NetworkFact> networks_;
};

}  // namespace berth
