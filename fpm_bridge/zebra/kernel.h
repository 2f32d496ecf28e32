/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks the kernel whether it has a route, over two netlink sockets of the module's own. A question takes some microseconds
 * and waits for nothing. Where the sockets could not be opened, or the answer says nothing, it is UNKNOWN.
 */
#ifndef BERTH_KERNEL_H
#define BERTH_KERNEL_H

#include "compat.h"

#include "prefix.h"

enum berth_kernel_has { BERTH_KERNEL_UNKNOWN, BERTH_KERNEL_HAS, BERTH_KERNEL_LACKS };

void berth_kernel_init(void);
void berth_kernel_fini(void);
enum berth_kernel_has berth_kernel_has(const struct prefix *p);

#endif
