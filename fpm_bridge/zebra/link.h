/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interfaces that objects are on: whether the kernel has a use for routes there, per family, and whether it may have
 * dropped those that it had. An interface is known as long as an object is on it, also while it does not exist.
 */
#ifndef BERTH_LINK_H
#define BERTH_LINK_H

#include "object.h"

PREDECL_HASH(berth_links);

/* Why the kernel has no use for routes of one family on an interface. */
enum berth_trouble {
	BERTH_LINK_USABLE,
	BERTH_LINK_ABSENT,
	BERTH_LINK_DOWN,	/* by an administrator */
	BERTH_LINK_NO_CARRIER,	/* and the kernel drops the routes for it */
	BERTH_LINK_NO_ADDRESS,	/* any more */
};

struct berth_link {
	struct berth_links_item by_name;
	char ifname[IFNAMSIZ];
	ifindex_t ifindex;	/* 0: it does not exist */
	uint32_t down_count;	/* zebra's, when it was last operative */
	bool operative, running;
	struct berth_side {
		struct berth_on_link_head objects;	/* those that have seen the oldest generation in front */
		uint32_t generation;	/* counts up with each change that its objects have to be looked at for */
		enum berth_trouble trouble;
		bool had_address;
		bool dropped;		/* the kernel has no routes on a link without carrier; of watch.c, until it has carrier */
		size_t suspects;	/* of watch.c: one is missing in the kernel, so many others are to be asked for now */
		int64_t ask_at;		/* of watch.c: monotonic ms, when the kernel is asked for the next */
	} sides[2];			/* IPv4, IPv6 */
};

void berth_link_init(void);

/* To the end of its interface's list, as one that has seen the link as it is now. An object without an interface has none. */
void berth_link_join(struct berth_object *object);
void berth_link_leave(struct berth_object *object);

/* Reads what zebra knows of it by now. */
void berth_link_look(struct berth_link *link);

struct berth_link *berth_link_find(const char *ifname);	/* NULL: no object is on it */
struct berth_link *berth_link_next(void);		/* of all, in turn; NULL: there is none */
size_t berth_link_count(void);
struct berth_side *berth_side_of(const struct berth_object *object);	/* NULL: on no interface */

/* Why its link has no use for it; NULL: it has. The text lasts until the next call. */
const char *berth_link_reason(const struct berth_object *object);

/* zebra's interface of that name in the default VRF; NULL: it does not exist. */
struct interface *berth_interface(const char *ifname);

#endif
