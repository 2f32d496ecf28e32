// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthd.conf: any text is a configuration or an error that says where and that a terminal can show. Of an accepted one the
// policy's bounds hold, and it is read back as it is printed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/config/config_file.h"
#include "daemon/config/config_print.h"
#include "daemon/vty/text.h"
#include "redistribute/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = berth::parse_config({reinterpret_cast<const char*>(data), size}, "fuzz.conf");
  if (!config) {
    const std::string& said = config.error().message;
    if (said.find("fuzz.conf") == std::string::npos || berth::for_terminal(said) != said) std::abort();
    return 0;
  }
  for (const auto& [name, network] : config->networks) {
    if (name.empty() || name != network.name || network.subnets.size() > 2) std::abort();
    for (const auto& subnet : network.subnets)
      if (!berth::subnet_advertisable(subnet.subnet) || (subnet.gateway && !subnet.subnet.contains(*subnet.gateway)))
        std::abort();
  }
  const auto again = berth::parse_config(berth::print_config(*config), "printed");
  if (!again || !(*again == *config)) std::abort();
  return 0;
}
