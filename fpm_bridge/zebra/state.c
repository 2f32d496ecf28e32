// SPDX-License-Identifier: GPL-2.0-or-later
/* The transition table. A row for each state, a cell for each event that can come there. */
#include "state.h"

#include <stddef.h>

#define TO(state, what)                                                                                                \
	{                                                                                                              \
		.is_defined = true, .next = (state), .action = (what)                                                  \
	}

/*
 * Events that mean the same in every state in which berthd wants the object, or has wanted it: it may say so again, the
 * link may go, and each may be removed. A put or a removal is done even where it seems to change nothing, because zebra may
 * hold an entry that it has read from the kernel after a restart.
 */
#define WANTED                                                                                                         \
	[BERTH_EV_PUT] = TO(BERTH_QUEUED, BERTH_DO_PUT), [BERTH_EV_WITHHOLD] = TO(BERTH_WITHHELD, BERTH_DO_REMOVE)
#define REMOVABLE [BERTH_EV_TAKE] = TO(BERTH_LEAVING, BERTH_DO_REMOVE)
#define SWEEPABLE [BERTH_EV_SWEEP] = TO(BERTH_SWEPT, BERTH_DO_REMOVE)

static const struct berth_transition table[BERTH_STATES][BERTH_EVENTS] = {
	[BERTH_NEW] = {WANTED},
	[BERTH_QUEUED] = {WANTED, REMOVABLE, SWEEPABLE,
			  [BERTH_EV_SEEN] = TO(BERTH_PRESENT, BERTH_DO_NOTHING),
			  [BERTH_EV_REFUSE] = TO(BERTH_REFUSED, BERTH_DO_REMOVE),
			  [BERTH_EV_MOVE] = TO(BERTH_QUEUED, BERTH_DO_REMOVE)},
	[BERTH_PRESENT] = {WANTED, REMOVABLE, SWEEPABLE,
			   [BERTH_EV_SEEN] = TO(BERTH_PRESENT, BERTH_DO_NOTHING),
			   [BERTH_EV_REFUSE] = TO(BERTH_REFUSED, BERTH_DO_REMOVE),
			   [BERTH_EV_MOVE] = TO(BERTH_PRESENT, BERTH_DO_REMOVE)},
	/* A mark is never held out: where its connected route is not there, there is nothing to advertise. So no move. */
	[BERTH_WITHHELD] = {WANTED, REMOVABLE, SWEEPABLE},
	[BERTH_REFUSED] = {WANTED, REMOVABLE, SWEEPABLE},
	/* What leaves is not stale, so no sweep meets it. Said again, it stays. */
	[BERTH_LEAVING] = {WANTED, REMOVABLE,
			   [BERTH_EV_MOVE] = TO(BERTH_LEAVING, BERTH_DO_REMOVE),
			   [BERTH_EV_UNLINK] = TO(BERTH_GONE, BERTH_DO_FORGET)},
	[BERTH_SWEPT] = {WANTED, REMOVABLE,
			 [BERTH_EV_MOVE] = TO(BERTH_SWEPT, BERTH_DO_REMOVE),
			 [BERTH_EV_UNLINK] = TO(BERTH_GONE, BERTH_DO_FORGET)},
	/* The memory is freed: no event reaches it. */
	[BERTH_GONE] = {{0}},
};

const struct berth_transition *berth_state_next(enum berth_state state, enum berth_event event)
{
	if ((unsigned int)state >= BERTH_STATES || (unsigned int)event >= BERTH_EVENTS)
		return NULL;
	return table[state][event].is_defined ? &table[state][event] : NULL;
}

const char *berth_state_name(enum berth_state state)
{
	static const char *const names[BERTH_STATES] = {
		[BERTH_NEW] = "new",		[BERTH_QUEUED] = "queued",   [BERTH_PRESENT] = "present",
		[BERTH_WITHHELD] = "withheld",	[BERTH_REFUSED] = "refused", [BERTH_LEAVING] = "leaving",
		[BERTH_SWEPT] = "swept",	[BERTH_GONE] = "gone",
	};

	return (unsigned int)state < BERTH_STATES ? names[state] : "?";
}

const char *berth_event_name(enum berth_event event)
{
	static const char *const names[BERTH_EVENTS] = {
		[BERTH_EV_PUT] = "put",		[BERTH_EV_WITHHOLD] = "withhold", [BERTH_EV_SEEN] = "seen",
		[BERTH_EV_REFUSE] = "refuse",	[BERTH_EV_MOVE] = "move",	  [BERTH_EV_TAKE] = "take",
		[BERTH_EV_SWEEP] = "sweep",	[BERTH_EV_UNLINK] = "unlink",
	};

	return (unsigned int)event < BERTH_EVENTS ? names[event] : "?";
}
