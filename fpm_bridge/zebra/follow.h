/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sees to it that the RIB has what is wanted where the kernel has a use for it, and nothing else: what the RIB has is
 * advertised. And the telling: a state is read from the RIB, and in doubt from the kernel, never assumed.
 *
 * What is to be looked at waits in a list and is worked on in slices, so that zebra's main pthread is never held for long.
 */
#ifndef BERTH_FOLLOW_H
#define BERTH_FOLLOW_H

#include "object.h"
#include "rib.h"

void berth_follow_init(void);
void berth_follow_fini(void);	/* nothing is looked at any more */

/* Into the RIB if its link has a use for it. `again`: the kernel has lost or refused it. */
void berth_follow_put(struct berth_object *object, bool again);

/* Out of the RIB. `is_swept`: because no session has named it. */
void berth_follow_take(struct berth_object *object, bool is_swept);

/* Out of the RIB because its link has no use for it; it is still wanted. */
void berth_follow_withhold(struct berth_object *object);

/* A mark that is wanted on another interface than up to now: its tag comes off the old one. A put must follow. */
void berth_follow_move(struct berth_object *object);

/* Its state is looked up soon, and told where it has changed. */
void berth_follow_look(struct berth_object *object);
bool berth_follow_is_looking(const struct berth_object *object);

/* What the RIB says of it now. The object must be in the RIB, or about to be. */
void berth_follow_observe(struct berth_object *object, bool is_settled, struct berth_verdict *verdict);

/* In RIB and kernel as wanted: a put would change nothing. */
bool berth_follow_is_settled(struct berth_object *object);

#endif
