// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory of an object, and its way from state to state. */
#include "module.h"

#include "zlog.h"

#include "debug.h"
#include "errors.h"
#include "object.h"

DEFINE_MTYPE_STATIC(BERTH, BERTH_OBJECT, "berth object");

static size_t counts[BERTH_STATES];

static void enter(struct berth_object *object, enum berth_state state)
{
	counts[object->state]--;
	counts[state]++;
	object->state = state;
}

struct berth_object *berth_object_new(int kind, const struct prefix *p)
{
	struct berth_object *object = XCALLOC(MTYPE_BERTH_OBJECT, sizeof(*object));

	object->kind = kind;
	prefix_copy(&object->prefix, p);
	object->state = BERTH_NEW;
	counts[BERTH_NEW]++;
	return object;
}

void berth_object_free(struct berth_object *object)
{
	counts[object->state]--;
	XFREE(MTYPE_BERTH_OBJECT, object);
}

static void tell_bug(const struct berth_object *object, enum berth_event event)
{
	static bool told[BERTH_STATES][BERTH_EVENTS];

	berth_counters.bugs++;
	if (told[object->state][event])
		return;
	told[object->state][event] = true;
	flog_err(EC_BERTH_TRANSITION, "berth: bug: %pFX is %s, and nothing is defined for the event %s: it stays as it is",
		 &object->prefix, berth_state_name(object->state), berth_event_name(event));
}

enum berth_action berth_object_step(struct berth_object *object, enum berth_event event)
{
	const struct berth_transition *transition = berth_state_next(object->state, event);

	if (!transition) {
		tell_bug(object, event);
		return BERTH_DO_NOTHING;
	}
	if (transition->next != object->state || transition->action != BERTH_DO_NOTHING)
		BERTH_DEBUG("%s %pFX: %s, %s -> %s", berth_is_mark(object) ? "mark" : "route", &object->prefix,
			    berth_event_name(event), berth_state_name(object->state), berth_state_name(transition->next));
	enter(object, transition->next);
	return transition->action;
}

size_t berth_object_count(enum berth_state state)
{
	return counts[state];
}
