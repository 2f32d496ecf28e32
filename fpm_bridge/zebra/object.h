/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thing that berthd wants: a route, or our tag on a connected route (a mark). Key: kind and prefix.
 *
 * Who writes what of it: object.c the state, table.c the claim and what is wanted, link.c the list of its interface,
 * follow.c what was done and told, watch.c what it has noticed. rib.c and kernel.c read only.
 */
#ifndef BERTH_OBJECT_H
#define BERTH_OBJECT_H

#include "compat.h"

#include "if.h"
#include "nexthop.h"
#include "prefix.h"
#include "typesafe.h"

#include "berth.pb-c.h"
#include "state.h"

PREDECL_HASH(berth_objects);
PREDECL_DLIST(berth_stales);
PREDECL_DLIST(berth_looks);
PREDECL_DLIST(berth_watches);
PREDECL_DLIST(berth_on_link);

/* Whether the session has named it. */
enum berth_claim {
	BERTH_CURRENT,	/* this session has, or the last one did and it is on its way out */
	BERTH_STALE,	/* an earlier one has: the next sweep takes it */
	BERTH_KEPT,	/* the same, but berthd could not find out about it: the sweep leaves it */
};

struct berth_object {
	struct berth_objects_item by_key;
	struct prefix prefix;	/* beside its hash: what a search reads */
	int kind;		/* BERTH__FPM__OBJECT_KIND__… */

	enum berth_state state;
	enum berth_claim claim;
	struct berth_stales_item stale;		/* of table.c: by claim */
	struct berth_looks_item look;		/* of follow.c: its state is to be looked up soon */
	struct berth_watches_item watch;	/* of watch.c: looked at again and again */
	struct berth_on_link_item on_link;
	struct berth_link *link;		/* whose list on_link is in */

	/* what is wanted */
	uint32_t tag, distance, metric;
	char ifname[IFNAMSIZ];
	union g_addr gateway;
	uint8_t gateway_len;	/* 0, 4 or 16 bytes */
	bool onlink;

	/* what was done: at the last put or removal */
	uint32_t generation;	/* of the side of its link */
	ifindex_t ifindex;	/* of its interface; 0: none */
	int64_t acted_at;	/* monotonic ms */
	uint8_t tries;		/* puts of what the kernel has lost or refused */

	/* what was told */
	uint64_t sequence;	/* of the batch to answer; 0: answered */
	int told;		/* BERTH__FPM__STATE__…; 0: nothing since berthd has last said it */
	uint32_t told_digest;	/* of the reason and the winner that were told with it */

	/* what was noticed */
	bool moved;		/* its gateway, when it was last looked at */
	uint8_t doubts;		/* puts since it was last seen to be well */
};

DECLARE_DLIST(berth_on_link, struct berth_object, on_link);

static inline bool berth_is_mark(const struct berth_object *object)
{
	return object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK;
}

/* Its next hop has to be resolved, by zebra's connected routes. */
static inline bool berth_has_gateway(const struct berth_object *object)
{
	return object->gateway_len && !object->onlink;
}

/* A new one, in no list. Never NULL: FRR's allocator ends the process where there is no memory. */
struct berth_object *berth_object_new(int kind, const struct prefix *p);

/* It must be in no list any more. */
void berth_object_free(struct berth_object *object);

/*
 * The event's transition: sets the state and says what is to be done now. An event that has none is a bug: it is counted,
 * logged the first time, and changes nothing.
 */
enum berth_action berth_object_step(struct berth_object *object, enum berth_event event);

/* How many are in this state. */
size_t berth_object_count(enum berth_state state);

#endif
