// SPDX-License-Identifier: GPL-2.0-or-later
/* What berthd wants, and what of it is stale: the new session has not named it yet. */
#include "bridge.h"

#include "jhash.h"
#include "memory.h"
#include "monotime.h"
#include "table.h"

DEFINE_MGROUP(BERTH, "berth zebra module");
DEFINE_MTYPE_STATIC(BERTH, BERTH_OBJECT, "berth object");
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
static size_t leaving, removed;	/* how many are swept, and how many are taken out for any reason */
int64_t berth_now_ms(void)
{
	struct timeval now;

	monotime(&now);
	return now.tv_sec * 1000LL + now.tv_usec / 1000;
}

static struct berth_object *find(int kind, const struct prefix *p)
{
	struct berth_object key;

	prefix_copy(&key.prefix, p);
	return berth_objects_find(&objects[kind], &key);
}

/* The one after it, or for NULL the first. */
static struct berth_object *next_object(struct berth_object *object)
{
	int kind = object ? object->kind : 0;
	struct berth_object *next = object ? berth_objects_next(&objects[kind], object) : NULL;

	while (!next && ++kind < KINDS)
		next = berth_objects_first(&objects[kind]);
	return next;
}

static void set_stale(struct berth_object *object, bool stale)
{
	if (object->is_stale == stale)
		return;
	object->is_stale = stale;
	if (stale)
		berth_stales_add_tail(&stales, object);
	else
		berth_stales_del(object->kept ? &kept : &stales, object);
	object->kept = false;
}

/* Taken out, or wanted again. */
static void set_removed(struct berth_object *object, bool is_removed, bool swept)
{
	removed += is_removed - object->removed;
	leaving += swept - object->swept;
	object->removed = is_removed;
	object->swept = swept;
}

void berth_table_forget(struct berth_object *object)
{
	berth_link_leave(object);
	set_stale(object, false);
	set_removed(object, false, false);
	berth_objects_del(&objects[object->kind], object);
	XFREE(MTYPE_BERTH_OBJECT, object);
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
		object = XCALLOC(MTYPE_BERTH_OBJECT, sizeof(*object));
		object->kind = wanted->kind;
		prefix_copy(&object->prefix, &wanted->prefix);
		berth_objects_add(&objects[object->kind], object);
	} else if (object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK && strcmp(object->ifname, wanted->ifname)) {
		berth_rib_remove(object);	/* the tag on the connected route of the other interface */
	} else if (!object->removed && same(object, wanted) && berth_follow_settled(object)) {
		/* zebra would replace it, and the kernel take an IPv6 route out for that */
		set_stale(object, false);
		object->sequence = wanted->sequence;
		berth_follow_look(object);
		return;
	}
	set_stale(object, false);
	set_removed(object, false, false);
	object->tag = wanted->tag;
	object->distance = wanted->distance;
	object->metric = wanted->metric;
	strlcpy(object->ifname, wanted->ifname, sizeof(object->ifname));
	object->gateway = wanted->gateway;
	object->gateway_len = wanted->gateway_len;
	object->onlink = wanted->onlink;
	object->sequence = wanted->sequence;
	object->state = 0;
	berth_follow_put(object, false);
}

static void take_out(struct berth_object *object, uint64_t sequence, bool swept)
{
	set_removed(object, true, swept);
	object->sequence = sequence;
	berth_follow_take(object);
}

void berth_table_take(int kind, const struct prefix *p, uint64_t sequence)
{
	struct berth_object *object = find(kind, p);

	if (!object) {
		berth_session_result(kind, p, BERTH__FPM__STATE__STATE_GONE, NULL, sequence, NULL);
		return;
	}
	set_stale(object, false);
	take_out(object, sequence, false);
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

	berth_table_keep(NULL, 0);
	for (object = next_object(NULL); object; object = next_object(object)) {
		object->sequence = 0;
		if (!object->removed)
			set_stale(object, true);
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

	while ((object = berth_stales_pop(&kept))) {
		object->kept = false;
		berth_stales_add_tail(&stales, object);
	}
	for (i = 0; i < n; i++)
		route_node_get(tables[keep[i].family != AF_INET], &keep[i])->info = (void *)keep;
	for (i = n ? berth_stales_count(&stales) : 0; i; i--) {
		object = berth_stales_pop(&stales);
		object->kept = within(tables[object->prefix.family != AF_INET], &object->prefix);
		berth_stales_add_tail(object->kept ? &kept : &stales, object);
	}
	for (i = 0; i < array_size(tables); i++)
		route_table_finish(tables[i]);
	return berth_stales_count(&kept);
}

size_t berth_table_sweep(size_t limit)
{
	struct berth_object *object;
	size_t n = 0;

	while (n < limit && (object = berth_stales_pop(&stales))) {
		object->is_stale = false;
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

size_t berth_table_leaving_count(void)
{
	return leaving;
}

size_t berth_table_count(void)
{
	return berth_objects_count(&objects[BERTH__FPM__OBJECT_KIND__OBJECT_ROUTE]) +
	       berth_objects_count(&objects[BERTH__FPM__OBJECT_KIND__OBJECT_MARK]);
}

bool berth_table_has_room(int kind, const struct prefix *p)
{
	const struct berth_object *object = find(kind, p);

	/* what is stale or on its way out makes room, and needs some when it is said again */
	return (object && !object->is_stale && !object->removed) ||
	       berth_table_count() - berth_table_stale_count() - removed < berth_settings.max_routes;
}

size_t berth_table_on_interface(const char *ifname)
{
	struct berth_link *link = berth_link_find(ifname);

	return link ? berth_on_link_count(&link->sides[0].objects) + berth_on_link_count(&link->sides[1].objects) : 0;
}

void berth_table_show(struct vty *vty, bool json)
{
	static const char *const names[] = {"pending", "accepted", "installed", "notBest", "inactive", "rejected", "gone"};
	struct berth_object *object;
	const char *comma = "";

	vty_out(vty, json ? "{\"routes\":[" : "Prefix                                     Kind   Tag        Interface        State\n");
	for (object = next_object(NULL); object; object = next_object(object)) {
		const char *kind = object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK ? "mark" : "route";
		const char *state = object->is_stale ? "stale" : object->removed ? "removing" : names[object->state];

		if (json)
			vty_out(vty, "%s{\"prefix\":\"%pFX\",\"kind\":\"%s\",\"tag\":%u,\"interface\":\"%s\",\"state\":\"%s\"}",
				comma, &object->prefix, kind, object->tag, object->ifname, state);
		else
			vty_out(vty, "%-42pFX %-6s %-10u %-16s %s\n", &object->prefix, kind, object->tag, object->ifname, state);
		comma = ",";
	}
	if (json)
		vty_out(vty, "]}\n");
}

void berth_table_init(void)
{
	for (int kind = 0; kind < KINDS; kind++)
		berth_objects_init(&objects[kind]);
	berth_stales_init(&stales);
	berth_stales_init(&kept);
}
