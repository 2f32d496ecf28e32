// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a runtime tells, kept as it was said: the last word on each container, and how often which kind of word came. One thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/runtime.h"

namespace berth {

class ToldSink : public RuntimeSink {
 public:
  void runtime_connected(const std::string&, const std::string& version) override { versions.push_back(version); }
  void runtime_lost(const std::string&, const std::string& why) override { lost.push_back(why); }
  void snapshot(const std::string&, RuntimeSnapshot all) override {
    ++snapshots;
    known.clear();
    unknown = std::move(all.unknown);
    for (const ContainerFact& each : all.containers) known[each.key.id] = each;
  }
  void container_changed(ContainerFact fact) override {
    ++changes;
    known[fact.key.id] = fact;
  }
  void container_gone(const ContainerKey& key) override {
    ++gone;
    known.erase(key.id);
  }
  void network_changed(NetworkFact fact) override { networks.push_back(fact.name); }
  void network_gone(const std::string&, const std::string& id) override { networks_gone.push_back(id); }
  void networks_unknown(const std::string&, std::vector<UnknownNetwork> all) override { unknown = std::move(all); }

  std::vector<UnknownNetwork> unknown;
  int snapshots = 0, changes = 0, gone = 0;
  std::vector<std::string> versions, lost, networks, networks_gone;
  std::map<std::string, ContainerFact> known;
};

}  // namespace berth
