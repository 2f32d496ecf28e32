/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the owner alive? A process that hangs keeps its end of the socket open, so one that says nothing for its hold time is
 * put out. An owner that reads what it is told lives as well.
 */
#ifndef BERTH_KEEPALIVE_H
#define BERTH_KEEPALIVE_H

#include "compat.h"

/* The hold time that an owner gets who asks for so many seconds; 0 where it asks for none. */
uint32_t berth_keepalive_hold(uint32_t wanted);

/* From a session's Hello to its end. Hold time 0: silence means nothing. */
void berth_keepalive_begin(uint32_t hold);
void berth_keepalive_end(void);

void berth_keepalive_heard(void);	/* bytes came */
void berth_keepalive_writing(void);	/* before and after each write: has the owner read what was written before? */
void berth_keepalive_written(void);

/* True when it has put out an owner that was silent for too long: there is no connection any more. */
bool berth_keepalive_put_out(void);

uint32_t berth_keepalive_holds(void);	/* seconds; 0: none */
int64_t berth_keepalive_heard_at(void);	/* monotonic ms: the last sign of life */

#endif
