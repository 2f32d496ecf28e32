// SPDX-License-Identifier: GPL-2.0-or-later
//
// Planted: the verdict is pure.
#include "container_watcher/netlink/observer.h"
