// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looks, in turn: at each link, at the objects on it that have not seen its last change, at one of the others (has the kernel
 * kept it?), and at each object in the list of those that are watched.
 */
#include "module.h"

#include "debug.h"
#include "follow.h"
#include "kernel.h"
#include "link.h"
#include "watch.h"

DECLARE_DLIST(berth_watches, struct berth_object, watch);

#define WATCH_MS 50	/* between two slices */
#define WATCHED_A_SLICE 1000
#define MEND_MS 10	/* the same as WATCH_MS, while routes are put in again */
#define ASKED_A_SECOND 1000	/* questions to the kernel, as long as it has lost nothing */
#define REFUSED_MS 5000	/* before what the kernel refused is tried again */
#define DOUBT_MS 100	/* before what was put in again may be again, doubled each time */

static struct berth_watches_head watches;	/* all that is not settled, the marks, and what has a gateway */
static struct event *t_watch;

void berth_watch(struct berth_object *object, bool is_watched)
{
	if (berth_watches_anywhere(object) == is_watched)
		return;
	if (is_watched)
		berth_watches_add_tail(&watches, object);
	else
		berth_watches_del(&watches, object);
}

static void put_again(struct berth_object *object)
{
	berth_counters.readded++;
	berth_follow_put(object, true);
}

/* Into the RIB again, if that has not been tried just now. */
static void mend(struct berth_object *object)
{
	int64_t wait = MIN((int64_t)DOUBT_MS << MIN(object->doubts, 10), (int64_t)REFUSED_MS);

	if (berth_now_ms() - object->acted_at < wait)
		return;
	object->doubts += object->doubts < UINT8_MAX;
	put_again(object);
}

/* False: the kernel has lost it. */
static bool audit(struct berth_object *object)
{
	enum berth_kernel_has has;
	struct berth_verdict verdict;

	if (berth_is_mark(object) || !berth_state_in_rib(object->state) || berth_follow_is_looking(object))
		return true;
	berth_follow_observe(object, true, &verdict);
	if (verdict.is_refused || verdict.state != object->told) {
		berth_follow_look(object);
		return true;
	}
	/* an entry that zebra has judged while the link was changing may stay as it was judged then */
	if (object->told == BERTH__FPM__STATE__STATE_INACTIVE && object->link && object->link->operative)
		mend(object);
	if (object->told != BERTH__FPM__STATE__STATE_INSTALLED)
		return true;
	has = berth_kernel_has(&object->prefix);
	if (has == BERTH_KERNEL_HAS)
		object->doubts = 0;
	else if (has == BERTH_KERNEL_LACKS)
		BERTH_DEBUG("route %pFX: zebra has it installed, and the kernel lacks it", &object->prefix);
	return has != BERTH_KERNEL_LACKS;
}

/* zebra and the kernel have it as wanted, though the link has changed: the carrier came back, and the kernel has kept it. */
static bool has_survived(struct berth_object *object)
{
	struct berth_verdict verdict;

	if (!berth_state_in_rib(object->state) || object->ifindex != object->link->ifindex)
		return false;
	berth_follow_observe(object, true, &verdict);
	return verdict.state == BERTH__FPM__STATE__STATE_INSTALLED && berth_kernel_has(&object->prefix) == BERTH_KERNEL_HAS;
}

/* The link has changed since this one was last seen to. */
static void settle(struct berth_object *object)
{
	if (!berth_is_mark(object) && berth_link_reason(object)) {
		berth_link_join(object);
		if (berth_state_in_rib(object->state))
			berth_follow_withhold(object);
	} else if (!berth_is_mark(object) && has_survived(object)) {
		berth_link_join(object);
	} else {
		put_again(object);
	}
	berth_follow_look(object);
}

/* Those that have not seen the side's last change are in front. */
static void settle_side(struct berth_side *side, size_t *left)
{
	for (size_t n = MIN(berth_on_link_count(&side->objects), *left); n; n--) {
		struct berth_object *object = berth_on_link_first(&side->objects);

		if (object->generation == side->generation)
			break;
		settle(object);
		--*left;
	}
}

/* One object of a side, or as many as there is a suspicion about: has the kernel kept them? */
static void audit_side(struct berth_link *link, struct berth_side *side, size_t *left)
{
	size_t n = MIN(side->suspects, *left), count = berth_on_link_count(&side->objects);

	if (!n && count && berth_now_ms() >= side->ask_at) {
		side->ask_at = berth_now_ms() + MAX((size_t)WATCH_MS, 2 * berth_link_count() * 1000 / ASKED_A_SECOND);
		n = 1;
	}
	for (; n && *left; n--) {
		struct berth_object *object = berth_on_link_first(&side->objects);

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
		mend(object);
	}
}

static void watch_links(size_t *left)
{
	for (size_t n = MIN(berth_link_count(), *left); n && *left; n--) {
		struct berth_link *link = berth_link_next();

		berth_link_look(link);
		for (int i = 0; i < 2; i++) {
			settle_side(&link->sides[i], left);
			audit_side(link, &link->sides[i], left);
		}
	}
}

/* zebra resolves the gateways of others anew, ours only when it has another reason to look at the route. */
static void watch_gateway(struct berth_object *object, size_t *asks)
{
	if (berth_is_mark(object) || !berth_state_in_rib(object->state) || berth_follow_is_looking(object) ||
	    !berth_has_gateway(object))
		return;
	if (berth_rib_next_hop_moved(object)) {
		/* seen twice: it may be zebra that has not come to it yet */
		object->moved = !object->moved;
		if (!object->moved)
			mend(object);
		return;
	}
	object->moved = false;
	if (object->link || !*asks)	/* on an interface: the audit sees it */
		return;
	--*asks;
	if (!audit(object))
		mend(object);
}

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
		if (object->state == BERTH_REFUSED && berth_now_ms() - object->acted_at > REFUSED_MS)
			put_again(object);
		berth_follow_look(object);
	}
	event_add_timer_msec(berth_loop, on_watch, NULL, left ? WATCH_MS : MEND_MS, &t_watch);
}

void berth_watch_fini(void)
{
	event_cancel(&t_watch);
}

void berth_watch_init(void)
{
	berth_watches_init(&watches);
	event_add_timer_msec(berth_loop, on_watch, NULL, WATCH_MS, &t_watch);
}
