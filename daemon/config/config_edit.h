// SPDX-License-Identifier: GPL-2.0-or-later
//
// The lines of berthd.conf, for the file and for `configure terminal`: one table of rows for each mode says what a line looks
// like, helps with `?` and Tab, changes a Config, and prints it. A line is parsed once; what was parsed is passed on. Pure; any
// thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/config.h"
#include "daemon/config/network_lines.h"
#include "daemon/vty/grammar.h"

namespace berth {

struct TopOption;

struct ConfigEdit {
  Config config;
  std::string network;  // the context that the next line is in; empty: the top
  // In the shell a line replaces what was said before; in a file, saying a thing twice that can be once is a mistake.
  bool live = false;
  std::set<std::string> begun = {};  // networks that are being written and that `config` may not have yet
  std::string taken_back = {};       // the network that `no network NAME` has just named
};

// A line that was parsed, and whose it is.
struct ConfigLine {
  enum class Of { Top, Network, More };
  Of of = Of::Top;
  ParsedLine line;  // its command counts from the first of them
};

class ConfigLines {
 public:
  // `more`: commands that both modes have beside the configuration, such as the shell's `exit`.
  explicit ConfigLines(const std::vector<Command>& more);
  ~ConfigLines();

  // `inside`: the network whose lines come; nullptr: the top. A line that only the top knows is the top's there, too.
  std::variant<ConfigLine, ParseFailure> parse(std::string_view text, const NetworkConfig* inside) const;
  std::variant<ConfigLine, ParseFailure> parse_top(std::string_view text) const;
  // On failure nothing is changed.
  std::optional<ParseFailure> apply(ConfigEdit& edit, const ParsedLine& line) const;  // one of the top
  std::optional<ParseFailure> apply(NetworkConfig& network, const ParsedLine& line, bool live) const;

  // What may be typed there, `more` included.
  const Grammar& grammar(const NetworkConfig* inside) const;
  std::string print_top(const Config& config) const;
  const NetworkLines& networks() const { return networks_; }

 private:
  const std::vector<TopOption> options_;
  const Grammar top_;            // without `more`
  const Grammar top_mode_;       // with it
  const NetworkLines networks_;  // with it
};

// The configuration alone, as the file has it.
const ConfigLines& config_lines();
const Grammar& config_grammar();   // the top
const Grammar& network_grammar();  // inside of `network NAME`, whatever its driver

// One line of a file, in the context that `edit` is in. A line that only the top knows leaves the network, as in FRR. On failure
// nothing is changed.
std::optional<ParseFailure> apply_config_line(ConfigEdit& edit, std::string_view text);

}  // namespace berth
