// SPDX-License-Identifier: GPL-2.0-or-later
//
// For tests/firewall/differential.py: reads listings as ruleset_file.h describes them, each ended by a line "#end", and answers
// each with one line of JSON: for each network, family and direction how much passes and keeps its addresses, and the problems.
#include <iostream>
#include <sstream>

#include "container_watcher/firewall/flow.h"
#include "container_watcher/firewall/program.h"
#include "daemon/config/words.h"
#include "tests/support/ruleset_file.h"

namespace fw = berth::firewall;

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string decided(const std::optional<fw::Decision>& what) {
  return quoted(what ? what->text() + " in " + what->chain->title() : "");
}

std::string addresses(const fw::IntervalSet& set, bool v4) {
  std::string out = "[";
  for (const berth::Prefix& each : prefixes_of(set, v4, 64))
    out += (out.size() > 1 ? "," : "") + quoted(each.to_string());
  return out + "]";
}

std::string json(const fw::FlowVerdict& verdict, bool v4) {
  return "{\"passed\":\"" + std::string(to_string(verdict.passed)) + "\",\"source\":\"" +
         std::string(to_string(verdict.source_kept)) + "\",\"destination\":\"" +
         std::string(to_string(verdict.destination_kept)) + "\",\"drop\":" + decided(verdict.drop) +
         ",\"nat\":" + decided(verdict.nat) + ",\"closed\":" + addresses(verdict.closed, v4) +
         ",\"natted\":" + addresses(verdict.natted, v4) + "}";
}

std::string answer(const std::string& listing) {
  std::istringstream in(listing);
  const fw::RulesetFile file = fw::read_ruleset(in);
  const fw::Ruleset rules = fw::parse_ruleset(file.text);
  std::string out = "{";
  for (const bool v4 : {true, false}) {
    fw::Program program = compile(rules, v4, file.around.interfaces);
    const fw::Flows flows(program, file.sites, file.around);
    for (const berth::NetworkSite& site : file.sites)
      for (const berth::Prefix& subnet : site.subnets) {
        if (subnet.is_v4() != v4) continue;
        out += (out.size() > 1 ? "," : "") + quoted(site.name + (v4 ? " ip" : " ip6")) +
               ":{\"in\":" + json(flows.in(site, subnet), v4) + ",\"out\":" + json(flows.out(site, subnet), v4) + "}";
      }
  }
  out += out.size() > 1 ? ",\"problems\":[" : "\"problems\":[";
  bool first = true;
  for (const auto& [name, verdict] : judge(rules, file.sites, file.around))
    for (const berth::Problem& each : verdict.problems) {
      out += std::string(first ? "" : ",") + "{\"network\":" + quoted(name) + ",\"code\":" + quoted(each.code) +
             ",\"text\":" + quoted(each.text) + ",\"remedy\":" + quoted(each.remedy) +
             ",\"blocks\":" + (each.blocks ? "true" : "false") + "}";
      first = false;
    }
  return out + "]}";
}

}  // namespace

int main() {
  std::string listing;
  for (std::string line; std::getline(std::cin, line);) {
    if (line != "#end") {
      listing += line + "\n";
      continue;
    }
    std::cout << answer(listing) << std::endl;
    listing.clear();
  }
}
