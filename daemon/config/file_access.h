// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reading and writing berthd.conf as root in a folder that may belong to somebody else: /etc/frr is user frr's, who may put
// there what he likes. Blocking, but for a disk's time only; any thread.
//
// A folder is trusted when root or berthd's own user owns it and nobody else may write in it. Elsewhere a symbolic link is
// followed only if root or berthd's own user made it; this holds for each component of the path.
#pragma once

#include <string>

#include "core/result.h"

namespace berth {

enum class ReadFrom {
  File,       // a regular file: whatever else is there, this returns at once
  AnyStream,  // also a pipe or a terminal (`berthd -C -f /dev/stdin`): waits for its end
};

Result<std::string> read_file(const std::string& path, ReadFrom from);

// A new file takes the place of the old one, under its name, with its group and mode: at no moment is there half a file.
// Of an untrusted folder's file the owner is not taken over, nor the others' right to write. Where it fails the old file is
// as it was and nothing new is left. A link that is followed stays a link.
Status save_file(const std::string& path, const std::string& text);

}  // namespace berth
