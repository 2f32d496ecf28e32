// SPDX-License-Identifier: GPL-2.0-or-later
//
// For test programs that use gRPC, included once: ThreadSanitizer does not see the locks of gRPC and Abseil, which are built
// without it and are no pthread mutexes. A report in whose stacks these libraries are says nothing; all others count.
#pragma once

extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:grpc\nrace:libgpr\nrace:libabsl\nrace:google::protobuf\nmutex:grpc\n";
}
