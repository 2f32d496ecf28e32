// SPDX-License-Identifier: GPL-2.0-or-later
//
// Planted: a driver knows no runtime.
#include "container_watcher/docker/docker_runtime.h"
