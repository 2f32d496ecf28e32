// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is kept of a container's labels: those of ours, a bounded number of bounded length, for an image may bring any. Pure;
// any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace berth {

inline constexpr std::string_view kOurLabels = "berth.";
inline constexpr std::size_t kMostLabels = 64, kLongestLabel = 512;

// The labels that berth knows are never among those left out: else an image could push out with many what the operator said
// with one. `cut` grows by what was left out.
inline void put_label(std::string_view key, std::string_view value, std::map<std::string, std::string>* out,
                      std::uint64_t* cut) {
  const bool known = key == "berth.advertise" || key == "berth.network" || key == "berth.tag";
  if (key.size() <= kLongestLabel && value.size() <= kLongestLabel && (known || out->size() < kMostLabels)) {
    out->insert_or_assign(std::string(key), std::string(value));
    return;
  }
  ++*cut;
  if (known) out->insert_or_assign(std::string(key), "(too long)");  // refused as a value, and told
}

}  // namespace berth
