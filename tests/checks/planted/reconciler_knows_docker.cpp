// SPDX-License-Identifier: GPL-2.0-or-later
//
// Planted: the reconciler knows interfaces alone.
#include "container_watcher/docker/docker_runtime.h"
