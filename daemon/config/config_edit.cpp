// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_edit.h"

#include <utility>

#include "daemon/config/top_options.h"
#include "daemon/tenants.h"
#include "daemon/vty/text.h"

namespace berth {
namespace {

constexpr const char* kText = "text, without control characters";

// For each row what sets it and what takes it back.
std::vector<Command> commands_of(const std::vector<TopOption>& options, const std::vector<Command>& more) {
  std::vector<Command> out;
  for (const TopOption& each : options) {
    out.push_back({each.syntax, each.help});
    out.push_back({each.unset_syntax, each.unset_help});
  }
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

// A line that a grammar took: one of its own rows, or one of those behind them.
ConfigLine line_of(ParsedLine parsed, ConfigLine::Of mode, std::size_t own_commands) {
  if (parsed.command < own_commands) return {mode, std::move(parsed)};
  parsed.command -= own_commands;
  return {ConfigLine::Of::More, std::move(parsed)};
}

}  // namespace

ConfigLines::ConfigLines(const std::vector<Command>& more)
    : options_(top_options(runtime_kinds(), route_sink_kinds())),
      top_(commands_of(options_, {})),
      top_mode_(commands_of(options_, more)),
      networks_(drivers(), more) {}

ConfigLines::~ConfigLines() = default;

const Grammar& ConfigLines::grammar(const NetworkConfig* inside) const {
  return inside ? networks_.grammar(inside->driver) : top_mode_;
}

std::variant<ConfigLine, ParseFailure> ConfigLines::parse_top(std::string_view text) const {
  auto parsed = top_mode_.parse(text);
  if (const auto* failure = std::get_if<ParseFailure>(&parsed)) return *failure;
  return line_of(std::move(std::get<ParsedLine>(parsed)), ConfigLine::Of::Top, 2 * options_.size());
}

std::variant<ConfigLine, ParseFailure> ConfigLines::parse(std::string_view text, const NetworkConfig* inside) const {
  if (!inside) return parse_top(text);
  auto parsed = networks_.parse(inside->driver, text);
  if (auto* line = std::get_if<ParsedLine>(&parsed))
    return line_of(std::move(*line), ConfigLine::Of::Network, networks_.own_commands(inside->driver));
  auto outside = top_.parse(text);
  if (auto* line = std::get_if<ParsedLine>(&outside)) return ConfigLine{ConfigLine::Of::Top, std::move(*line)};
  // What is told is how the line could have gone on where more of it was understood.
  const ParseFailure &inner = std::get<ParseFailure>(parsed), &outer = std::get<ParseFailure>(outside);
  return outer.depth > inner.depth ? outer : inner;
}

std::optional<ParseFailure> ConfigLines::apply(ConfigEdit& edit, const ParsedLine& line) const {
  const TopOption& option = options_[line.command / 2];
  const std::string left = std::exchange(edit.network, {});
  const auto mistake = (line.command % 2 ? option.unset : option.set)(edit, words_of(line));
  if (!mistake) return std::nullopt;
  edit.network = left;
  return failure_of(line, *mistake);
}

std::optional<ParseFailure> ConfigLines::apply(NetworkConfig& network, const ParsedLine& line, bool live) const {
  if (const auto mistake = networks_.apply(network, line, live)) return failure_of(line, *mistake);
  return std::nullopt;
}

std::string ConfigLines::print_top(const Config& config) const {
  std::string out;
  for (const TopOption& option : options_)
    for (const std::string& line : option.print(config)) out += line + "\n";
  return out;
}

const ConfigLines& config_lines() {
  static const ConfigLines lines({});
  return lines;
}

const Grammar& config_grammar() {
  return config_lines().grammar(nullptr);
}

const Grammar& network_grammar() {
  return config_lines().networks().every_line();
}

std::optional<ParseFailure> apply_config_line(ConfigEdit& edit, std::string_view text) {
  if (const auto column = not_text(text)) return ParseFailure{ParseFailure::Kind::NoMatch, *column, 0, kText};
  const ConfigLines& lines = config_lines();
  NetworkConfig* inside = edit.network.empty() ? nullptr : &edit.config.networks[edit.network];
  auto parsed = lines.parse(text, inside);
  if (const auto* failure = std::get_if<ParseFailure>(&parsed)) return *failure;
  const ConfigLine& line = std::get<ConfigLine>(parsed);
  if (line.of == ConfigLine::Of::Top) return lines.apply(edit, line.line);
  auto failure = lines.apply(*inside, line.line, edit.live);
  if (!failure) return std::nullopt;
  // `no runtime NAME` is a line of both: the network's where that is its runtime, else the top's.
  const auto outside = lines.parse_top(text);
  const auto* of_top = std::get_if<ConfigLine>(&outside);
  return of_top ? lines.apply(edit, of_top->line) : failure;
}

}  // namespace berth
