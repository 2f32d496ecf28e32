// SPDX-License-Identifier: GPL-2.0-or-later
//
// Frames in a stream (proto/fpm_frame.h has their header), without I/O. Any thread. A decoder that has failed stays failed: the stream can't be read on, the connection must be closed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "fpm_bridge/proto/fpm_frame.h"

namespace berth {

inline constexpr std::size_t kFrameMaxBody = BERTH_FRAME_MAX - BERTH_FRAME_HEADER;  // bytes

// `body` must not be empty nor longer than kFrameMaxBody.
void append_frame(std::string& out, std::string_view body);

class FrameDecoder {
 public:
  void feed(std::span<const char> bytes) { buffer_.append(bytes.data(), bytes.size()); }
  // The next body, nullopt when more bytes are needed, or why the stream is broken.
  Result<std::optional<std::string>> next();

 private:
  std::string buffer_;  // at most one frame once next() has been called until it says nullopt
  std::size_t at_ = 0;
};

}  // namespace berth
