// SPDX-License-Identifier: GPL-2.0-or-later
//
// Planted: a runtime knows no driver.
#include "container_watcher/attach/driver.h"
