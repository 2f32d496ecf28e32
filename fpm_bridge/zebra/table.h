/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What berthd wants: all objects, by kind and prefix, and which of them are stale because the session has not named them
 * yet. It owns the objects.
 */
#ifndef BERTH_TABLE_H
#define BERTH_TABLE_H

#include "object.h"

void berth_table_init(void);

/* `wanted` has the key, what is wanted, and the batch to answer; the rest of it is not read. */
void berth_table_put(const struct berth_object *wanted);
void berth_table_take(int kind, const struct prefix *p, uint64_t sequence);
bool berth_table_has_room(int kind, const struct prefix *p);	/* within the limit of routes */

/* The owner is gone: all that it wanted is stale from now on. */
void berth_table_all_stale(void);

/*
 * Sets aside what is stale and lies within one of these prefixes: the sweep leaves it until the next call, which decides
 * anew, or until berthd goes. Returns how many are set aside.
 */
size_t berth_table_keep(const struct prefix *keep, size_t n);

/* At most so many of those that are due go; returns how many went. */
size_t berth_table_sweep(size_t limit);

size_t berth_table_count(void);
size_t berth_table_stale_count(void);
size_t berth_table_due_count(void);	/* stale, and not set aside */

/* The RIB has changed there. */
void berth_table_look_again(int kind, const struct prefix *p);

/* Takes an object that is gone out of the table, and frees it. */
void berth_table_forget(struct berth_object *object);

/* How many objects are on an interface. */
size_t berth_table_on_interface(const char *ifname);

/* Each object in turn, the first for NULL; NULL after the last. None may be freed in between. */
struct berth_object *berth_table_next(struct berth_object *object);

#endif
