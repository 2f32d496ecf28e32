// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/wire/frame.h"

#include <cassert>

namespace berth {

void append_frame(std::string& out, std::string_view body) {
  assert(!body.empty() && body.size() <= kFrameMaxBody);
  std::uint8_t header[BERTH_FRAME_HEADER];
  berth_frame_header(header, body.size());
  out.append(reinterpret_cast<const char*>(header), sizeof header).append(body);
}

Result<std::optional<std::string>> FrameDecoder::next() {
  const std::string_view data = std::string_view(buffer_).substr(at_);
  const std::uint8_t* body = nullptr;
  std::size_t size = 0, total = 0;
  const char* error = nullptr;
  switch (
      berth_frame_next(reinterpret_cast<const std::uint8_t*>(data.data()), data.size(), &body, &size, &total, &error)) {
    case BERTH_FRAME_BAD: return permanent(error);
    case BERTH_FRAME_MORE:
      buffer_.erase(0, at_);
      at_ = 0;
      return std::optional<std::string>();
    case BERTH_FRAME_READY: break;
  }
  at_ += total;
  return std::optional<std::string>(std::in_place, reinterpret_cast<const char*>(body), size);
}

}  // namespace berth
