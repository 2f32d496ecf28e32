// SPDX-License-Identifier: GPL-2.0-or-later
/* What is done about an object, and what berthd is told of it. */
#include "module.h"

#include "jhash.h"

#include "connection.h"
#include "follow.h"
#include "kernel.h"
#include "link.h"
#include "results.h"
#include "table.h"
#include "watch.h"

DECLARE_DLIST(berth_looks, struct berth_object, look);

#define LOOKS_A_SLICE 2000
#define UNSETTLED_A_SLICE 20	/* zebra works in the order of the puts: behind so many that it has not reached, all wait */
#define LOOK_MS 2	/* between two slices */
#define SETTLE_MS 50	/* zebra's work queue waits 10 ms: what is done by then is told once, as what it has become */
#define SETTLED_MS 3000	/* what zebra has not done by then is looked at by the watch, no longer at once */
#define EARLY_MS 60000	/* the longest that a put may wait in zebra's queue of early routes, behind a whole table */

static struct berth_looks_head looks;
static struct event *t_look;

static void on_look(struct event *t);

bool berth_follow_is_looking(const struct berth_object *object)
{
	return berth_looks_anywhere(object);
}

void berth_follow_look(struct berth_object *object)
{
	berth_watch(object, true);
	if (!berth_looks_anywhere(object))
		berth_looks_add_tail(&looks, object);
	if (!t_look && berth_loop)
		event_add_timer_msec(berth_loop, on_look, NULL, LOOK_MS, &t_look);
}

static void forget(struct berth_object *object)
{
	berth_watch(object, false);
	if (berth_looks_anywhere(object))
		berth_looks_del(&looks, object);
	berth_table_forget(object);
}

/* The only way from one state to another. The object may be freed afterwards. */
static void step(struct berth_object *object, enum berth_event event)
{
	struct interface *ifp;

	switch (berth_object_step(object, event)) {
	case BERTH_DO_NOTHING:
		break;
	case BERTH_DO_PUT:
		ifp = berth_interface(object->ifname);
		object->ifindex = ifp ? ifp->ifindex : 0;
		object->acted_at = berth_now_ms();
		berth_rib_put(object);
		break;
	case BERTH_DO_REMOVE:
		object->acted_at = berth_now_ms();
		berth_rib_remove(object);
		break;
	case BERTH_DO_FORGET:
		forget(object);
		break;
	}
}

void berth_follow_put(struct berth_object *object, bool again)
{
	uint32_t generation = object->generation;
	bool was_on_link = object->link != NULL;

	berth_link_join(object);
	if (object->state != BERTH_NEW && (again || berth_state_held_out(object->state) ||
					   (was_on_link && generation != object->generation)))
		object->tries++;
	step(object, !berth_is_mark(object) && berth_link_reason(object) ? BERTH_EV_WITHHOLD : BERTH_EV_PUT);
	berth_follow_look(object);
}

void berth_follow_take(struct berth_object *object, bool is_swept)
{
	berth_link_leave(object);
	step(object, is_swept ? BERTH_EV_SWEEP : BERTH_EV_TAKE);
	berth_follow_look(object);
}

void berth_follow_withhold(struct berth_object *object)
{
	step(object, BERTH_EV_WITHHOLD);
}

void berth_follow_move(struct berth_object *object)
{
	step(object, BERTH_EV_MOVE);
}

void berth_follow_observe(struct berth_object *object, bool is_settled, struct berth_verdict *verdict)
{
	berth_rib_look(object, is_settled, verdict);
	if (verdict->is_present)
		step(object, BERTH_EV_SEEN);
}

bool berth_follow_is_settled(struct berth_object *object)
{
	const struct berth_side *side = berth_side_of(object);
	struct berth_verdict verdict;

	if (berth_is_mark(object) || !berth_state_in_rib(object->state) ||
	    (object->told != BERTH__FPM__STATE__STATE_INSTALLED && object->told != BERTH__FPM__STATE__STATE_NOT_BEST))
		return false;
	if (side)
		berth_link_look(object->link);
	if (side && side->generation != object->generation)
		return false;
	berth_follow_observe(object, true, &verdict);
	return verdict.state == object->told && (object->told != BERTH__FPM__STATE__STATE_INSTALLED ||
						 berth_kernel_has(&object->prefix) != BERTH_KERNEL_LACKS);
}

/* Unless it has been told already, and no batch waits for the answer. `winner` may be NULL. */
static void tell(struct berth_object *object, int state, const char *reason, const Berth__Fpm__RibEntry *winner)
{
	uint32_t digest = reason ? jhash(reason, strlen(reason), 0) : 0;

	if (winner)
		digest = jhash_3words(winner->distance, winner->metric, (uint32_t)(uintptr_t)winner->type, digest);
	if (state == object->told && digest == object->told_digest && !object->sequence)
		return;
	object->told = state;
	object->told_digest = digest;
	berth_result(object->kind, &object->prefix, state, reason, object->sequence, winner);
	object->sequence = 0;
}

/* What berthd wants no longer. True when it is gone, and freed. */
static bool look_for_leaving(struct berth_object *object)
{
	if (berth_rib_has(object))
		return false;
	if (object->sequence)
		berth_result(object->kind, &object->prefix, BERTH__FPM__STATE__STATE_GONE, NULL, object->sequence, NULL);
	step(object, BERTH_EV_UNLINK);
	return true;
}

/* What is wanted and kept out of the RIB. True when there is nothing more to wait for. */
static bool look_for_held_out(struct berth_object *object, int64_t age)
{
	const char *reason;

	if (berth_rib_has(object) && age < SETTLED_MS)
		return false;
	reason = berth_link_reason(object);
	if (!reason && object->state == BERTH_REFUSED)
		reason = berth_rib_refusal();
	if (!reason)
		return true;	/* usable again: it is put in before long */
	tell(object, BERTH__FPM__STATE__STATE_INACTIVE, reason, NULL);
	berth_watch(object, object->state == BERTH_REFUSED || berth_rib_has(object));
	return true;
}

/* zebra works on a put later: until then it looks like a loss, or like a next hop that is down. */
static bool is_too_early(const struct berth_object *object, const struct berth_verdict *verdict, int64_t age)
{
	if (berth_is_mark(object))
		return false;
	if (verdict->state == BERTH__FPM__STATE__STATE_INACTIVE || verdict->state == BERTH__FPM__STATE__STATE_ACCEPTED)
		return age < SETTLE_MS;
	return verdict->state == BERTH__FPM__STATE__STATE_GONE && object->state == BERTH_QUEUED && age < SETTLED_MS;
}

/* What is in the RIB, or about to be. True when there is nothing more to wait for. */
static bool look_in_rib(struct berth_object *object, int64_t age)
{
	struct berth_verdict verdict;
	const char *reason;
	int state;

	/* a connected route that was made anew has lost our tag */
	if (berth_is_mark(object))
		berth_rib_put(object);
	berth_follow_observe(object, age > SETTLED_MS, &verdict);
	if (verdict.is_refused) {
		/* zebra goes on advertising what it had in the kernel before */
		step(object, BERTH_EV_REFUSE);
		return false;
	}
	if (is_too_early(object, &verdict, age))
		return false;
	state = verdict.state;
	reason = verdict.reason;
	if (!berth_is_mark(object) && state == BERTH__FPM__STATE__STATE_GONE && object->state == BERTH_QUEUED && age < EARLY_MS)
		state = BERTH__FPM__STATE__STATE_ACCEPTED;
	if (state == BERTH__FPM__STATE__STATE_GONE)
		reason = "it was taken out of zebra's RIB by somebody else";
	else if (state == BERTH__FPM__STATE__STATE_ACCEPTED && age > SETTLED_MS)
		reason = "zebra has not installed it yet";
	tell(object, state, reason, state == BERTH__FPM__STATE__STATE_NOT_BEST ? &verdict.winner : NULL);
	/* zebra 10.3 tells nothing of a connected route that goes, nor of a better one: what hangs on those is watched for good */
	berth_watch(object, berth_is_mark(object) || berth_has_gateway(object) || state == BERTH__FPM__STATE__STATE_ACCEPTED ||
				    state == BERTH__FPM__STATE__STATE_NOT_BEST);
	return state != BERTH__FPM__STATE__STATE_ACCEPTED;
}

/* True when there is nothing more to wait for; the object may be freed then. */
static bool look(struct berth_object *object)
{
	int64_t age = berth_now_ms() - object->acted_at;

	if (berth_state_leaving(object->state))
		return look_for_leaving(object);
	if (berth_state_held_out(object->state))
		return look_for_held_out(object, age);
	return look_in_rib(object, age);
}

static void on_look(struct event *t)
{
	size_t left = MIN(berth_looks_count(&looks), (size_t)LOOKS_A_SLICE), unsettled = 0;
	struct berth_object *object;

	(void)t;
	while (left-- && unsettled < UNSETTLED_A_SLICE && !berth_connection_is_full() && (object = berth_looks_pop(&looks))) {
		int64_t acted_at = object->acted_at;

		/* what takes long is left to the watch; an object that look() has freed was finished */
		if (!look(object) && berth_now_ms() - acted_at < SETTLED_MS) {
			berth_looks_add_tail(&looks, object);
			unsettled++;
		}
	}
	berth_results_flush();
	if (berth_looks_count(&looks))
		event_add_timer_msec(berth_loop, on_look, NULL, LOOK_MS, &t_look);
}

void berth_follow_fini(void)
{
	event_cancel(&t_look);
}

void berth_follow_init(void)
{
	berth_looks_init(&looks);
}
