// SPDX-License-Identifier: GPL-2.0-or-later
//
// May this address of this endpoint be advertised, and with which tag? Pure functions; any thread. Default deny: a label
// may ask, only the operator's configuration allows (DESIGN, law 6). Labels come from images and are hostile.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/facts.h"

namespace berth {

struct Verdict {
  bool advertise = false;
  std::uint32_t tag = 0;
  std::string step;    // the step that said no: "policy", "label", "prefix"
  std::string detail;
  std::string remedy;
};

struct LabelRefusal {
  std::string label;
  std::string why;
};

// What the labels change, and which of them were refused.
struct LabelEffect {
  Advertise advertise = Advertise::None;
  std::uint32_t tag = 0;
  std::vector<LabelRefusal> refused;
};

LabelEffect apply_labels(const Config& config, const NetworkConfig& network, const ContainerFact& container);
Verdict judge(const NetworkConfig& network, const LabelEffect& labels, const std::set<IpAddress>& host_addresses,
              const IpAddress& address);

}  // namespace berth
