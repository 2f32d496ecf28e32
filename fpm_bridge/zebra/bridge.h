/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zebra_fpm_bridge: routes of berthd in zebra's RIB, with the truth about each. Everything here runs on zebra's main
 * pthread. listener.c owns the socket, session.c the talk with berthd, arena.c a message's memory, operation.c checks what
 * berthd says, table.c keeps what is wanted, rib.c alone touches the RIB.
 */
#ifndef BERTH_BRIDGE_H
#define BERTH_BRIDGE_H

#include "compat.h"

#include "if.h"
#include "nexthop.h"
#include "prefix.h"
#include "typesafe.h"
#include "vty.h"
#include "lib/version.h"

#include "berth.pb-c.h"

#define BERTH_MODULE_VERSION "0.1.0"
#define BERTH_PROTOCOL 1
#ifndef BERTH_BUILT_FOR
#define BERTH_BUILT_FOR FRR_VERSION
#endif
#define BERTH_WINDOW 16
#define BERTH_MAX_OPERATIONS 1000
#define BERTH_NEXT_HOPS 16	/* of a route, that are told */

PREDECL_HASH(berth_objects);
PREDECL_DLIST(berth_looks);
PREDECL_DLIST(berth_stales);
PREDECL_DLIST(berth_watches);
PREDECL_DLIST(berth_on_link);

/* One thing that berthd wants: a route, or our tag on a connected route. Key: kind and prefix. */
struct berth_object {
	struct berth_objects_item by_key;
	struct prefix prefix;	/* beside its hash: what a search reads */
	int kind;		/* BERTH__FPM__OBJECT_KIND__… */
	bool looking, is_stale, watched, removed;
	bool kept;		/* stale, and set aside: the sweep leaves it */
	bool swept;		/* on its way out because it was stale */
	struct berth_looks_item look;	/* in the list: its state is to be looked up */
	struct berth_stales_item stale;
	struct berth_watches_item watch;
	struct berth_on_link_item on_link;
	struct berth_link *link;	/* the interface's list that it is in */

	uint32_t tag, distance, metric;
	char ifname[IFNAMSIZ];
	union g_addr gateway;
	uint8_t gateway_len;	/* 0, 4 or 16 bytes */
	bool onlink;
	uint32_t down_count;	/* of the interface when the route was put in */
	ifindex_t ifindex;

	uint64_t sequence;	/* of the batch to answer; 0: answered */
	int state;		/* last one told; 0: none */
	uint32_t told;		/* a hash of its reason and winner */
	bool seen;		/* it was in the RIB since the last put */
	bool refused;		/* by the kernel: tried again by the watch */
	uint8_t tries;		/* puts of what the kernel has lost or refused */
	time_t since;
	int64_t wanted_at;	/* monotonic ms of the last put or removal */
};

/* What the RIB has for a prefix, with storage for its next hops. */
struct berth_entry {
	Berth__Fpm__RibEntry entry;
	Berth__Fpm__NextHop hops[BERTH_NEXT_HOPS], *list[BERTH_NEXT_HOPS];
};

struct berth_settings {
	char *socket;
	char *group;
	int type;	/* ZEBRA_ROUTE_… */
	uint32_t grace, distance, max_routes;
	bool fpm_commands;
	const char *inert;	/* not NULL: why nothing is done */
};
extern struct berth_settings berth_settings;

struct berth_counters {
	uint64_t connections, refused, malformed, frames_in, frames_out, operations, rejected, added, removed, marked,
		unmarked, readded, swept, expired, results, unknown;
};
extern struct berth_counters berth_counters;
extern struct event_loop *berth_loop;
const char *berth_running_version(void);

/* table.c */
int64_t berth_now_ms(void);	/* monotonic */
void berth_table_init(void);
void berth_table_fini(void);
void berth_table_put(const struct berth_object *wanted);
void berth_table_take(int kind, const struct prefix *p, uint64_t sequence);
bool berth_table_has_room(int kind, const struct prefix *p);
void berth_table_all_stale(void);
/*
 * Sets aside what is stale and lies within one of these prefixes: the sweep leaves it until the next call, which decides
 * anew, or until berthd goes. Returns how many are set aside.
 */
size_t berth_table_keep(const struct prefix *keep, size_t n);
size_t berth_table_sweep(size_t limit);		/* what is due goes; returns how many went */
size_t berth_table_stale_count(void);
size_t berth_table_due_count(void);		/* stale, and not set aside */
size_t berth_table_leaving_count(void);		/* swept, and not out of the RIB yet */
size_t berth_table_count(void);
void berth_table_look_again(int kind, const struct prefix *p);	/* the RIB changed there */
size_t berth_table_on_interface(const char *ifname);
void berth_table_show(struct vty *vty, bool json);

/* operation.c */
bool berth_prefix_from(const Berth__Fpm__Prefix *in, struct prefix *out);	/* false: not valid */
void berth_prefix_to(const struct prefix *in, Berth__Fpm__Prefix *out);
void berth_operation_apply(const Berth__Fpm__Operation *operation, uint64_t sequence);

/* rib.c */
void berth_rib_init(void);
void berth_rib_put(struct berth_object *object);
void berth_rib_mark(struct berth_object *object);	/* the tag alone, again */
void berth_rib_remove(struct berth_object *object);
bool berth_rib_flapped(const struct berth_object *object);	/* its interface went down and up, or is a new one */
/*
 * The state now, as BERTH__FPM__STATE__…; a winner, if any, is filled in. `reason` is static text or NULL. `settled`: the last
 * put is longer ago than zebra's queues can be.
 */
int berth_rib_look(struct berth_object *object, bool settled, Berth__Fpm__RibEntry *winner, const char **reason);
size_t berth_rib_query(const struct prefix *p, struct berth_entry *entries, size_t max);

/* arena.c: one message at a time; NULL: it is none of berth's. */
Berth__Fpm__Message *berth_message_unpack(const uint8_t *body, size_t len);
void berth_message_free(Berth__Fpm__Message *m);

/* listener.c */
void berth_listener_init(void);
void berth_listener_fini(void);
const char *berth_listener_deaf(void);	/* why the socket is not there; NULL: it is */

/* session.c */
#define BERTH_PEER_SIZE 64
void berth_session_init(void);
void berth_session_fini(void);
const char *berth_session_begin(int fd, const char *peer);
bool berth_session_left(int fd);	/* the other end was closed */
bool berth_session_full(void);	/* no more results for now */
void berth_session_send(const Berth__Fpm__Message__BodyCase body, void *message);
void berth_session_result(int kind, const struct prefix *p, int state, const char *reason, uint64_t sequence,
			  Berth__Fpm__RibEntry *winner);
void berth_session_flush(void);
void berth_session_show(struct vty *vty);

#endif
