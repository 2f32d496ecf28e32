// SPDX-License-Identifier: GPL-2.0-or-later
/* A hash for each kind, and a list for each claim but the current one. */
#include "module.h"

#include "jhash.h"
#include "lib/table.h"

#include "follow.h"
#include "link.h"
#include "results.h"
#include "table.h"

static int object_cmp(const struct berth_object *a, const struct berth_object *b)
{
	return !prefix_same(&a->prefix, &b->prefix);
}

static uint32_t object_hash(const struct berth_object *a)
{
	return jhash(&a->prefix.u, a->prefix.family == AF_INET ? 4 : 16, a->prefix.prefixlen);
}

DECLARE_HASH(berth_objects, struct berth_object, by_key, object_cmp, object_hash);
DECLARE_DLIST(berth_stales, struct berth_object, stale);

#define KINDS (BERTH__FPM__OBJECT_KIND__OBJECT_MARK + 1)

static struct berth_objects_head objects[KINDS];	/* by kind */
static struct berth_stales_head stales, kept;

static struct berth_object *find(int kind, const struct prefix *p)
{
	struct berth_object key;

	prefix_copy(&key.prefix, p);
	return berth_objects_find(&objects[kind], &key);
}

struct berth_object *berth_table_next(struct berth_object *object)
{
	int kind = object ? object->kind : 0;
	struct berth_object *next = object ? berth_objects_next(&objects[kind], object) : NULL;

	while (!next && ++kind < KINDS)
		next = berth_objects_first(&objects[kind]);
	return next;
}

/* The list of a claim; NULL: what is current is in none. */
static struct berth_stales_head *list_of(enum berth_claim claim)
{
	return claim == BERTH_STALE ? &stales : claim == BERTH_KEPT ? &kept : NULL;
}

static void set_claim(struct berth_object *object, enum berth_claim claim)
{
	if (object->claim == claim)
		return;
	if (object->claim != BERTH_CURRENT)
		berth_stales_del(list_of(object->claim), object);
	if (claim != BERTH_CURRENT)
		berth_stales_add_tail(list_of(claim), object);
	object->claim = claim;
}

void berth_table_forget(struct berth_object *object)
{
	berth_link_leave(object);
	set_claim(object, BERTH_CURRENT);
	berth_objects_del(&objects[object->kind], object);
	berth_object_free(object);
}

static bool same(const struct berth_object *a, const struct berth_object *b)
{
	return a->tag == b->tag && a->distance == b->distance && a->metric == b->metric && a->onlink == b->onlink &&
	       !strcmp(a->ifname, b->ifname) && a->gateway_len == b->gateway_len &&
	       !memcmp(&a->gateway, &b->gateway, a->gateway_len);
}

void berth_table_put(const struct berth_object *wanted)
{
	struct berth_object *object = find(wanted->kind, &wanted->prefix);

	if (!object) {
		object = berth_object_new(wanted->kind, &wanted->prefix);
		berth_objects_add(&objects[object->kind], object);
	} else if (berth_is_mark(object) && strcmp(object->ifname, wanted->ifname)) {
		berth_follow_move(object);
	} else if (!berth_state_leaving(object->state) && same(object, wanted) && berth_follow_is_settled(object)) {
		/* zebra would replace it, and the kernel take an IPv6 route out for that */
		set_claim(object, BERTH_CURRENT);
		object->sequence = wanted->sequence;
		berth_follow_look(object);
		return;
	}
	set_claim(object, BERTH_CURRENT);
	object->tag = wanted->tag;
	object->distance = wanted->distance;
	object->metric = wanted->metric;
	strlcpy(object->ifname, wanted->ifname, sizeof(object->ifname));
	object->gateway = wanted->gateway;
	object->gateway_len = wanted->gateway_len;
	object->onlink = wanted->onlink;
	object->sequence = wanted->sequence;
	object->told = 0;
	berth_follow_put(object, false);
}

static void take_out(struct berth_object *object, uint64_t sequence, bool is_swept)
{
	set_claim(object, BERTH_CURRENT);
	object->sequence = sequence;
	berth_follow_take(object, is_swept);
}

void berth_table_take(int kind, const struct prefix *p, uint64_t sequence)
{
	struct berth_object *object = find(kind, p);

	if (object)
		take_out(object, sequence, false);
	else
		berth_result(kind, p, BERTH__FPM__STATE__STATE_GONE, NULL, sequence, NULL);
}

void berth_table_look_again(int kind, const struct prefix *p)
{
	struct berth_object *object = berth_objects_count(&objects[kind]) ? find(kind, p) : NULL;

	if (object)
		berth_follow_look(object);
}

void berth_table_all_stale(void)
{
	struct berth_object *object;

	for (object = berth_table_next(NULL); object; object = berth_table_next(object)) {
		object->sequence = 0;
		if (!berth_state_leaving(object->state))
			set_claim(object, BERTH_STALE);
	}
}

static bool within(struct route_table *table, const struct prefix *p)
{
	struct route_node *rn = route_node_match(table, p);

	if (rn)
		route_unlock_node(rn);
	return rn != NULL;
}

size_t berth_table_keep(const struct prefix *keep, size_t n)
{
	struct route_table *tables[] = {route_table_init(), route_table_init()};	/* IPv4, IPv6 */
	struct berth_object *object;
	size_t i;

	while ((object = berth_stales_first(&kept)))
		set_claim(object, BERTH_STALE);
	for (i = 0; i < n; i++)
		route_node_get(tables[keep[i].family != AF_INET], &keep[i])->info = (void *)keep;
	for (i = n ? berth_stales_count(&stales) : 0; i; i--) {
		object = berth_stales_pop(&stales);
		berth_stales_add_tail(&stales, object);	/* each of them is met once */
		if (within(tables[object->prefix.family != AF_INET], &object->prefix))
			set_claim(object, BERTH_KEPT);
	}
	for (i = 0; i < array_size(tables); i++)
		route_table_finish(tables[i]);
	return berth_stales_count(&kept);
}

size_t berth_table_sweep(size_t limit)
{
	struct berth_object *object;
	size_t n = 0;

	while (n < limit && (object = berth_stales_first(&stales))) {
		take_out(object, 0, true);
		n++;
	}
	return n;
}

size_t berth_table_stale_count(void)
{
	return berth_stales_count(&stales) + berth_stales_count(&kept);
}

size_t berth_table_due_count(void)
{
	return berth_stales_count(&stales);
}

size_t berth_table_count(void)
{
	return berth_objects_count(&objects[BERTH__FPM__OBJECT_KIND__OBJECT_ROUTE]) +
	       berth_objects_count(&objects[BERTH__FPM__OBJECT_KIND__OBJECT_MARK]);
}

bool berth_table_has_room(int kind, const struct prefix *p)
{
	const struct berth_object *object = find(kind, p);
	size_t leaving = berth_object_count(BERTH_LEAVING) + berth_object_count(BERTH_SWEPT);

	/* what is stale or on its way out makes room, and needs some when it is said again */
	return (object && object->claim == BERTH_CURRENT && !berth_state_leaving(object->state)) ||
	       berth_table_count() - berth_table_stale_count() - leaving < berth_settings.max_routes;
}

size_t berth_table_on_interface(const char *ifname)
{
	struct berth_link *link = berth_link_find(ifname);

	return link ? berth_on_link_count(&link->sides[0].objects) + berth_on_link_count(&link->sides[1].objects) : 0;
}

void berth_table_init(void)
{
	for (int kind = 0; kind < KINDS; kind++)
		berth_objects_init(&objects[kind]);
	berth_stales_init(&stales);
	berth_stales_init(&kept);
}
