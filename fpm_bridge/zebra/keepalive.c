// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One timer per session: it says a Keepalive three times in the hold time, and looks whether the owner was silent for all of
 * it. zebra itself may have been stopped or busy: a timer that comes late says so, and the owner gets a new hold time.
 */
#include "module.h"

#include "connection.h"
#include "keepalive.h"

#define HOLD_LEAST 3		/* seconds */
#define HOLD_MOST 3600
#define LOOK_LEAST_MS 100	/* between two looks at whether the owner is silent */
#define LATE_MS 1000		/* a timer that comes so much later than it was due: zebra itself was stopped, or busy */

static uint32_t hold;		/* seconds; 0: no session, or one of an owner that knows of no Keepalive */
static int64_t heard_at, due_at;	/* monotonic ms: the last sign of life, the next look at it */
static int unread;		/* bytes that were in the socket, for the owner to read, after the last write */
static struct event *t_look;

static void on_look(struct event *t);

uint32_t berth_keepalive_hold(uint32_t wanted)
{
	return wanted ? MIN(MAX(wanted, HOLD_LEAST), HOLD_MOST) : 0;
}

uint32_t berth_keepalive_holds(void)
{
	return hold;
}

int64_t berth_keepalive_heard_at(void)
{
	return heard_at;
}

void berth_keepalive_heard(void)
{
	heard_at = berth_now_ms();
}

/* Its own words may wait because there is no room for what would follow: then that it reads is all that can be seen. */
void berth_keepalive_writing(void)
{
	int n = berth_connection_unread();

	if (n < unread)
		berth_keepalive_heard();
	unread = n;
}

void berth_keepalive_written(void)
{
	unread = berth_connection_unread();
}

/* Not where it has said something that zebra has not come to yet, nor where zebra was not there to hear it. */
static bool is_overdue(void)
{
	int64_t now = berth_now_ms();

	if (!hold)
		return false;
	berth_keepalive_writing();
	return now - heard_at >= hold * 1000LL && now - due_at <= LATE_MS && !berth_connection_has_words();
}

bool berth_keepalive_put_out(void)
{
	char why[80];

	if (!is_overdue())
		return false;
	snprintf(why, sizeof(why), "berthd was silent for %u s, its hold time", hold);
	berth_connection_close_with_bye(why);
	return true;
}

static void look_later(void)
{
	int64_t now = berth_now_ms(), whole = hold * 1000LL, wait = MIN(whole / 3, heard_at + whole - now);

	wait = MAX(wait, LOOK_LEAST_MS);
	due_at = now + wait;
	event_add_timer_msec(berth_loop, on_look, NULL, wait, &t_look);
}

static void on_look(struct event *t)
{
	Berth__Fpm__Keepalive keepalive = BERTH__FPM__KEEPALIVE__INIT;

	(void)t;
	if (berth_keepalive_put_out())
		return;
	if (berth_now_ms() - due_at > LATE_MS)
		berth_keepalive_heard();
	if (berth_connection_is_idle())	/* else there is enough for the owner to read */
		berth_connection_send(BERTH__FPM__MESSAGE__BODY_KEEPALIVE, &keepalive);
	if (berth_connection_is_open())
		look_later();
}

void berth_keepalive_begin(uint32_t seconds)
{
	hold = seconds;
	unread = 0;
	berth_keepalive_heard();
	if (hold)
		look_later();
}

void berth_keepalive_end(void)
{
	event_cancel(&t_look);
	hold = 0;
}
