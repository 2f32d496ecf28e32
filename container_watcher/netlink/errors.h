// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the kernel's refusals mean for who asked: try again, look again, or show it (core/result.h). Pure; any thread.
#pragma once

#include <string>

#include "core/result.h"

namespace berth {

ErrorKind kind_of(int error);  // an errno
// "`what`: No such device".
Error error_of(int error, const std::string& what);

}  // namespace berth
