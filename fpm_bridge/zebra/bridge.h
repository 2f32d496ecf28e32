/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zebra_fpm_bridge: routes of berthd in zebra's RIB, with the truth about each. Everything here runs on zebra's main
 * pthread. listener.c owns the socket, session.c the talk with berthd, arena.c a message's memory, operation.c checks what
 * berthd says, table.c keeps what is wanted, follow.c sees to it that the RIB has it where the kernel has a use for it, and
 * tells what became of it. link.c knows the interfaces, kernel.c asks the kernel, rib.c alone touches the RIB.
 */
#ifndef BERTH_BRIDGE_H
#define BERTH_BRIDGE_H

#include "compat.h"

#include "if.h"
#include "memory.h"
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
PREDECL_HASH(berth_links);
PREDECL_DLIST(berth_on_link);

/* One thing that berthd wants: a route, or our tag on a connected route. Key: kind and prefix. */
struct berth_object {
	struct berth_objects_item by_key;
	struct prefix prefix;	/* beside its hash: what a search reads */
	int kind;		/* BERTH__FPM__OBJECT_KIND__… */
	bool looking, is_stale, watched, removed;
	bool out;		/* wanted, but not in the RIB: its link has no use for it, or the kernel has refused it */
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
	uint32_t generation;	/* of the side of its link, when it was last put in or taken out */
	ifindex_t ifindex;	/* of the interface when the route was put in */

	uint64_t sequence;	/* of the batch to answer; 0: answered */
	int state;		/* last one told; 0: none */
	uint32_t told;		/* a hash of its reason and winner */
	bool seen;		/* it was in the RIB since the last put */
	bool refused;		/* by the kernel: tried again by the watch */
	uint8_t tries;		/* puts of what the kernel has lost or refused */
	bool moved;		/* its gateway, when it was last looked at */
	uint8_t doubts;		/* those since it was last seen to be well */
	time_t since;
	int64_t wanted_at;	/* monotonic ms of the last put or removal */
};

DECLARE_DLIST(berth_on_link, struct berth_object, on_link);

/* Why the kernel has no use for routes of one family on an interface. */
enum berth_trouble {
	BERTH_LINK_USABLE,
	BERTH_LINK_ABSENT,
	BERTH_LINK_DOWN,	/* by an administrator */
	BERTH_LINK_NO_CARRIER,	/* and the kernel drops the routes for it */
	BERTH_LINK_NO_ADDRESS,	/* any more */
};

/* An interface that objects are on, and what is to be known of each family there. */
struct berth_link {
	struct berth_links_item by_name;
	char ifname[IFNAMSIZ];
	ifindex_t ifindex;
	uint32_t down_count;	/* when it was last operative */
	bool operative, running;
	struct berth_side {
		struct berth_on_link_head objects;
		uint32_t generation;
		enum berth_trouble trouble;
		bool had_address;
		bool dropped;		/* the kernel has no routes on a link without carrier */
		size_t suspects;	/* one is missing in the kernel: so many others are to be asked for now */
		int64_t ask_at;		/* monotonic ms: when the kernel is asked for the next */
	} sides[2];			/* IPv4, IPv6 */
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
DECLARE_MGROUP(BERTH);

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
void berth_table_forget(struct berth_object *object);
void berth_table_show(struct vty *vty, bool json);

/* follow.c */
void berth_follow_init(void);
void berth_follow_fini(void);
void berth_follow_put(struct berth_object *object, bool again);	/* `again`: the kernel has lost or refused it */
void berth_follow_take(struct berth_object *object);
void berth_follow_look(struct berth_object *object);	/* soon, and tell */
bool berth_follow_settled(struct berth_object *object);	/* in RIB and kernel as wanted: a put would change nothing */

/* link.c */
void berth_link_init(void);
void berth_link_join(struct berth_object *object);	/* the list of its interface, at the end */
void berth_link_leave(struct berth_object *object);
void berth_link_look(struct berth_link *link);
struct berth_link *berth_link_find(const char *ifname);
struct berth_link *berth_link_next(void);		/* of all, in turn */
size_t berth_link_count(void);
struct berth_side *berth_side_of(const struct berth_object *object);	/* NULL: on no interface */
const char *berth_link_reason(const struct berth_object *object);	/* NULL: usable. Lasts until the next call */
struct interface *berth_interface(const char *ifname);

/* kernel.c */
enum berth_kernel_has { BERTH_KERNEL_UNKNOWN, BERTH_KERNEL_HAS, BERTH_KERNEL_LACKS };
void berth_kernel_init(void);
void berth_kernel_fini(void);
enum berth_kernel_has berth_kernel_has(const struct prefix *p);

/* operation.c */
bool berth_prefix_from(const Berth__Fpm__Prefix *in, struct prefix *out);	/* false: not valid */
void berth_prefix_to(const struct prefix *in, Berth__Fpm__Prefix *out);
void berth_operation_apply(const Berth__Fpm__Operation *operation, uint64_t sequence);

/* rib.c */
void berth_rib_init(void);
void berth_rib_put(struct berth_object *object);
void berth_rib_mark(struct berth_object *object);	/* the tag alone, again */
void berth_rib_remove(struct berth_object *object);
const char *berth_rib_refusal(void);	/* what the kernel said, and what may help */
bool berth_rib_has(const struct berth_object *object);	/* also what zebra has still to unlink */
bool berth_rib_next_hop_moved(const struct berth_object *object);	/* its gateway is not where the RIB says, or is again */
/*
 * The state now, as BERTH__FPM__STATE__…; a winner, if any, is filled in. `reason` is text that lasts until the next call, or NULL. `settled`: the last
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
