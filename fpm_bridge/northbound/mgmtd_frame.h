// SPDX-License-Identifier: GPL-2.0-or-later
//
// The frames of mgmtd's front end (FRR 10.2 and newer: lib/mgmt_msg.h, lib/mgmt_msg_native.h), without a socket. Numbers are in the
// host's order: the socket never leaves the host.
//
//   u32 marker 0x23232301, u32 length of the frame with these eight bytes,
//   u16 code, u16 zero, u32 split, u64 session, u64 request, then what the code asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace berth::mgmtd {

enum class Code : std::uint16_t {
  Error = 0,
  TreeData = 2,
  GetData = 3,
  Edit = 5,
  EditReply = 6,
  SessionReq = 10,
  SessionReply = 11,
  Lock = 19,
  LockReply = 20,
};

// With a number as the frames have it. Of the two others one is the running configuration and one the candidate: which is which
// changed in FRR 10.4, and nothing here depends on it.
enum class Datastore : std::uint8_t { One = 1, Two = 2, Operational = 3 };
enum class EditOperation : std::uint8_t { Merge = 2, Remove = 3, Replace = 5 };
inline constexpr std::uint8_t kLock = 1, kCommit = 2;   // an edit locks for itself; and commits
inline constexpr std::uint8_t kState = 1, kConfig = 2;  // what of the data is wanted

struct Head {
  std::uint64_t session = 0, request = 0;
};

std::string session_request(std::uint64_t request, std::string_view client);
std::string get_request(Head head, Datastore where, std::uint8_t what, std::string_view xpath);
// `body`: JSON, one object that is named after the last node of the path; empty for Remove.
std::string edit_request(Head head, Datastore where, EditOperation operation, std::uint8_t flags,
                         std::string_view xpath, std::string_view body);
std::string lock_request(Head head, Datastore where, bool on);

// What mgmtd says.
struct Reply {
  Code code = Code::Error;
  Head head;
  int error = 0;      // of Error: an errno, positive; of TreeData: why a part is missing
  bool more = false;  // of TreeData: another part follows
  std::string text;   // of Error: mgmtd's words; of TreeData: JSON
};

// Bytes in, replies out. A frame that mgmtd never sends to a front end is an error, after which the stream is of no use.
class FrameReader {
 public:
  void feed(std::string_view bytes) { bytes_ += bytes; }
  Result<std::optional<Reply>> next();  // nothing: it is not whole yet

 private:
  std::string bytes_;
};

}  // namespace berth::mgmtd
