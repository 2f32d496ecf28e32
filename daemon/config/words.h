// SPDX-License-Identifier: GPL-2.0-or-later
//
// The words that shows, configuration and JSON use for core's enumerations. Pure; any thread.
#pragma once

#include <string_view>

#include "core/config.h"
#include "core/facts.h"

namespace berth {

inline std::string_view to_string(Advertise what) {
  switch (what) {
    case Advertise::None: return "none";
    case Advertise::Host: return "host";
    case Advertise::Subnet: return "subnet";
    case Advertise::Both: return "both";
  }
  return "none";
}

inline std::string_view to_string(LabelKind label) {
  switch (label) {
    case LabelKind::Advertise: return "advertise";
    case LabelKind::Tag: return "tag";
    case LabelKind::Network: return "network";
  }
  return "advertise";
}

inline std::string_view to_string(Nat nat) {
  switch (nat) {
    case Nat::Unknown: return "unknown";
    case Nat::Off: return "off";
    case Nat::On: return "on";
    case Nat::Some: return "some";
  }
  return "unknown";
}

inline std::string_view to_string(Passing passing) {
  switch (passing) {
    case Passing::Unknown: return "unknown";
    case Passing::All: return "all";
    case Passing::Some: return "some";
    case Passing::None: return "none";
  }
  return "unknown";
}

}  // namespace berth
