// SPDX-License-Identifier: GPL-2.0-or-later
/* The sweep at the end of a sync, and the sweep at the end of the grace time. */
#include "module.h"

#include "zlog.h"

#include "connection.h"
#include "debug.h"
#include "errors.h"
#include "fpm_frame.h"
#include "operation.h"
#include "results.h"
#include "sync.h"
#include "table.h"

#define SWEEP_A_SLICE 1000
#define MAX_KEEP (BERTH_FRAME_MAX / 8)	/* prefixes of an EndOfSync: more do not fit into a frame */
#define LEAVE_MS 2		/* between two looks at whether zebra has worked on the sweep */
#define LEAVE_MAX_MS 10000	/* a zebra that has not by then is not waited for */

DEFINE_MTYPE_STATIC(BERTH, BERTH_KEEP, "berth prefixes to keep");

static struct {
	bool is_under_way;
	uint64_t sequence;	/* of the EndOfSync to answer */
	int64_t begun_at;	/* monotonic ms */
	uint32_t swept;
	struct event *t_next;
} sweep;

static struct {
	uint32_t seconds;
	int64_t lost_at;	/* monotonic ms: the last owner */
	int64_t away_ms;	/* how long berthd was away since a session that settled, in all */
	struct event *t_over;
} grace;

static void on_sweep(struct event *t)
{
	Berth__Fpm__SyncDone done = BERTH__FPM__SYNC_DONE__INIT;

	(void)t;
	sweep.swept += berth_table_sweep(SWEEP_A_SLICE);
	if (berth_table_due_count()) {
		event_add_timer_msec(berth_loop, on_sweep, NULL, 1, &sweep.t_next);
		return;
	}
	/* what was swept is no longer advertised once zebra has worked on its queue */
	if (berth_object_count(BERTH_SWEPT) && berth_now_ms() - sweep.begun_at < LEAVE_MAX_MS) {
		event_add_timer_msec(berth_loop, on_sweep, NULL, LEAVE_MS, &sweep.t_next);
		return;
	}
	sweep.is_under_way = false;
	grace.away_ms = 0;
	berth_counters.swept += sweep.swept;
	done.sequence = sweep.sequence;
	done.swept = sweep.swept;
	zlog_info("berth: in sync with berthd, %zu routes, %u swept, %zu stale", berth_table_count(), sweep.swept,
		  berth_table_stale_count());
	berth_results_flush();
	berth_connection_send(BERTH__FPM__MESSAGE__BODY_SYNC_DONE, &done);
}

const char *berth_sync_begin(const Berth__Fpm__EndOfSync *in)
{
	const char *error = NULL;
	struct prefix *keep;
	size_t i, kept;

	if (in->n_keep > MAX_KEEP)
		return "an EndOfSync that keeps too many prefixes";
	keep = XCALLOC(MTYPE_BERTH_KEEP, MAX(in->n_keep, 1u) * sizeof(*keep));
	for (i = 0; i < in->n_keep && !error; i++)
		if (!berth_prefix_from(in->keep[i], &keep[i]))
			error = "an EndOfSync that keeps a prefix that is not valid";
	kept = error ? 0 : berth_table_keep(keep, in->n_keep);
	XFREE(MTYPE_BERTH_KEEP, keep);
	if (error)
		return error;
	BERTH_DEBUG("end of sync: %zu objects are swept, %zu are kept", berth_table_due_count(), kept);
	/* one that comes while another is worked on is answered with it */
	if (!sweep.is_under_way)
		sweep.swept = 0;
	sweep.is_under_way = true;
	sweep.begun_at = berth_now_ms();
	sweep.sequence = in->sequence;
	event_add_event(berth_loop, on_sweep, NULL, 0, &sweep.t_next);
	return NULL;
}

void berth_sync_stop(void)
{
	event_cancel(&sweep.t_next);
	sweep.is_under_way = false;
}

static void on_over(struct event *t)
{
	(void)t;
	berth_counters.expired += berth_table_sweep(SWEEP_A_SLICE);
	grace.away_ms = 0;	/* this grace time is over, and the next loss has one of its own */
	grace.lost_at = berth_now_ms();
	if (berth_table_stale_count())
		event_add_timer_msec(berth_loop, on_over, NULL, 1, &grace.t_over);
	else
		flog_warn(EC_BERTH_GRACE_OVER, "berth: berthd has been away for %u s: its routes are gone", grace.seconds);
}

/* A berthd that dies again and again before it is in sync has one grace time, not one for each try. */
void berth_grace_begin(uint32_t seconds, bool is_settled, const char *why)
{
	int64_t left;

	grace.seconds = seconds;
	grace.lost_at = berth_now_ms();
	if (is_settled)
		grace.away_ms = 0;
	left = MAX(seconds * 1000LL - grace.away_ms, 0);
	flog_warn(EC_BERTH_OWNER_LOST, "berth: berthd is gone (%s): %zu routes stay for %lld s", why, berth_table_stale_count(),
		  (long long)left / 1000);
	event_cancel(&grace.t_over);
	event_add_timer_msec(berth_loop, on_over, NULL, left > 1 ? left : 1, &grace.t_over);
}

void berth_grace_end(void)
{
	if (grace.t_over)
		grace.away_ms += berth_now_ms() - grace.lost_at;
	event_cancel(&grace.t_over);
}

void berth_grace_fini(void)
{
	event_cancel(&grace.t_over);
}
