// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the brain may know.
#include "core/route_sink.h"
