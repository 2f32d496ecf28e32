/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds what zebra says nothing of: a link that changes, what zebra has not done for long, what the kernel has lost, and
 * all whose state hangs on other routes of the system. A timer looks at a bounded share of it at a time.
 */
#ifndef BERTH_WATCH_H
#define BERTH_WATCH_H

#include "object.h"

void berth_watch_init(void);
void berth_watch_fini(void);

/* From now on it is looked at again and again, or no longer. */
void berth_watch(struct berth_object *object, bool is_watched);

#endif
