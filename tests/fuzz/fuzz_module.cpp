// SPDX-License-Identifier: GPL-2.0-or-later
//
// The module's end of the socket as far as it knows no zebra: its frame reader never reads past its input and always
// advances; protobuf-c takes any body.
#include <cstdint>
#include <cstdlib>
#include <vector>

extern "C" {
#include "berth.pb-c.h"
#include "fpm_bridge/proto/fpm_frame.h"
}

namespace {

void unpack(const std::uint8_t* body, std::size_t size) {
  Berth__Fpm__Message* message = berth__fpm__message__unpack(nullptr, size, body);
  if (!message) return;
  std::vector<std::uint8_t> again(berth__fpm__message__get_packed_size(message));
  if (berth__fpm__message__pack(message, again.data()) != again.size()) std::abort();
  berth__fpm__message__free_unpacked(message, nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::size_t at = 0;
  while (at < size) {
    const std::uint8_t* body = nullptr;
    std::size_t body_size = 0, total = 0;
    const char* error = nullptr;
    // A copy of exactly what is there, so that ASan sees one byte too many.
    const std::vector<std::uint8_t> rest(data + at, data + size);
    const berth_frame_status status = berth_frame_next(rest.data(), rest.size(), &body, &body_size, &total, &error);
    if (status == BERTH_FRAME_BAD && !error) std::abort();
    if (status != BERTH_FRAME_READY) break;
    if (total <= BERTH_FRAME_HEADER || total > rest.size() || body + body_size != rest.data() + total) std::abort();
    unpack(body, body_size);
    at += total;
  }
  unpack(data, size);
  return 0;
}
