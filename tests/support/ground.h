// SPDX-License-Identifier: GPL-2.0-or-later
//
// A network's ground on the host in memory.
#pragma once

#include <gtest/gtest.h>

#include "container_watcher/attach/driver.h"
#include "tests/support/fake_host_kernel.h"

namespace berth {

// Carries out what is missing, until nothing is.
inline Groundwork done_on(FakeHostKernel& host, const Driver& driver, const NetworkConfig& config) {
  for (int rounds = 0; rounds < 3; ++rounds) {
    const auto ground = driver.groundwork(config, *host.state());
    if (!ground || ground->missing.empty()) return ground.value_or(Groundwork());
    for (const Operation& each : ground->missing) EXPECT_TRUE(host.apply(each));
  }
  ADD_FAILURE() << "something is always missing";
  return {};
}

}  // namespace berth
