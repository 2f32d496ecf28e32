/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The states of an object, and what leads from one to another. Pure: standard C alone, no FRR, no memory of its own, so
 * that a unit test goes through the whole table without a zebra.
 *
 * An object has exactly one state at a time. berth_state_next() is the only place that says what follows from what; a cell
 * of the table that nobody has defined is a bug in the module. It is answered with NULL, never with a guess: the caller
 * logs it and leaves the object as it is.
 */
#ifndef BERTH_STATE_H
#define BERTH_STATE_H

#include <stdbool.h>

/* What the module has last done about an object, as far as zebra has come to it. */
enum berth_state {
	BERTH_NEW,	/* made; nothing was done yet */
	BERTH_QUEUED,	/* put into the RIB, and not seen there since: zebra works on its queue */
	BERTH_PRESENT,	/* seen in the RIB since it was last put */
	BERTH_WITHHELD,	/* wanted, and kept out of the RIB: its link has no use for it */
	BERTH_REFUSED,	/* wanted, and taken out of the RIB: the kernel has refused it. It is tried again */
	BERTH_LEAVING,	/* berthd wants it no longer: on its way out of the RIB */
	BERTH_SWEPT,	/* the same, because no session has named it: the end of a sync waits for it */
	BERTH_GONE,	/* zebra has unlinked it: the object is freed */
	BERTH_STATES
};

enum berth_event {
	BERTH_EV_PUT,		/* wanted, or to be put in again; its link has a use for it */
	BERTH_EV_WITHHOLD,	/* wanted, and its link has no use for it */
	BERTH_EV_SEEN,		/* the RIB has an entry of ours for it */
	BERTH_EV_REFUSE,	/* zebra says that the kernel did not take it */
	BERTH_EV_MOVE,		/* of a mark: it is wanted on another interface; a put follows */
	BERTH_EV_TAKE,		/* berthd has removed it */
	BERTH_EV_SWEEP,		/* no session has named it in time */
	BERTH_EV_UNLINK,	/* zebra has no entry of ours any more */
	BERTH_EVENTS
};

/* What is to be done when the new state is entered. */
enum berth_action {
	BERTH_DO_NOTHING,
	BERTH_DO_PUT,		/* into the RIB, or the tag onto the connected route */
	BERTH_DO_REMOVE,	/* out of the RIB, or the tag off the connected route */
	BERTH_DO_FORGET,	/* free the object */
};

struct berth_transition {
	bool is_defined;
	enum berth_state next;
	enum berth_action action;
};

/* NULL: this event can't come in this state. Also for numbers that are no state or no event. */
const struct berth_transition *berth_state_next(enum berth_state state, enum berth_event event);

/* In the RIB, or about to be: what berthd is told of it is read there. */
static inline bool berth_state_in_rib(enum berth_state state)
{
	return state == BERTH_QUEUED || state == BERTH_PRESENT;
}

/* Still wanted, though not in the RIB for now. */
static inline bool berth_state_held_out(enum berth_state state)
{
	return state == BERTH_WITHHELD || state == BERTH_REFUSED;
}

/* Not wanted any more; zebra has still to unlink it. */
static inline bool berth_state_leaving(enum berth_state state)
{
	return state == BERTH_LEAVING || state == BERTH_SWEPT;
}

/* For logs. Never NULL. */
const char *berth_state_name(enum berth_state state);
const char *berth_event_name(enum berth_event event);

#endif
