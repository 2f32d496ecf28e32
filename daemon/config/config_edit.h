// SPDX-License-Identifier: GPL-2.0-or-later
//
// The commands of berthd.conf, for the file and for `configure terminal`: one table says what each line looks like, helps
// with `?` and Tab, and changes a Config. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/config.h"
#include "daemon/vty/grammar.h"

namespace berth {

struct ConfigEdit {
  Config config;
  std::string network;  // the context that the next line is in; empty: the top
  // In the shell a line replaces what was said before; in a file, saying a thing twice that can be once is a mistake.
  bool live = false;
};

const Grammar& config_grammar();   // the top
const Grammar& network_grammar();  // inside of `network NAME`

// One line, in the context that `edit` is in. A line that only the top knows leaves the network, as in FRR. On failure
// nothing is changed.
std::optional<ParseFailure> apply_config_line(ConfigEdit& edit, std::string_view line);
// The same for a line inside of `network NAME` alone.
std::optional<ParseFailure> apply_network_line(NetworkConfig& network, std::string_view line, bool live);
// Would this line leave the network?
bool leaves_network(std::string_view line);

}  // namespace berth
