// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthd.conf: any text is a configuration or an error that says where. Of an accepted one the policy's bounds hold.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/config/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = berth::parse_config({reinterpret_cast<const char*>(data), size}, "fuzz.conf");
  if (!config) {
    if (config.error().message.find("fuzz.conf") == std::string::npos) std::abort();
    return 0;
  }
  for (const auto& [name, network] : config->networks) {
    if (name.empty() || name != network.name || network.subnets.size() > 2) std::abort();
    for (const auto& subnet : network.subnets)
      if (subnet.gateway && !subnet.subnet.contains(*subnet.gateway)) std::abort();
  }
  return 0;
}
