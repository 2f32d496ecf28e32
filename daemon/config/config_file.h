// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthd.conf, in FRR's manner: one command a line, `!` comments. Pure; any thread. An error names file and line, shows
// the line with a caret under the word, and says what was expected. What a whole network lacks, or contradicts, is said
// of the line that begins it; all of it, once every line for itself is right.
#pragma once

#include <string>
#include <string_view>

#include "core/config.h"
#include "core/result.h"

namespace berth {

Result<Config> parse_config(std::string_view text, const std::string& file_name);

}  // namespace berth
