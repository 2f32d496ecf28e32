/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When what no session has named goes: at an EndOfSync, or when the owner is away for longer than the grace time. Both go
 * in slices.
 */
#ifndef BERTH_SYNC_H
#define BERTH_SYNC_H

#include "compat.h"

#include "berth.pb-c.h"

/* NULL: the sweep begins, and SyncDone follows it; else what is wrong with the message. */
const char *berth_sync_begin(const Berth__Fpm__EndOfSync *in);
void berth_sync_stop(void);	/* the session ends in the middle of one */

/*
 * The grace time runs from the loss of an owner to the Hello of the next. `is_settled`: the session that was lost had
 * worked; else it goes on with what is left of the grace time before it. `why` is for the log.
 */
void berth_grace_begin(uint32_t seconds, bool is_settled, const char *why);
void berth_grace_end(void);
void berth_grace_fini(void);

#endif
