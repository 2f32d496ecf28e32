// SPDX-License-Identifier: GPL-2.0-or-later
/* Collects results until a frame is full or somebody flushes. Its memory comes with the first result. */
#include "module.h"

#include "connection.h"
#include "operation.h"
#include "results.h"
#include "session.h"

#define RESULTS_A_FRAME 200
#define REASON_SIZE 200		/* with its zero; so many results of that length fit into a frame */

DEFINE_MTYPE_STATIC(BERTH, BERTH_RESULTS, "berth results");

struct slot {
	Berth__Fpm__Result result;
	Berth__Fpm__Prefix wire_prefix;
	Berth__Fpm__RibEntry winner;
	struct prefix prefix;	/* whose bytes wire_prefix points to */
	char reason[REASON_SIZE];
};

static struct results {
	struct slot slots[RESULTS_A_FRAME];
	Berth__Fpm__Result *list[RESULTS_A_FRAME];
} *results;
static size_t n_results;

void berth_results_flush(void)
{
	Berth__Fpm__Results m = BERTH__FPM__RESULTS__INIT;

	if (!n_results)
		return;
	m.n_results = n_results;
	m.results = results->list;
	n_results = 0;
	berth_connection_send(BERTH__FPM__MESSAGE__BODY_RESULTS, &m);
}

void berth_result(int kind, const struct prefix *p, int state, const char *reason, uint64_t sequence,
		  const Berth__Fpm__RibEntry *winner)
{
	struct slot *slot;
	Berth__Fpm__Result *r;

	if (!berth_session_is_greeted())
		return;
	if (!results)
		results = XCALLOC(MTYPE_BERTH_RESULTS, sizeof(*results));
	slot = &results->slots[n_results];
	r = results->list[n_results] = &slot->result;
	berth__fpm__result__init(r);
	prefix_copy(&slot->prefix, p);
	berth_prefix_to(&slot->prefix, &slot->wire_prefix);
	r->prefix = &slot->wire_prefix;
	r->kind = kind;
	r->state = state;
	strlcpy(slot->reason, reason ? reason : "", sizeof(slot->reason));
	r->reason = slot->reason;
	r->sequence = sequence;
	if (winner) {
		slot->winner = *winner;
		r->winner = &slot->winner;
	}
	berth_counters.results++;
	if (++n_results == RESULTS_A_FRAME)
		berth_results_flush();
}

void berth_results_drop(void)
{
	n_results = 0;
}

void berth_results_fini(void)
{
	n_results = 0;
	XFREE(MTYPE_BERTH_RESULTS, results);
}
