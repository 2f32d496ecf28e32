// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/wire/frame.h"

#include <cassert>

namespace berth {

void append_frame(std::string& out, std::string_view body) {
  assert(!body.empty() && body.size() <= kFrameMaxBody);
  const std::size_t length = body.size() + kFrameHeader;
  out += {1, 2, static_cast<char>(length >> 8), static_cast<char>(length & 0xff)};
  out += body;
}

Result<std::optional<std::string>> FrameDecoder::next() {
  const std::string_view data = std::string_view(buffer_).substr(at_);
  if (!data.empty() && data[0] != 1) return permanent("frame header: version is not 1");
  if (data.size() > 1 && data[1] != 2) return permanent("frame header: type is not 2 (protobuf)");
  std::size_t length = 0;
  if (data.size() >= kFrameHeader) {
    length = static_cast<std::size_t>(static_cast<unsigned char>(data[2])) << 8 | static_cast<unsigned char>(data[3]);
    if (length <= kFrameHeader) return permanent("frame header: no body");
  }
  if (length == 0 || data.size() < length) {
    buffer_.erase(0, at_);
    at_ = 0;
    return std::optional<std::string>();
  }
  at_ += length;
  return std::optional<std::string>(data.substr(kFrameHeader, length - kFrameHeader));
}

}  // namespace berth
