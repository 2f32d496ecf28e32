// SPDX-License-Identifier: GPL-2.0-or-later
//
// One line of `network NAME` in berthd.conf, as a row: how it is typed, what it sets, how it is taken back and how it is
// printed. The configuration's grammar, `?`, `show running-config` and the documentation's check all read the row. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"

namespace berth {

// A word that is well-formed and can't stand there.
struct OptionMistake {
  std::size_t word = 0;  // index into the line's words
  std::string expected;  // "a prefix inside of 10.1.0.0/16"
};

// The words of a line that the syntax took, keywords written out in full, the `no` of one that is taken back among them.
using OptionWords = std::vector<std::string>;

struct NetworkOption {
  using Change = std::function<std::optional<OptionMistake>(NetworkConfig&, const OptionWords&, bool live)>;

  std::string syntax;  // daemon/vty/grammar.h says which words it may have: "mode <bridge|vepa>"
  std::string help;    // one line for each token of the syntax
  // Looks at all of the line before it changes anything. `live`: at the shell, where a line replaces what was said before; in
  // a file, saying twice what can be once is a mistake.
  Change set;
  std::string unset_syntax;  // "no mode [<bridge|vepa>]"
  std::string unset_help;
  Change unset;
  std::function<std::vector<std::string>(const NetworkConfig&)> print;  // the lines that set it again; none by default
};

}  // namespace berth
