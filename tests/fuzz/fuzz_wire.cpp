// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthd's end of the socket: frames, messages, results. However the bytes are cut into reads, the same comes out; what
// was decoded encodes to itself.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "fpm_bridge/wire/codec.h"
#include "fpm_bridge/wire/frame.h"

namespace {

struct Read {
  std::vector<std::string> bodies;
  bool failed = false;
  bool operator==(const Read&) const = default;
};

Read read_all(const std::string& bytes, std::size_t piece) {
  Read out;
  berth::FrameDecoder decoder;
  for (std::size_t at = 0; at < bytes.size() && !out.failed; at += piece) {
    const std::string part = bytes.substr(at, piece);
    decoder.feed({part.data(), part.size()});
    for (;;) {
      auto body = decoder.next();
      if (!body) out.failed = true;
      if (!body || !*body) break;
      out.bodies.push_back(**body);
    }
  }
  return out;
}

void require(bool what) {
  if (!what) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Read whole = read_all(bytes, bytes.size() + 1);
  require(whole == read_all(bytes, 1 + data[0] % 7));
  std::string again;
  for (const std::string& body : whole.bodies) berth::append_frame(again, body);
  require(bytes.starts_with(again));
  std::vector<std::string> bodies = whole.bodies;
  bodies.push_back(bytes);  // so that messages are met without guessing a header
  for (const std::string& body : bodies) {
    berth::fpm::Message message;
    if (!message.ParseFromString(body)) continue;
    for (const auto& result : message.results().results()) {
      const auto answer = berth::decode(result);
      if (!answer || !*answer) continue;
      const berth::RibAnswer& said = **answer;
      require(said.key.prefix.length() <= said.key.prefix.address().bits());
      require(said.state != berth::RibState::Other || !said.reason.empty());
      berth::fpm::Operation operation;
      berth::encode_put({said.key, 1, "br", {}, 0, 0}, &operation);
      require(operation.ByteSizeLong() > 0);
    }
  }
  return 0;
}
