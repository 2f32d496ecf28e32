// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that another hand has on a host, for its nft: whole states from tests/data/host, and what Docker writes of a network.
#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace berth {

inline std::string rules_in(const std::string& name) {
  const std::ifstream in(BERTH_SOURCE_DIR "/tests/data/host/" + name + ".nft");
  if (!in) throw std::logic_error("there is no " + name + ".nft in tests/data/host");
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// The rules of one network, as Docker 28 adds them to its chains (docker28_without_networks).
inline std::string docker28_rules_of(const std::string& bridge) {
  const std::string link = "\"" + bridge + "\"", add = "add rule ip filter ";
  return add + "DOCKER-BRIDGE oifname " + link + " counter jump DOCKER\n" + add + "DOCKER iifname != " + link +
         " oifname " + link + " counter accept\n" + add + "DOCKER-FORWARD iifname " + link + " counter accept\n";
}

}  // namespace berth
