// SPDX-License-Identifier: GPL-2.0-or-later
/* Hello, and what each message of the owner sets off. */
#include "module.h"

#include "zlog.h"

#include "arena.h"
#include "connection.h"
#include "debug.h"
#include "errors.h"
#include "keepalive.h"
#include "listener.h"
#include "operation.h"
#include "results.h"
#include "rib.h"
#include "session.h"
#include "sync.h"
#include "table.h"

#define HELLO_SECONDS 3		/* the one place for an owner is not for who says nothing */
#define ERROR_SIZE 300
#define ENTRIES_A_REPLY 32

DEFINE_MTYPE_STATIC(BERTH, BERTH_REPLY, "berth query reply");

static struct {
	uint64_t id;		/* the owner's choice */
	bool is_greeted;
	uint32_t grace;		/* seconds: of this session or the last one; 0: there was none */
	int64_t begun_at;	/* monotonic ms: its Hello */
	struct event *t_hello;
} s;

bool berth_session_is_greeted(void)
{
	return s.is_greeted;
}

/*
 * A session that got in sync, or was alive for longer than the grace time, is one that works: the next loss is a new one.
 * Silence before a loss is no life.
 */
static bool is_settled(void)
{
	int64_t last = berth_keepalive_holds() ? berth_keepalive_heard_at() : berth_now_ms();

	return last - s.begun_at >= s.grace * 1000LL;
}

void berth_session_lost(const char *why)
{
	bool settled = is_settled();

	event_cancel(&s.t_hello);
	berth_keepalive_end();
	berth_sync_stop();
	berth_results_drop();
	if (!s.is_greeted) {
		flog_warn(EC_BERTH_CONNECTION, "berth: connection of %s closed: %s", berth_connection_peer(), why);
		return;
	}
	s.is_greeted = false;
	berth_table_all_stale();
	berth_grace_begin(s.grace, settled, why);
}

void berth_session_reject(const char *why)
{
	berth_counters.malformed++;
	berth_connection_close_with_bye(why);
}

static void on_hello_late(struct event *t)
{
	(void)t;
	berth_connection_close_with_bye("no Hello came");
}

/* "": it is welcome. */
static void judge_hello(const Berth__Fpm__Hello *in, char *error)
{
	const char *type = zebra_route_string(berth_settings.type);

	*error = '\0';
	if (in->protocol != BERTH_PROTOCOL)
		snprintf(error, ERROR_SIZE,
			 "protocol %u is not spoken here, %u is: berthd and the module differ in release", in->protocol,
			 BERTH_PROTOCOL);
	else if (berth_settings.inert)
		strlcpy(error, berth_settings.inert, ERROR_SIZE);
	else if (in->route_type[0] && strcmp(in->route_type, type))
		snprintf(error, ERROR_SIZE, "routes here are of type %s (module argument type=)", type);
}

static bool on_hello(const Berth__Fpm__Hello *in)
{
	Berth__Fpm__Hello out = BERTH__FPM__HELLO__INIT;
	char error[ERROR_SIZE];

	judge_hello(in, error);
	out.protocol = BERTH_PROTOCOL;
	out.software = (char *)"zebra_fpm_bridge " BERTH_MODULE_VERSION;
	out.session = in->session;
	out.grace_seconds = in->grace_seconds ? in->grace_seconds : berth_settings.grace;
	out.hold_seconds = berth_keepalive_hold(in->hold_seconds);
	out.route_type = (char *)zebra_route_string(berth_settings.type);
	out.frr_version = (char *)berth_running_version();
	out.built_for = (char *)BERTH_BUILT_FOR;
	out.window = BERTH_WINDOW;
	out.max_operations = BERTH_MAX_OPERATIONS;
	out.routes_held = berth_table_count();
	out.error = error;
	berth_connection_send(BERTH__FPM__MESSAGE__BODY_HELLO, &out);
	if (error[0]) {
		berth_connection_close_with_bye(error);
		return false;
	}
	event_cancel(&s.t_hello);
	berth_grace_end();
	s.is_greeted = true;
	s.id = in->session;
	s.grace = out.grace_seconds;
	s.begun_at = berth_now_ms();
	berth_keepalive_begin(out.hold_seconds);
	zlog_info("berth: berthd is here (%s, %s), grace time %u s, hold time %u s, %u routes held", berth_connection_peer(),
		  in->software, out.grace_seconds, out.hold_seconds, out.routes_held);
	return true;
}

static void on_query(const Berth__Fpm__Query *query)
{
	Berth__Fpm__QueryReply reply = BERTH__FPM__QUERY_REPLY__INIT;
	Berth__Fpm__RibEntry *list[ENTRIES_A_REPLY];
	struct berth_entry *entries = NULL;
	struct prefix p;
	size_t i;

	reply.id = query->id;
	if (!berth_prefix_from(query->prefix, &p)) {
		reply.error = (char *)"the prefix is not valid";
	} else {
		entries = XCALLOC(MTYPE_BERTH_REPLY, ENTRIES_A_REPLY * sizeof(*entries));
		reply.n_entries = berth_rib_query(&p, entries, ENTRIES_A_REPLY);
		for (i = 0; i < reply.n_entries; i++)
			list[i] = &entries[i].entry;
		reply.entries = list;
	}
	berth_connection_send(BERTH__FPM__MESSAGE__BODY_QUERY_REPLY, &reply);
	XFREE(MTYPE_BERTH_REPLY, entries);
}

/* NULL: it was taken. */
static const char *on_batch(const Berth__Fpm__Batch *batch)
{
	size_t i;

	if (batch->n_operations > BERTH_MAX_OPERATIONS || !batch->sequence)
		return "a batch of too many operations, or without a sequence number";
	BERTH_DEBUG("batch %llu: %zu operations", (unsigned long long)batch->sequence, batch->n_operations);
	for (i = 0; i < batch->n_operations && berth_connection_is_open(); i++)
		berth_operation_apply(batch->operations[i], batch->sequence);
	berth_results_flush();
	return NULL;
}

bool berth_session_message(const Berth__Fpm__Message *m)
{
	const char *error = NULL;

	if (!s.is_greeted && m->body_case != BERTH__FPM__MESSAGE__BODY_HELLO) {
		berth_session_reject("the first message must be Hello");
		return false;
	}
	switch (m->body_case) {
	case BERTH__FPM__MESSAGE__BODY_HELLO:
		if (!s.is_greeted)
			return on_hello(m->hello);
		error = "a second Hello";
		break;
	case BERTH__FPM__MESSAGE__BODY_BATCH:
		error = on_batch(m->batch);
		break;
	case BERTH__FPM__MESSAGE__BODY_END_OF_SYNC:
		error = berth_sync_begin(m->end_of_sync);
		break;
	case BERTH__FPM__MESSAGE__BODY_QUERY:
		on_query(m->query);
		break;
	case BERTH__FPM__MESSAGE__BODY_KEEPALIVE:
		break;
	case BERTH__FPM__MESSAGE__BODY__NOT_SET:
		berth_counters.unknown++;	/* of a newer berthd */
		break;
	case BERTH__FPM__MESSAGE__BODY_BYE:
		berth_connection_close(m->bye->reason[0] ? m->bye->reason : "a clean stop");
		return false;
	default:
		error = "a message that this module does not take";
	}
	if (error)
		berth_session_reject(error);
	return berth_connection_is_open();
}

const char *berth_session_begin(int fd, const char *peer)
{
	static char why[200];
	uint32_t hold;
	size_t n;

	/* an owner that is dead, but whose end was not read yet, is in nobody's way */
	if (berth_connection_is_open() && berth_connection_peer_left())
		berth_connection_close("connection closed");
	else if (berth_connection_is_open())
		berth_keepalive_put_out();
	if (!berth_connection_is_open()) {
		berth_connection_begin(fd, peer);
		event_add_timer(berth_loop, on_hello_late, NULL, HELLO_SECONDS, &s.t_hello);
		return NULL;
	}
	n = snprintf(why, sizeof(why), "there is an owner already (%s)", berth_connection_peer());
	hold = berth_keepalive_holds();
	if (hold)
		snprintf(why + n, sizeof(why) - n, ", which is put out after %u s of silence", hold);
	return why;
}

void berth_session_show(struct vty *vty)
{
	const char *deaf = berth_listener_deaf();
	uint32_t hold = berth_keepalive_holds();

	vty_out(vty, "Socket %s, %s\n", berth_settings.socket,
		s.is_greeted ? "berthd is connected" : "berthd is not connected");
	if (deaf)
		vty_out(vty, " %% nobody can connect: %s\n", deaf);
	if (s.is_greeted)
		vty_out(vty, " Peer %s, session %llu\n", berth_connection_peer(), (unsigned long long)s.id);
	if (hold)
		vty_out(vty, " Hold time %u s, last heard %lld s ago\n", hold,
			(long long)(berth_now_ms() - berth_keepalive_heard_at()) / 1000);
	if (berth_connection_last_error()[0])
		vty_out(vty, " Last closed: %s\n", berth_connection_last_error());
	vty_out(vty, " Objects %zu, stale %zu, grace time %u s\n", berth_table_count(), berth_table_stale_count(),
		s.begun_at ? s.grace : berth_settings.grace);
}

void berth_session_fini(void)
{
	berth_connection_close_with_bye("zebra stops");
	berth_grace_fini();
	berth_connection_fini();
	berth_results_fini();
	berth_arena_fini();
}
