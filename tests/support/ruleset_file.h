// SPDX-License-Identifier: GPL-2.0-or-later
//
// A ruleset in a file, with the host around it and what is to be said of it in lines that begin with "#:":
//   network NAME BRIDGE PREFIX…      a network of berth; `gateway ADDRESS` in it, once or twice
//   uplink LINK…                     by which the fabric is reached; default eth0; none: not known
//   link LINK [bridge MASTER] [group N] [kind KIND]
//   fabric PREFIX…
//   own PREFIX…                      networks that lie on the host itself
//   host ADDRESS…                    the host's own addresses
//   bridge calls-ip                  net.bridge.bridge-nf-call-iptables and -ip6tables are on
//   lenient NAME
//   verdict NAME ip|ip6 nat=off in=all out=all advertised=yes
//   says NAME CODE TEXT              a problem of that code has the text in it
//   remedy NAME CODE TEXT            and that in its remedy
//   silent NAME                      there is no problem
//   closed NAME ADDRESS              that single address is closed
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/firewall/verdict.h"

namespace berth::firewall {

struct RulesetFile {
  std::string text;
  std::vector<NetworkSite> sites;
  Surroundings around;
  bool uplinks_said = false;
  std::vector<std::vector<std::string>> expected;  // words of the other lines
};

inline std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

inline void read_line(const std::vector<std::string>& words, RulesetFile* out) {
  if (words.size() < 2) return;
  const std::string& what = words[0];
  if (what == "network" && words.size() > 2) {
    NetworkSite site{words[1], words[2], {}};
    for (std::size_t i = 3; i < words.size(); ++i) {
      if (words[i] != "gateway") {
        site.subnets.push_back(*Prefix::parse(words[i]));
      } else if (++i < words.size()) {
        site.addresses.push_back({site.subnets.back(), IpAddress::parse(words[i]), false});
      }
    }
    out->around.interfaces.all.push_back({site.interface, "bridge", "", 0});
    out->sites.push_back(site);
  } else if (what == "uplink") {
    out->uplinks_said = true;
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (words[i] == "none") continue;
      out->around.interfaces.all.push_back({words[i], "", "", 0});
      out->around.uplinks_v4.push_back(words[i]);
    }
    out->around.uplinks_v6 = out->around.uplinks_v4;
  } else if (what == "link") {
    Interface link{words[1], "", "", 0};
    for (std::size_t i = 2; i + 1 < words.size(); i += 2) {
      if (words[i] == "bridge") link.master = words[i + 1];
      if (words[i] == "kind") link.kind = words[i + 1];
      if (words[i] == "group") link.group = static_cast<unsigned>(std::stoul(words[i + 1]));
    }
    out->around.interfaces.all.push_back(link);
  } else if (what == "fabric") {
    for (std::size_t i = 1; i < words.size(); ++i) out->around.fabric.push_back(*Prefix::parse(words[i]));
  } else if (what == "own") {
    for (std::size_t i = 1; i < words.size(); ++i) out->around.own.push_back(*Prefix::parse(words[i]));
  } else if (what == "host") {
    for (std::size_t i = 1; i < words.size(); ++i) out->around.host_addresses.insert(*IpAddress::parse(words[i]));
  } else if (what == "bridge") {
    out->around.interfaces.bridge_calls_v4 = out->around.interfaces.bridge_calls_v6 = true;
  } else if (what == "lenient") {
    for (NetworkSite& site : out->sites) site.lenient = site.lenient || site.name == words[1];
  } else {
    out->expected.push_back(words);
  }
}

inline RulesetFile read_ruleset(std::istream& in) {
  RulesetFile out;
  for (std::string line; std::getline(in, line);) {
    out.text += line + "\n";
    if (line.starts_with("#:")) read_line(words_of(line.substr(2)), &out);
  }
  if (!out.uplinks_said) read_line({"uplink", "eth0"}, &out);
  return out;
}

}  // namespace berth::firewall
