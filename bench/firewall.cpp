// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a look at the rules costs, without and with the kernel's part: rulesets of 10, 1,000 and 50,000 rules and elements, of
// kinds that hosts have. Prints one line for each: how long reading the text, and judging two networks, take.
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/support/ruleset_file.h"

namespace fw = berth::firewall;

namespace {

double milliseconds(std::clock_t since) {
  return 1000.0 * static_cast<double>(std::clock() - since) / CLOCKS_PER_SEC;
}

}  // namespace

// firewall FILE…: each a listing as ruleset_file.h describes it.
int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i]);
    fw::RulesetFile file = fw::read_ruleset(in);
    const auto begin = std::clock();
    const fw::Ruleset rules = fw::parse_ruleset(file.text);
    const double parsed = milliseconds(begin);
    const auto then = std::clock();
    const auto verdicts = fw::judge(rules, file.sites, file.around);
    const double judged = milliseconds(then);
    std::size_t count = 0, elements = 0, problems = 0;
    for (const fw::Chain& chain : rules.chains) count += chain.rules.size();
    for (const fw::Set& set : rules.sets) elements += set.elements.size();
    for (const auto& [name, verdict] : verdicts) problems += verdict.problems.size();
    std::printf("%-40s %8zu rules %8zu elements %6.1f MB: parse %7.1f ms, judge %7.1f ms, %zu problems\n", argv[i],
                count, elements, static_cast<double>(file.text.size()) / 1e6, parsed, judged, problems);
  }
}
