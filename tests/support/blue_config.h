// SPDX-License-Identifier: GPL-2.0-or-later
//
// A configuration for tests of the brain: one network of Docker's, advertised in both ways.
#pragma once

#include "core/config.h"

namespace berth {

inline Config blue_config() {
  Config config;
  config.runtimes = {{"docker", "docker", "unix:/run/docker.sock"}};
  NetworkConfig blue;
  blue.name = "blue";
  blue.subnets = {{*Prefix::parse("10.10.1.0/24"), IpAddress::parse("10.10.1.1"), {}}};
  blue.advertise = Advertise::Both;
  blue.tag = 100;
  config.networks["blue"] = blue;
  return config;
}

}  // namespace berth
