// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_print.h"

#include "daemon/config/config_edit.h"

namespace berth {

std::string print_network(const NetworkConfig& network) {
  return config_lines().networks().print(network);
}

std::string print_config(const Config& config) {
  std::string out = "!\n" + config_lines().print_top(config);
  for (const auto& [name, network] : config.networks) out += "!\n" + print_network(network);
  return out + "!\nend\n";
}

}  // namespace berth
