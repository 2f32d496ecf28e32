// SPDX-License-Identifier: GPL-2.0-or-later
//
// May this address of this endpoint be advertised, and with which tag? Pure functions; any thread. Default deny: a label
// may ask, only the operator's configuration allows (DESIGN, law 6). Labels come from images and are hostile.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/facts.h"

namespace berth {

struct Verdict {
  bool advertise = false;
  std::uint32_t tag = 0;
  std::string step;  // the step that said no: "policy", "label", "prefix"
  std::string detail;
  std::string remedy;
};

struct LabelRefusal {
  std::string label;
  std::string why;
};

inline constexpr std::size_t kRefusalsOfLabels = 8;  // what more labels are refused is told as one

// What the labels change, and which of them were refused.
struct LabelEffect {
  Advertise advertise = Advertise::None;
  std::uint32_t tag = 0;
  std::vector<LabelRefusal> refused;
};

// `attached`: the names of all configured networks that the container is on, this one among them.
LabelEffect apply_labels(const Config& config, const NetworkConfig& network, const ContainerFact& container,
                         const std::set<std::string>& attached);
Verdict judge(const NetworkConfig& network, const LabelEffect& labels, const std::set<IpAddress>& host_addresses,
              const IpAddress& address);

// Whether a subnet of the configuration is one that may be marked at all: never the default route or a reserved range.
bool subnet_advertisable(const Prefix& subnet);
// Hostile text for a log or a terminal: control bytes and what is no ASCII become '?', and it is cut at 64 bytes.
std::string printable(std::string_view text);

}  // namespace berth
