// SPDX-License-Identifier: GPL-2.0-or-later
/* What berthd wants, what was last told about it, and the looking: state is read from the RIB, never assumed. */
#include "bridge.h"

#include "jhash.h"
#include "memory.h"
#include "monotime.h"
#include "table.h"
#include "zlog.h"

DEFINE_MGROUP(BERTH, "berth zebra module");
DEFINE_MTYPE_STATIC(BERTH, BERTH_OBJECT, "berth object");
DEFINE_MTYPE_STATIC(BERTH, BERTH_LINK, "berth interface");

#define LOOKS_A_SLICE 2000
#define UNSETTLED_A_SLICE 20	/* zebra works in the order of the puts: behind so many that it has not reached, all wait */
#define LOOK_MS 2	/* between two slices */
#define SETTLE_MS 50	/* zebra's work queue waits 10 ms: what is done by then is told once, as what it has become */
#define SETTLED_MS 3000	/* what zebra has not done by then is looked at by the watch, no longer at once */
#define EARLY_MS 60000	/* the longest that a put may wait in zebra's queue of early routes, behind a whole table */
#define REFUSED_MS 5000	/* before what the kernel refused is tried again */
#define WATCH_MS 50	/* between two slices of what is watched */
#define WATCHED_A_SLICE 1000
#define MEND_MS 10	/* the same, while routes are put in again */

static int object_cmp(const struct berth_object *a, const struct berth_object *b)
{
	return !prefix_same(&a->prefix, &b->prefix);
}

static uint32_t object_hash(const struct berth_object *a)
{
	return jhash(&a->prefix.u, a->prefix.family == AF_INET ? 4 : 16, a->prefix.prefixlen);
}

DECLARE_HASH(berth_objects, struct berth_object, by_key, object_cmp, object_hash);
DECLARE_DLIST(berth_looks, struct berth_object, look);
DECLARE_DLIST(berth_stales, struct berth_object, stale);
DECLARE_DLIST(berth_watches, struct berth_object, watch);

/* An interface that objects are on, in the order of their puts: where the first has seen every flap, all have. */
PREDECL_HASH(berth_links);
DECLARE_DLIST(berth_on_link, struct berth_object, on_link);
struct berth_link {
	struct berth_links_item by_name;
	char ifname[IFNAMSIZ];
	struct berth_on_link_head objects;
};

static int link_cmp(const struct berth_link *a, const struct berth_link *b)
{
	return strcmp(a->ifname, b->ifname);
}

static uint32_t link_hash(const struct berth_link *a)
{
	return jhash(a->ifname, strlen(a->ifname), 0);
}

DECLARE_HASH(berth_links, struct berth_link, by_name, link_cmp, link_hash);

#define KINDS (BERTH__FPM__OBJECT_KIND__OBJECT_MARK + 1)
static struct berth_objects_head objects[KINDS];	/* by kind */
static struct berth_looks_head looks;
static struct berth_stales_head stales, kept;
static size_t leaving, removed;	/* how many are swept, and how many are taken out for any reason */
static struct berth_watches_head watches;	/* all that is not settled, and the marks */
static struct berth_links_head links;
static struct berth_link *next_link;		/* to watch */
static struct event *t_look, *t_watch;

static void on_look(struct event *t);

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

static struct berth_link *find_link(const char *ifname)
{
	struct berth_link key;

	strlcpy(key.ifname, ifname, sizeof(key.ifname));
	return berth_links_find(&links, &key);
}

static void off_link(struct berth_object *object)
{
	struct berth_link *link = object->link;

	if (!link)
		return;
	object->link = NULL;
	berth_on_link_del(&link->objects, object);
	if (berth_on_link_count(&link->objects))
		return;
	if (link == next_link)
		next_link = berth_links_next(&links, link);
	berth_links_del(&links, link);
	berth_on_link_fini(&link->objects);
	XFREE(MTYPE_BERTH_LINK, link);
}

/* Into the RIB, and to the end of its interface's list. */
static void put_in(struct berth_object *object)
{
	struct berth_link *link = object->ifname[0] ? find_link(object->ifname) : NULL;

	if (!link && object->ifname[0]) {
		link = XCALLOC(MTYPE_BERTH_LINK, sizeof(*link));
		strlcpy(link->ifname, object->ifname, sizeof(link->ifname));
		berth_on_link_init(&link->objects);
		berth_links_add(&links, link);
	}
	if (link == object->link && link)
		berth_on_link_del(&link->objects, object);
	else
		off_link(object);
	object->link = link;
	if (link)
		berth_on_link_add_tail(&link->objects, object);
	if (object->wanted_at && (object->refused || berth_rib_flapped(object)))
		object->tries++;
	object->seen = object->refused = false;
	object->wanted_at = berth_now_ms();
	berth_rib_put(object);
}

static void set_watched(struct berth_object *object, bool watched)
{
	if (object->watched == watched)
		return;
	object->watched = watched;
	if (watched)
		berth_watches_add_tail(&watches, object);
	else
		berth_watches_del(&watches, object);
}

static void look_soon(struct berth_object *object)
{
	set_watched(object, true);
	if (!object->looking) {
		object->looking = true;
		berth_looks_add_tail(&looks, object);
	}
	if (!t_look && berth_loop)
		event_add_timer_msec(berth_loop, on_look, NULL, LOOK_MS, &t_look);
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

static void forget(struct berth_object *object)
{
	set_stale(object, false);
	set_removed(object, false, false);
	set_watched(object, false);
	off_link(object);
	if (object->looking)
		berth_looks_del(&looks, object);
	berth_objects_del(&objects[object->kind], object);
	XFREE(MTYPE_BERTH_OBJECT, object);
}

/* True when there is nothing more to wait for. */
static bool look(struct berth_object *object)
{
	Berth__Fpm__RibEntry winner = BERTH__FPM__RIB_ENTRY__INIT;
	bool is_mark = object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK;
	int64_t age = berth_now_ms() - object->wanted_at;
	const char *reason;
	uint32_t told;
	int state;

	/* a connected route that was made anew has lost our tag */
	if (is_mark && !object->removed)
		berth_rib_mark(object);
	state = berth_rib_look(object, age > SETTLED_MS, &winner, &reason);
	if (object->removed) {
		if (state != BERTH__FPM__STATE__STATE_GONE)
			return false;
		if (object->sequence)
			berth_session_result(object->kind, &object->prefix, state, NULL, object->sequence, NULL);
		forget(object);
		return true;
	}
	/* zebra works on a put later: until then it looks like a loss, or like a next hop that is down */
	if (!is_mark && age < SETTLE_MS &&
	    (state == BERTH__FPM__STATE__STATE_INACTIVE || state == BERTH__FPM__STATE__STATE_ACCEPTED))
		return false;
	if (!is_mark && state == BERTH__FPM__STATE__STATE_GONE && !object->seen && age < EARLY_MS) {
		if (age < SETTLED_MS)
			return false;
		state = BERTH__FPM__STATE__STATE_ACCEPTED;
	}
	if (state == BERTH__FPM__STATE__STATE_GONE)
		reason = "it was taken out of zebra's RIB by somebody else";
	else if (state == BERTH__FPM__STATE__STATE_ACCEPTED && age > SETTLED_MS)
		reason = "zebra has not installed it yet";
	told = jhash_3words(winner.distance, winner.metric, (uint32_t)(uintptr_t)winner.type,
			    (uint32_t)(uintptr_t)reason);
	if (state != object->state || told != object->told || object->sequence) {
		if (object->state != state)
			object->since = time(NULL);
		object->state = state;
		object->told = told;
		berth_session_result(object->kind, &object->prefix, state, reason, object->sequence,
				     state == BERTH__FPM__STATE__STATE_NOT_BEST ? &winner : NULL);
		object->sequence = 0;
	}
	/* zebra 10.3 tells nothing of a connected route that goes, nor of a better one: what hangs on those is watched for good */
	set_watched(object, is_mark || object->refused || state == BERTH__FPM__STATE__STATE_ACCEPTED ||
				    state == BERTH__FPM__STATE__STATE_NOT_BEST);
	return state != BERTH__FPM__STATE__STATE_ACCEPTED;
}

static void on_look(struct event *t)
{
	size_t left = MIN(berth_looks_count(&looks), (size_t)LOOKS_A_SLICE), unsettled = 0;
	struct berth_object *object;

	(void)t;
	while (left-- && unsettled < UNSETTLED_A_SLICE && !berth_session_full() && (object = berth_looks_pop(&looks))) {
		int64_t wanted_at = object->wanted_at;

		object->looking = false;
		/* what takes long is left to the watch; an object that look() has forgotten was finished */
		if (!look(object) && berth_now_ms() - wanted_at < SETTLED_MS) {
			object->looking = true;
			berth_looks_add_tail(&looks, object);
			unsettled++;
		}
	}
	berth_session_flush();
	if (berth_looks_count(&looks))
		event_add_timer_msec(berth_loop, on_look, NULL, LOOK_MS, &t_look);
}

/*
 * Law 7: what zebra tells nothing of is looked for: a link that went down and up, what it has not done for long, and all
 * whose state hangs on routes of the system.
 */
static void on_watch(struct event *t)
{
	size_t n, left = WATCHED_A_SLICE;
	struct berth_object *object;
	struct berth_link *link;

	(void)t;
	for (n = MIN(berth_links_count(&links), left); n && left; n--) {
		link = next_link ? next_link : berth_links_first(&links);
		next_link = berth_links_next(&links, link);
		for (; left && berth_rib_flapped(object = berth_on_link_first(&link->objects)); left--) {
			berth_counters.readded++;
			put_in(object);
			look_soon(object);
		}
	}
	for (n = MIN(berth_watches_count(&watches), (size_t)WATCHED_A_SLICE); n; n--) {
		object = berth_watches_pop(&watches);
		berth_watches_add_tail(&watches, object);
		if (object->refused && !object->removed && berth_now_ms() - object->wanted_at > REFUSED_MS) {
			berth_counters.readded++;
			put_in(object);
		}
		look_soon(object);
	}
	event_add_timer_msec(berth_loop, on_watch, NULL, left ? WATCH_MS : MEND_MS, &t_watch);
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
	put_in(object);
	look_soon(object);
}

static void take_out(struct berth_object *object, uint64_t sequence, bool swept)
{
	off_link(object);
	set_removed(object, true, swept);
	object->sequence = sequence;
	object->wanted_at = berth_now_ms();
	berth_rib_remove(object);
	look_soon(object);
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
		look_soon(object);
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
	struct berth_link *link = find_link(ifname);

	return link ? berth_on_link_count(&link->objects) : 0;
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

/* Nothing is looked at any more. */
void berth_table_fini(void)
{
	event_cancel(&t_look);
	event_cancel(&t_watch);
	berth_loop = NULL;
}

void berth_table_init(void)
{
	for (int kind = 0; kind < KINDS; kind++)
		berth_objects_init(&objects[kind]);
	berth_looks_init(&looks);
	berth_stales_init(&stales);
	berth_stales_init(&kept);
	berth_watches_init(&watches);
	berth_links_init(&links);
	event_add_timer_msec(berth_loop, on_watch, NULL, WATCH_MS, &t_watch);
}
