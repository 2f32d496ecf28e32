// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sees to it that the RIB has what is wanted where the kernel has a use for it, and nothing else: what the RIB has is
 * advertised. And the telling: state is read from the RIB, and in doubt from the kernel, never assumed.
 */
#include "bridge.h"

#include "jhash.h"

DECLARE_DLIST(berth_looks, struct berth_object, look);
DECLARE_DLIST(berth_watches, struct berth_object, watch);

#define LOOKS_A_SLICE 2000
#define UNSETTLED_A_SLICE 20	/* zebra works in the order of the puts: behind so many that it has not reached, all wait */
#define LOOK_MS 2	/* between two slices */
#define SETTLE_MS 50	/* zebra's work queue waits 10 ms: what is done by then is told once, as what it has become */
#define SETTLED_MS 3000	/* what zebra has not done by then is looked at by the watch, no longer at once */
#define EARLY_MS 60000	/* the longest that a put may wait in zebra's queue of early routes, behind a whole table */
#define REFUSED_MS 5000	/* before what the kernel refused is tried again */
#define DOUBT_MS 100	/* before what was put in again may be again, doubled each time */
#define WATCH_MS 50	/* between two slices of what is watched */
#define WATCHED_A_SLICE 1000
#define ASKED_A_SECOND 1000	/* questions to the kernel, as long as it has lost nothing */
#define MEND_MS 10	/* the same as WATCH_MS, while routes are put in again */

static struct berth_looks_head looks;
static struct berth_watches_head watches;	/* all that is not settled, the marks, and what has a gateway */
static struct event *t_look, *t_watch;

static void on_look(struct event *t);

static bool is_mark(const struct berth_object *object)
{
	return object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK;
}

/* Its next hop has to be resolved, by zebra's connected routes. */
static bool has_gateway(const struct berth_object *object)
{
	return object->gateway_len && !object->onlink;
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

void berth_follow_look(struct berth_object *object)
{
	set_watched(object, true);
	if (!object->looking) {
		object->looking = true;
		berth_looks_add_tail(&looks, object);
	}
	if (!t_look && berth_loop)
		event_add_timer_msec(berth_loop, on_look, NULL, LOOK_MS, &t_look);
}

/* Out of the RIB, so that nobody advertises it; it is still wanted. */
static void go_out(struct berth_object *object)
{
	object->out = true;
	object->wanted_at = berth_now_ms();
	berth_rib_remove(object);
}

void berth_follow_put(struct berth_object *object, bool again)
{
	uint32_t generation = object->generation;
	bool known = object->link != NULL;

	berth_link_join(object);
	if (object->wanted_at && (again || object->refused || object->out || (known && generation != object->generation)))
		object->tries++;
	object->seen = object->refused = object->out = false;
	object->wanted_at = berth_now_ms();
	if (!is_mark(object) && berth_link_reason(object))
		go_out(object);
	else
		berth_rib_put(object);
	berth_follow_look(object);
}

void berth_follow_take(struct berth_object *object)
{
	berth_link_leave(object);
	object->out = object->refused = false;
	object->wanted_at = berth_now_ms();
	berth_rib_remove(object);
	berth_follow_look(object);
}

bool berth_follow_settled(struct berth_object *object)
{
	Berth__Fpm__RibEntry winner = BERTH__FPM__RIB_ENTRY__INIT;
	const struct berth_side *side = berth_side_of(object);
	const char *reason;

	if (is_mark(object) || object->out ||
	    (object->state != BERTH__FPM__STATE__STATE_INSTALLED && object->state != BERTH__FPM__STATE__STATE_NOT_BEST))
		return false;
	if (side)
		berth_link_look(object->link);
	if (side && side->generation != object->generation)
		return false;
	return berth_rib_look(object, true, &winner, &reason) == object->state &&
	       (object->state != BERTH__FPM__STATE__STATE_INSTALLED ||
		berth_kernel_has(&object->prefix) != BERTH_KERNEL_LACKS);
}

static void forget(struct berth_object *object)
{
	set_watched(object, false);
	if (object->looking)
		berth_looks_del(&looks, object);
	berth_table_forget(object);
}

static void tell(struct berth_object *object, int state, const char *reason, Berth__Fpm__RibEntry *winner)
{
	uint32_t told = jhash_3words(winner->distance, winner->metric, (uint32_t)(uintptr_t)winner->type,
				     reason ? jhash(reason, strlen(reason), 0) : 0);

	if (state == object->state && told == object->told && !object->sequence)
		return;
	if (object->state != state)
		object->since = time(NULL);
	object->state = state;
	object->told = told;
	berth_session_result(object->kind, &object->prefix, state, reason, object->sequence,
			     state == BERTH__FPM__STATE__STATE_NOT_BEST ? winner : NULL);
	object->sequence = 0;
}

/* What was taken out, whatever the reason. True when there is nothing more to wait for. */
static bool look_for_leaving(struct berth_object *object, int64_t age)
{
	Berth__Fpm__RibEntry none = BERTH__FPM__RIB_ENTRY__INIT;
	const char *reason;

	if (object->removed) {
		if (berth_rib_has(object))
			return false;
		if (object->sequence)
			berth_session_result(object->kind, &object->prefix, BERTH__FPM__STATE__STATE_GONE, NULL,
					     object->sequence, NULL);
		forget(object);
		return true;
	}
	if (berth_rib_has(object) && age < SETTLED_MS)
		return false;
	reason = berth_link_reason(object);
	if (!reason && object->refused)
		reason = berth_rib_refusal();
	if (!reason)
		return true;	/* usable again: it is put in before long */
	tell(object, BERTH__FPM__STATE__STATE_INACTIVE, reason, &none);
	set_watched(object, object->refused || berth_rib_has(object));
	return true;
}

/* True when there is nothing more to wait for. */
static bool look(struct berth_object *object)
{
	Berth__Fpm__RibEntry winner = BERTH__FPM__RIB_ENTRY__INIT;
	int64_t age = berth_now_ms() - object->wanted_at;
	const char *reason;
	int state;

	if (object->out || object->removed)
		return look_for_leaving(object, age);
	/* a connected route that was made anew has lost our tag */
	if (is_mark(object))
		berth_rib_mark(object);
	state = berth_rib_look(object, age > SETTLED_MS, &winner, &reason);
	if (object->refused) {
		/* zebra goes on advertising what it had in the kernel before */
		go_out(object);
		return false;
	}
	/* zebra works on a put later: until then it looks like a loss, or like a next hop that is down */
	if (!is_mark(object) && age < SETTLE_MS &&
	    (state == BERTH__FPM__STATE__STATE_INACTIVE || state == BERTH__FPM__STATE__STATE_ACCEPTED))
		return false;
	if (!is_mark(object) && state == BERTH__FPM__STATE__STATE_GONE && !object->seen && age < EARLY_MS) {
		if (age < SETTLED_MS)
			return false;
		state = BERTH__FPM__STATE__STATE_ACCEPTED;
	}
	if (state == BERTH__FPM__STATE__STATE_GONE)
		reason = "it was taken out of zebra's RIB by somebody else";
	else if (state == BERTH__FPM__STATE__STATE_ACCEPTED && age > SETTLED_MS)
		reason = "zebra has not installed it yet";
	tell(object, state, reason, &winner);
	/* zebra 10.3 tells nothing of a connected route that goes, nor of a better one: what hangs on those is watched for good */
	set_watched(object, is_mark(object) || has_gateway(object) || state == BERTH__FPM__STATE__STATE_ACCEPTED ||
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

/* Into the RIB again, if that has not been tried just now. */
static void put_again(struct berth_object *object)
{
	int64_t wait = MIN((int64_t)DOUBT_MS << MIN(object->doubts, 10), (int64_t)REFUSED_MS);

	if (berth_now_ms() - object->wanted_at < wait)
		return;
	object->doubts += object->doubts < UINT8_MAX;
	berth_counters.readded++;
	berth_follow_put(object, true);
}

/* False: the kernel has lost it. */
static bool audit(struct berth_object *object)
{
	Berth__Fpm__RibEntry winner = BERTH__FPM__RIB_ENTRY__INIT;
	enum berth_kernel_has has;
	const char *reason;

	if (is_mark(object) || object->out || object->removed || object->looking)
		return true;
	if (berth_rib_look(object, true, &winner, &reason) != object->state) {
		berth_follow_look(object);
		return true;
	}
	/* an entry that zebra has judged while the link was changing may stay as it was judged then */
	if (object->state == BERTH__FPM__STATE__STATE_INACTIVE && object->link && object->link->operative)
		put_again(object);
	if (object->state != BERTH__FPM__STATE__STATE_INSTALLED)
		return true;
	has = berth_kernel_has(&object->prefix);
	if (has == BERTH_KERNEL_HAS)
		object->doubts = 0;
	return has != BERTH_KERNEL_LACKS;
}

/* The link has changed since this one was last seen to. */
static void settle(struct berth_object *object)
{
	Berth__Fpm__RibEntry winner = BERTH__FPM__RIB_ENTRY__INIT;
	const char *reason;

	if (!is_mark(object) && berth_link_reason(object)) {
		berth_link_join(object);
		if (!object->out)
			go_out(object);
	} else if (!is_mark(object) && !object->out && object->ifindex == object->link->ifindex &&
		   berth_rib_look(object, true, &winner, &reason) == BERTH__FPM__STATE__STATE_INSTALLED &&
		   berth_kernel_has(&object->prefix) == BERTH_KERNEL_HAS) {
		berth_link_join(object);	/* the carrier came back, and the kernel has kept it */
	} else {
		berth_counters.readded++;
		berth_follow_put(object, true);
	}
	berth_follow_look(object);
}

/* One family of a link: what has not seen its last change, and one of the others: has the kernel kept it? */
static void watch_side(struct berth_link *link, struct berth_side *side, size_t *left)
{
	size_t n, count = berth_on_link_count(&side->objects);
	struct berth_object *object;

	for (n = MIN(count, *left); n; n--) {
		object = berth_on_link_first(&side->objects);
		if (object->generation == side->generation)
			break;
		settle(object);
		--*left;
	}
	n = MIN(side->suspects, *left);
	if (!n && count && berth_now_ms() >= side->ask_at) {
		side->ask_at = berth_now_ms() + MAX((size_t)WATCH_MS, 2 * berth_link_count() * 1000 / ASKED_A_SECOND);
		n = 1;
	}
	for (; n && *left; n--) {
		object = berth_on_link_first(&side->objects);
		if (object->generation != side->generation)
			break;	/* in front: for the next time */
		berth_on_link_del(&side->objects, object);
		berth_on_link_add_tail(&side->objects, object);
		if (side->suspects) {
			side->suspects--;
			--*left;
		}
		if (audit(object))
			continue;
		/* they have a use again when the carrier is back, all of them */
		if (!link->running) {
			side->dropped = true;
			continue;
		}
		/* the kernel seldom loses one alone */
		if (!side->suspects)
			side->suspects = count;
		put_again(object);
	}
}

static void watch_links(size_t *left)
{
	for (size_t n = MIN(berth_link_count(), *left); n && *left; n--) {
		struct berth_link *link = berth_link_next();

		berth_link_look(link);
		for (int i = 0; i < 2; i++)
			watch_side(link, &link->sides[i], left);
	}
}

/* zebra resolves the gateways of others anew, ours only when it has another reason to look at the route. */
static void watch_gateway(struct berth_object *object, size_t *asks)
{
	if (is_mark(object) || object->out || object->removed || object->looking || !has_gateway(object))
		return;
	if (berth_rib_next_hop_moved(object)) {
		/* seen twice: it may be zebra that has not come to it yet */
		object->moved = !object->moved;
		if (!object->moved)
			put_again(object);
		return;
	}
	object->moved = false;
	if (object->link || !*asks)	/* on an interface: the audit sees it */
		return;
	--*asks;
	if (!audit(object))
		put_again(object);
}

/*
 * Law 7: what zebra tells nothing of is looked for: a link that changes, what it has not done for long, what the kernel has
 * lost, and all whose state hangs on routes of the system.
 */
static void on_watch(struct event *t)
{
	size_t n, left = WATCHED_A_SLICE, asks = ASKED_A_SECOND * WATCH_MS / 1000;
	struct berth_object *object;

	(void)t;
	watch_links(&left);
	for (n = MIN(berth_watches_count(&watches), (size_t)WATCHED_A_SLICE); n; n--) {
		object = berth_watches_pop(&watches);
		berth_watches_add_tail(&watches, object);
		watch_gateway(object, &asks);
		if (object->refused && !object->removed && berth_now_ms() - object->wanted_at > REFUSED_MS) {
			berth_counters.readded++;
			berth_follow_put(object, true);
		}
		berth_follow_look(object);
	}
	event_add_timer_msec(berth_loop, on_watch, NULL, left ? WATCH_MS : MEND_MS, &t_watch);
}

/* Nothing is looked at any more. */
void berth_follow_fini(void)
{
	event_cancel(&t_look);
	event_cancel(&t_watch);
	berth_loop = NULL;
}

void berth_follow_init(void)
{
	berth_looks_init(&looks);
	berth_watches_init(&watches);
	event_add_timer_msec(berth_loop, on_watch, NULL, WATCH_MS, &t_watch);
}
