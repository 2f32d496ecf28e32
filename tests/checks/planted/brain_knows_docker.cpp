// SPDX-License-Identifier: GPL-2.0-or-later
//
// Planted: the brain knows no runtime.
#include "container_watcher/docker/docker_facts.h"
