// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/rib.h"

namespace berth {

std::string_view to_string(RibState state) {
  switch (state) {
    case RibState::Pending: return "pending";
    case RibState::Accepted: return "accepted";
    case RibState::Installed: return "installed";
    case RibState::NotBest: return "notBest";
    case RibState::Inactive: return "inactive";
    case RibState::Rejected: return "rejected";
    case RibState::Gone: return "gone";
    case RibState::Stale: return "stale";
    case RibState::Other: return "other";
  }
  return "pending";
}

}  // namespace berth
