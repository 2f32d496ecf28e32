// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host with its truth, for property tests of the brain: what runs and what is allowed (State), what must follow from it
// (expected(), a naive second reading of the rules), and a World that feeds a Redistributor, acts on its steps one at a
// time and holds the laws of DESIGN after each.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "redistribute/redistributor.h"
#include "tests/support/fake_zebra.h"

namespace berth {

struct State {
  Config config;
  std::map<ContainerKey, ContainerFact> containers;
  std::map<std::string, bool> natted;      // network -> NAT is on
  std::map<std::string, std::string> ids;  // network -> the runtime's id of it, when it was made anew; else its name
  std::string id_of(const std::string& network) const { return ids.contains(network) ? ids.at(network) : network; }
  std::set<IpAddress> host_addresses;
};

// What zebra must hold once all is quiet, as FakeZebra::text() says it.
std::string expected(const State& state);

using Random = std::mt19937;
State first_state();
// One random change to what is.
void mutate(State& state, Random& random);

class World {
 public:
  World() { boot(); }
  void boot();                                                  // berthd begins anew; zebra and the kernel stay
  void tell(const State& state, bool reverse, bool duplicate);  // everything that differs from what was told before
  void list();                                                  // a full list of the runtime
  void runtime_lost() { brain_->runtime_lost("docker"); }
  void fail(const std::string& network, bool on);  // the runtime fails to tell of it
  void session(bool up);
  bool has_bridge(const std::string& network) const { return kernel_.contains("br-" + network); }
  bool step();    // one step or one answer; false: nothing to do
  void settle();  // until nothing is left to do
  void retry() {
    brain_->retry();
    brain_->ask_again();
  }

  FakeZebra zebra;
  Redistributor& brain() { return *brain_; }

 private:
  void act(const Action& step);
  void hold_laws() const;
  void check_keep(const std::vector<Prefix>& keep) const;
  void say_health(const std::string& network);

  std::unique_ptr<Redistributor> brain_;
  State told_;
  std::set<std::string> kernel_;  // interfaces that exist
  std::set<std::string> failing_;
  std::set<RibKey> named_;  // announced in this session
  bool listed_ = false;
};

}  // namespace berth
