/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module's only way to zebra's RIB: puts, removes, reads. It writes nothing of an object; what it finds, it returns.
 * zebra queues a put or a removal and works on it later: a look right after it still finds what was there before.
 */
#ifndef BERTH_RIB_H
#define BERTH_RIB_H

#include "object.h"

#define BERTH_NEXT_HOPS 16	/* of an entry, that are told */

/* What the RIB says of an object now. */
struct berth_verdict {
	int state;			/* BERTH__FPM__STATE__… */
	const char *reason;		/* NULL: none. Lasts until the next look */
	Berth__Fpm__RibEntry winner;	/* with STATE_NOT_BEST */
	bool is_present;		/* there is an entry of ours, whatever became of it */
	bool is_refused;		/* by the kernel */
};

/* What the RIB has for a prefix, with storage for its next hops. */
struct berth_entry {
	Berth__Fpm__RibEntry entry;
	Berth__Fpm__NextHop hops[BERTH_NEXT_HOPS], *list[BERTH_NEXT_HOPS];
};

/* From here on, table.c is told of each change of the RIB. */
void berth_rib_init(void);

/* A route into the RIB, or a mark's tag onto the connected route, in object's ifindex. */
void berth_rib_put(const struct berth_object *object);
void berth_rib_remove(const struct berth_object *object);

/* `is_settled`: the last put is longer ago than zebra's queues can be. */
void berth_rib_look(const struct berth_object *object, bool is_settled, struct berth_verdict *verdict);

/* A route of ours is there, also one that zebra has still to unlink. Never true of a mark. */
bool berth_rib_has(const struct berth_object *object);

/* Its gateway is not where the RIB says, or is resolvable again: zebra has to look at the route anew. */
bool berth_rib_next_hop_moved(const struct berth_object *object);

/* What the kernel said, and what may help. */
const char *berth_rib_refusal(void);

/* All entries for exactly this prefix, `max` at most; returns how many. */
size_t berth_rib_query(const struct prefix *p, struct berth_entry *entries, size_t max);

#endif
