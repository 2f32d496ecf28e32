/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zebra_fpm_bridge: routes of berthd in zebra's RIB, with the truth about each. This header has what every file of the
 * module shares: its settings, its counters and zebra's event loop.
 *
 * Everything in the module runs on zebra's main pthread, so nothing here is locked. Who does what:
 *
 *   module.c      loading, arguments, the version check        vty.c        commands and what they show
 *   listener.c    the socket: who may come in                  errors.c     the catalogue of what is logged
 *   connection.c  bytes of the owner, frames in and out        arena.c      the memory of one message
 *   session.c     Hello and the messages after it              results.c    states on their way to the owner
 *   keepalive.c   is the owner alive?                          sync.c       end of sync, sweep, grace time
 *   operation.c   checks what berthd says                      table.c      the objects, and what of them is stale
 *   object.c      one object and its state                     state.c      the transition table
 *   follow.c      the RIB has what is wanted, and it is told   watch.c      finds what zebra says nothing of
 *   link.c        the interfaces                               kernel.c     asks the kernel for a route
 *   rib.c         the only one that touches zebra's RIB
 */
#ifndef BERTH_MODULE_H
#define BERTH_MODULE_H

#include "compat.h"

#include "memory.h"

#include "release.h"

/* The module's arguments. They do not change after it was loaded. */
struct berth_settings {
	char *socket;
	char *group;		/* of the socket */
	int type;		/* of our routes: ZEBRA_ROUTE_… */
	uint32_t grace;		/* seconds; where berthd says nothing else */
	uint32_t distance;	/* where berthd says nothing else; below eBGP's 20: a host prefers its own container */
	uint32_t max_routes;
	bool fpm_commands;	/* the two shows that the stock vtysh knows */
	const char *inert;	/* not NULL: nothing is done, and this is why */
};
extern struct berth_settings berth_settings;

/* Since zebra started; they only count up. */
struct berth_counters {
	uint64_t connections, refused, malformed, frames_in, frames_out, operations, rejected, readded, swept, expired, results,
		unknown, bugs;
};
extern struct berth_counters berth_counters;

/* zebra's event loop; NULL before the module is ready and after zebra has begun to stop. */
extern struct event_loop *berth_loop;

DECLARE_MGROUP(BERTH);

int64_t berth_now_ms(void);	/* monotonic */

#endif
