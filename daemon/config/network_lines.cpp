// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/network_lines.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "daemon/config/network_options.h"

namespace berth {
namespace {

struct PrintedWord {
  std::string_view word;
  bool of_subnet = false;  // stands under the subnet that it is about
};

// How an operator reads a network: what it is, its addresses, what of it is advertised, what is allowed. A line may need those
// before it, when it is read again: a gateway its subnet. Lines that one driver alone knows, and are not named here, stand
// behind the subnets.
constexpr std::array<PrintedWord, 13> kOrder = {{{"driver"},
                                                 {"runtime"},
                                                 {"docker-network"},
                                                 {"subnet", true},
                                                 {"gateway", true},
                                                 {"ip-range", true},
                                                 {"advertise"},
                                                 {"tag"},
                                                 {"mtu"},
                                                 {"max-containers"},
                                                 {"anycast"},
                                                 {"nat-check"},
                                                 {"allow"}}};
constexpr std::size_t kDriversOwn = 6;  // they stand before advertise

const PrintedWord* printed(const NetworkOption& option) {
  const std::string_view first = std::string_view(option.syntax).substr(0, option.syntax.find(' '));
  const auto found =
      std::find_if(kOrder.begin(), kOrder.end(), [&](const PrintedWord& each) { return each.word == first; });
  return found == kOrder.end() ? nullptr : &*found;
}

bool of_subnet(const NetworkOption& option) {
  const PrintedWord* word = printed(option);
  return word && word->of_subnet;
}

void sort(std::vector<NetworkOption>& options) {
  // Twice the index, so that there is one between two.
  const auto position = [](const NetworkOption& option) -> std::size_t {
    const PrintedWord* word = printed(option);
    return word ? 2 * static_cast<std::size_t>(word - kOrder.data()) : 2 * kDriversOwn - 1;
  };
  std::stable_sort(options.begin(), options.end(),
                   [&](const NetworkOption& a, const NetworkOption& b) { return position(a) < position(b); });
}

std::vector<Command> commands_of(const std::vector<NetworkOption>& options) {
  std::vector<Command> out;
  for (const NetworkOption& each : options) {
    out.push_back({each.syntax, each.help});
    out.push_back({each.unset_syntax, each.unset_help});
  }
  return out;
}

std::vector<Command> together(std::vector<Command> commands, const std::vector<Command>& more) {
  commands.insert(commands.end(), more.begin(), more.end());
  return commands;
}

std::vector<NetworkOption> options_of(const std::vector<const Driver*>& all, const std::vector<const Driver*>& these) {
  std::vector<NetworkOption> out = common_network_options(all);
  std::set<std::string> known;
  for (const Driver* driver : these)
    for (const NetworkOption& option : driver->options())
      if (known.insert(option.syntax).second) out.push_back(option);
  sort(out);
  return out;
}

}  // namespace

OptionWords words_of(const ParsedLine& line) {
  OptionWords out;
  for (const ParsedWord& word : line.words) out.push_back(word.text);
  return out;
}

ParseFailure failure_of(const ParsedLine& line, const OptionMistake& mistake) {
  return {ParseFailure::Kind::NoMatch, line.words[mistake.word].column, kUnderstood, mistake.expected};
}

NetworkLines::NetworkLines(const std::vector<const Driver*>& drivers, const std::vector<Command>& more)
    : every_line_(commands_of(options_of(drivers, drivers))) {
  const auto add = [&](std::string_view name, const std::vector<const Driver*>& these) {
    std::vector<NetworkOption> options = options_of(drivers, these);
    Grammar grammar(together(commands_of(options), more));
    tables_.emplace(name, Table{std::move(options), std::move(grammar)});
  };
  add("", {});
  for (const Driver* driver : drivers) add(driver->name(), {driver});
}

const NetworkLines::Table& NetworkLines::table(std::string_view driver) const {
  const auto found = tables_.find(driver);
  return found == tables_.end() ? tables_.at("") : found->second;
}

std::variant<ParsedLine, ParseFailure> NetworkLines::parse(std::string_view driver, std::string_view line) const {
  auto own = grammar(driver).parse(line);
  if (std::holds_alternative<ParsedLine>(own)) return own;
  const ParseFailure& failed = std::get<ParseFailure>(own);
  if (failed.kind == ParseFailure::Kind::Ambiguous) return own;  // among its own lines, hence it has them
  std::string others;
  for (const auto& [name, table] : tables_) {
    if (name.empty() || name == driver) continue;
    const auto parsed = table.grammar.parse(line);
    const auto* failure = std::get_if<ParseFailure>(&parsed);
    if (!failure || failure->depth > failed.depth) others += (others.empty() ? "" : " and ") + name;
  }
  if (others.empty()) return own;
  return ParseFailure{ParseFailure::Kind::NoMatch, split_words(line)[0].column, kUnderstood,
                      "another line: driver " + std::string(driver) + " has no such line; " + others +
                          (others.find(' ') == std::string::npos ? " has" : " have")};
}

std::optional<OptionMistake> NetworkLines::apply(NetworkConfig& network, const ParsedLine& line, bool live) const {
  const NetworkOption& option = table(network.driver).options[line.command / 2];
  return (line.command % 2 ? option.unset : option.set)(network, words_of(line), live);
}

std::string NetworkLines::print(const NetworkConfig& network) const {
  std::string out = "network " + network.name + "\n";
  const auto add = [&](const NetworkOption& option, const NetworkConfig& of) {
    for (const std::string& line : option.print(of)) out += " " + line + "\n";
  };
  const std::vector<NetworkOption>& options = table(network.driver).options;
  for (auto option = options.begin(); option != options.end();) {
    if (!of_subnet(*option)) {
      add(*option++, network);
      continue;
    }
    const auto end = std::find_if_not(option, options.end(), of_subnet);
    for (const SubnetConfig& subnet : network.subnets) {
      NetworkConfig one = network;
      one.subnets = {subnet};
      for (auto each = option; each != end; ++each) add(*each, one);
    }
    option = end;
  }
  return out + "exit\n";
}

}  // namespace berth
