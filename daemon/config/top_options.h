// SPDX-License-Identifier: GPL-2.0-or-later
//
// The lines of berthd.conf outside of `network NAME`, as rows: how each is typed, what it sets, how it is taken back and how it
// is printed. Pure; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/network_option.h"
#include "daemon/config/config_edit.h"
#include "daemon/tenants.h"

namespace berth {

struct TopOption {
  using Change = std::function<std::optional<OptionMistake>(ConfigEdit&, const OptionWords&)>;
  std::string syntax, help;
  Change set;  // looks at all of the line before it changes anything
  std::string unset_syntax, unset_help;
  Change unset;
  std::function<std::vector<std::string>(const Config&)> print;  // the lines that set it again; none by default
};

// In the order in which they are printed; `network NAME`, the last one, prints nothing by itself.
std::vector<TopOption> top_options(const std::vector<RuntimeKind>& runtimes, const std::vector<RouteSinkKind>& sinks);

}  // namespace berth
