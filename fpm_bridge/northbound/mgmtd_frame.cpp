// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/mgmtd_frame.h"

#include <cstdlib>
#include <cstring>
#include <utility>

namespace berth::mgmtd {
namespace {

constexpr std::uint32_t kMarker = 0x23232301;
constexpr std::uint8_t kJson = 2;
constexpr std::size_t kFrameHead = 8, kHead = 24, kFixed = 8;  // bytes; each message has eight more that are its own
constexpr std::size_t kLargest = 128u << 20;

struct Wire {
  std::uint16_t code = 0, reserved = 0;
  std::uint32_t split = 0;
  std::uint64_t session = 0, request = 0;
};
static_assert(sizeof(Wire) == kHead);

template <class T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string frame(Code code, Head head, std::uint32_t split, const std::uint8_t (&fixed)[kFixed],
                  std::string_view data) {
  std::string out;
  out.reserve(kFrameHead + kHead + kFixed + data.size());
  append(out, kMarker);
  append(out, static_cast<std::uint32_t>(kFrameHead + kHead + kFixed + data.size()));
  append(out, Wire{static_cast<std::uint16_t>(code), 0, split, head.session, head.request});
  append(out, fixed);
  out += data;
  return out;
}

std::string with_zero(std::string_view text) {
  return std::string(text) + '\0';
}

// Text ends at its first zero byte, where it has one.
std::string text_of(std::string_view data) {
  return std::string(data.substr(0, data.find('\0')));
}

Error never(const std::string& what) {
  return transient("mgmtd sent what it never sends to who asks: " + what);
}

}  // namespace

std::string session_request(std::uint64_t request, std::string_view client) {
  return frame(Code::SessionReq, {0, request}, 0, {kJson}, with_zero(client));
}

std::string get_request(Head head, Datastore where, std::uint8_t what, std::string_view xpath) {
  return frame(Code::GetData, head, 0, {kJson, what, 0, static_cast<std::uint8_t>(where)}, with_zero(xpath));
}

std::string edit_request(Head head, Datastore where, EditOperation operation, std::uint8_t flags,
                         std::string_view xpath, std::string_view body) {
  const std::string path = with_zero(xpath);
  return frame(Code::Edit, head, static_cast<std::uint32_t>(path.size()),
               {kJson, flags, static_cast<std::uint8_t>(where), static_cast<std::uint8_t>(operation)},
               path + with_zero(body));
}

std::string lock_request(Head head, Datastore where, bool on) {
  return frame(Code::Lock, head, 0, {static_cast<std::uint8_t>(where), static_cast<std::uint8_t>(on)}, {});
}

Result<std::optional<Reply>> FrameReader::next() {
  std::uint32_t head[2];
  static_assert(sizeof head == kFrameHead);
  if (bytes_.size() < sizeof head) return std::optional<Reply>();
  std::memcpy(head, bytes_.data(), sizeof head);
  if (head[0] != kMarker) return never("a frame that begins with another marker");
  if (head[1] < kFrameHead + kHead + kFixed || head[1] > kLargest)
    return never("a frame of " + std::to_string(head[1]) + " bytes");
  if (bytes_.size() < head[1]) return std::optional<Reply>();
  Wire wire;
  std::memcpy(&wire, bytes_.data() + kFrameHead, sizeof wire);
  std::uint8_t fixed[kFixed];
  std::memcpy(fixed, bytes_.data() + kFrameHead + kHead, sizeof fixed);
  const std::string_view data(bytes_.data() + kFrameHead + kHead + kFixed, head[1] - kFrameHead - kHead - kFixed);
  Reply out{static_cast<Code>(wire.code), {wire.session, wire.request}, 0, false, {}};
  switch (out.code) {
    case Code::Error: {
      std::int16_t error = 0;
      std::memcpy(&error, fixed, sizeof error);
      out.error = std::abs(int{error});  // FRR gives it with either sign
      out.text = text_of(data);
      break;
    }
    case Code::TreeData:
      if (fixed[1] != kJson) return never("data that is no JSON");
      out.error = std::abs(int{static_cast<std::int8_t>(fixed[0])});
      out.more = fixed[2] != 0;
      out.text = text_of(data);
      break;
    case Code::EditReply:
    case Code::SessionReply:
    case Code::LockReply: break;
    default: return never("a message with the code " + std::to_string(wire.code));
  }
  bytes_.erase(0, head[1]);
  return std::optional<Reply>(std::move(out));
}

}  // namespace berth::mgmtd
