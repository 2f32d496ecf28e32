/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States on their way to the owner: as many as fit go into one frame. Without a session they go nowhere. */
#ifndef BERTH_RESULTS_H
#define BERTH_RESULTS_H

#include "compat.h"

#include "prefix.h"

#include "berth.pb-c.h"

/* `reason` and `winner` may be NULL; what `winner` points to must last until the flush. */
void berth_result(int kind, const struct prefix *p, int state, const char *reason, uint64_t sequence,
		  const Berth__Fpm__RibEntry *winner);
void berth_results_flush(void);
void berth_results_drop(void);	/* the owner is gone */
void berth_results_fini(void);

#endif
