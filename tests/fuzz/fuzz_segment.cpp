// SPDX-License-Identifier: GPL-2.0-or-later
//
// What anybody on a parent's segment sends: at most it says who has an address.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "container_watcher/netlink/address_probe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto answer = berth::answer_in(std::span(data, size));
  if (answer && (answer->mac >> 48) != 0) std::abort();
  return 0;
}
