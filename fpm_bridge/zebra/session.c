// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The talk with the owner: frames in, results out, the sweep, the grace time. Bad input closes the connection with a Bye
 * that says why, and touches no route. What can't be written is bounded: then nothing is read and no state is told.
 */
#include "bridge.h"

#include <stdalign.h>
#include <stddef.h>

#include "frame.h"
#include "network.h"
#include "zlog.h"

#define IN_SIZE (BERTH_FRAME_MAX + 1)
#define OUT_SIZE (1 << 20)
#define ARENA_SIZE (1 << 19)	/* holds a batch of BERTH_MAX_OPERATIONS */
#define OUT_FULL (OUT_SIZE - 2 * BERTH_FRAME_MAX)
#define RESULTS_A_FRAME 200
#define SWEEP_A_SLICE 1000
#define MAX_KEEP (BERTH_FRAME_MAX / 8)	/* prefixes of an EndOfSync: more do not fit into a frame */
#define LEAVE_MS 2		/* between two looks at whether zebra has worked on the sweep */
#define LEAVE_MAX_MS 10000	/* a zebra that has not by then is not waited for */
#define HELLO_SECONDS 3		/* the one place for an owner is not for who says nothing */

static struct {
	int fd;
	uint64_t id;
	bool greeted, sweeping;
	uint64_t sync_sequence;
	uint32_t swept, grace;
	int64_t sweep_at;	/* monotonic: the EndOfSync that is worked on */
	int64_t lost_at, away_ms;	/* monotonic; how long berthd was away since the last sync, over several sessions */
	size_t in_len, out_len;
	char peer[BERTH_PEER_SIZE], last_error[200];
	uint8_t in[IN_SIZE], out[OUT_SIZE];
	struct event *t_read, *t_write, *t_grace, *t_sweep, *t_hello;
} s = {.fd = -1};

static Berth__Fpm__Result results[RESULTS_A_FRAME], *result_list[RESULTS_A_FRAME];
static Berth__Fpm__Prefix result_prefixes[RESULTS_A_FRAME];
static struct prefix prefixes[RESULTS_A_FRAME];
static Berth__Fpm__RibEntry winners[RESULTS_A_FRAME];
static size_t n_results;

static void on_read(struct event *t);
static void on_write(struct event *t);

static void want_read(void)
{
	if (s.fd >= 0 && s.out_len < OUT_FULL)
		event_add_read(berth_loop, on_read, NULL, s.fd, &s.t_read);
}

static void on_grace(struct event *t)
{
	(void)t;
	berth_counters.expired += berth_table_sweep(SWEEP_A_SLICE);
	if (berth_table_stale_count())
		event_add_timer_msec(berth_loop, on_grace, NULL, 1, &s.t_grace);
	else
		zlog_warn("berth: berthd has been away for %u s: its routes are gone", s.grace);
}

static void hang_up(const char *why)
{
	int64_t left;

	if (s.fd < 0)
		return;
	event_cancel(&s.t_hello);
	event_cancel(&s.t_read);
	event_cancel(&s.t_write);
	event_cancel(&s.t_sweep);
	close(s.fd);
	s.fd = -1;
	s.in_len = s.out_len = n_results = 0;
	s.sweeping = false;
	strlcpy(s.last_error, why, sizeof(s.last_error));
	if (!s.greeted) {
		zlog_warn("berth: connection of %s closed: %s", s.peer, why);
		return;
	}
	s.greeted = false;
	berth_table_all_stale();
	zlog_warn("berth: berthd is gone (%s): %zu routes stay for %u s", why, berth_table_stale_count(), s.grace);
	/* A berthd that dies again and again before it is in sync has one grace time, not one for each try. */
	s.lost_at = berth_now_ms();
	left = s.grace * 1000LL - s.away_ms;
	event_cancel(&s.t_grace);
	event_add_timer_msec(berth_loop, on_grace, NULL, left > 1 ? left : 1, &s.t_grace);
}

bool berth_session_full(void)
{
	return s.fd >= 0 && s.out_len >= OUT_FULL;
}

void berth_session_send(const Berth__Fpm__Message__BodyCase body, void *message)
{
	Berth__Fpm__Message m = BERTH__FPM__MESSAGE__INIT;
	size_t size;

	if (s.fd < 0)
		return;
	m.body_case = body;
	m.hello = message;	/* a union of pointers */
	size = berth__fpm__message__get_packed_size(&m);
	if (size + BERTH_FRAME_HEADER > BERTH_FRAME_MAX || s.out_len + size + BERTH_FRAME_HEADER > OUT_SIZE) {
		hang_up("the peer does not read its answers");
		return;
	}
	berth_frame_header(s.out + s.out_len, size);
	berth__fpm__message__pack(&m, s.out + s.out_len + BERTH_FRAME_HEADER);
	s.out_len += size + BERTH_FRAME_HEADER;
	berth_counters.frames_out++;
	if (!s.t_write)
		event_add_write(berth_loop, on_write, NULL, s.fd, &s.t_write);
}

void berth_session_flush(void)
{
	Berth__Fpm__Results m = BERTH__FPM__RESULTS__INIT;

	if (!n_results)
		return;
	m.n_results = n_results;
	m.results = result_list;
	n_results = 0;
	berth_session_send(BERTH__FPM__MESSAGE__BODY_RESULTS, &m);
}

void berth_session_result(int kind, const struct prefix *p, int state, const char *reason, uint64_t sequence,
			  Berth__Fpm__RibEntry *winner)
{
	Berth__Fpm__Result *r;

	if (s.fd < 0 || !s.greeted)
		return;
	r = result_list[n_results] = &results[n_results];
	berth__fpm__result__init(r);
	prefix_copy(&prefixes[n_results], p);
	berth_prefix_to(&prefixes[n_results], &result_prefixes[n_results]);
	r->prefix = &result_prefixes[n_results];
	r->kind = kind;
	r->state = state;
	r->reason = (char *)(reason ? reason : "");
	r->sequence = sequence;
	if (winner) {
		winners[n_results] = *winner;
		r->winner = &winners[n_results];
	}
	berth_counters.results++;
	if (++n_results == RESULTS_A_FRAME)
		berth_session_flush();
}

static void on_write(struct event *t)
{
	ssize_t n = write(s.fd, s.out, s.out_len);

	(void)t;
	if (n < 0 && !ERRNO_IO_RETRY(errno)) {
		hang_up(safe_strerror(errno));
		return;
	}
	if (n > 0) {
		memmove(s.out, s.out + n, s.out_len - n);
		s.out_len -= n;
	}
	if (s.out_len)
		event_add_write(berth_loop, on_write, NULL, s.fd, &s.t_write);
	want_read();
}

/* Says why, as far as the socket takes it now, and closes. */
static void close_with(const char *why)
{
	Berth__Fpm__Bye bye = BERTH__FPM__BYE__INIT;
	char reason[sizeof(s.last_error)];

	strlcpy(reason, why, sizeof(reason));
	bye.reason = reason;
	berth_session_send(BERTH__FPM__MESSAGE__BODY_BYE, &bye);
	if (s.fd >= 0 && write(s.fd, s.out, s.out_len) < 0)
		zlog_debug("berth: the peer took no Bye");
	hang_up(reason);
}

static void reject(const char *why)
{
	berth_counters.malformed++;
	close_with(why);
}

static void on_hello_late(struct event *t)
{
	(void)t;
	close_with("no Hello came");
}

static void on_sweep(struct event *t)
{
	(void)t;
	s.swept += berth_table_sweep(SWEEP_A_SLICE);
	if (berth_table_due_count()) {
		event_add_timer_msec(berth_loop, on_sweep, NULL, 1, &s.t_sweep);
		return;
	}
	/* what was swept is no longer advertised once zebra has worked on its queue */
	if (berth_table_leaving_count() && berth_now_ms() - s.sweep_at < LEAVE_MAX_MS) {
		event_add_timer_msec(berth_loop, on_sweep, NULL, LEAVE_MS, &s.t_sweep);
		return;
	}
	Berth__Fpm__SyncDone done = BERTH__FPM__SYNC_DONE__INIT;

	s.sweeping = false;
	s.away_ms = 0;
	berth_counters.swept += s.swept;
	done.sequence = s.sync_sequence;
	done.swept = s.swept;
	zlog_info("berth: in sync with berthd, %zu routes, %u swept, %zu stale", berth_table_count(), s.swept,
		  berth_table_stale_count());
	berth_session_flush();
	berth_session_send(BERTH__FPM__MESSAGE__BODY_SYNC_DONE, &done);
}

static bool on_hello(const Berth__Fpm__Hello *in)
{
	Berth__Fpm__Hello out = BERTH__FPM__HELLO__INIT;
	char error[160] = "";

	if (in->protocol != BERTH_PROTOCOL)
		snprintf(error, sizeof(error), "protocol %u is not spoken here, %u is: berthd and the module differ in release",
			 in->protocol, BERTH_PROTOCOL);
	else if (berth_settings.inert)
		strlcpy(error, berth_settings.inert, sizeof(error));
	else if (in->route_type[0] && strcmp(in->route_type, zebra_route_string(berth_settings.type)))
		snprintf(error, sizeof(error), "routes here are of type %s (module argument type=)",
			 zebra_route_string(berth_settings.type));
	s.grace = in->grace_seconds ? in->grace_seconds : berth_settings.grace;
	s.id = in->session;
	out.protocol = BERTH_PROTOCOL;
	out.software = (char *)"zebra_fpm_bridge " BERTH_MODULE_VERSION;
	out.session = in->session;
	out.grace_seconds = s.grace;
	out.route_type = (char *)zebra_route_string(berth_settings.type);
	out.frr_version = (char *)berth_running_version();
	out.built_for = (char *)BERTH_BUILT_FOR;
	out.window = BERTH_WINDOW;
	out.max_operations = BERTH_MAX_OPERATIONS;
	out.routes_held = berth_table_count();
	out.error = error;
	berth_session_send(BERTH__FPM__MESSAGE__BODY_HELLO, &out);
	if (error[0]) {
		close_with(error);
		return false;
	}
	event_cancel(&s.t_hello);
	if (s.t_grace)
		s.away_ms += berth_now_ms() - s.lost_at;
	event_cancel(&s.t_grace);
	s.greeted = true;
	zlog_info("berth: berthd is here (%s, %s), grace time %u s, %u routes held", s.peer, in->software, s.grace,
		  out.routes_held);
	return true;
}

static void on_query(const Berth__Fpm__Query *query)
{
	Berth__Fpm__QueryReply reply = BERTH__FPM__QUERY_REPLY__INIT;
	static struct berth_entry entries[32];
	Berth__Fpm__RibEntry *list[array_size(entries)];
	struct prefix p;
	size_t i;

	reply.id = query->id;
	if (!berth_prefix_from(query->prefix, &p)) {
		reply.error = (char *)"the prefix is not valid";
	} else {
		reply.n_entries = berth_rib_query(&p, entries, array_size(entries));
		for (i = 0; i < reply.n_entries; i++)
			list[i] = &entries[i].entry;
		reply.entries = list;
	}
	berth_session_send(BERTH__FPM__MESSAGE__BODY_QUERY_REPLY, &reply);
}

/* NULL when it was taken: the sweep begins. */
static const char *on_end_of_sync(const Berth__Fpm__EndOfSync *in)
{
	static struct prefix keep[MAX_KEEP];
	size_t i;

	if (in->n_keep > array_size(keep))
		return "an EndOfSync that keeps too many prefixes";
	for (i = 0; i < in->n_keep; i++)
		if (!berth_prefix_from(in->keep[i], &keep[i]))
			return "an EndOfSync that keeps a prefix that is not valid";
	berth_table_keep(keep, in->n_keep);
	/* one that comes while another is worked on is answered with it */
	if (!s.sweeping)
		s.swept = 0;
	s.sweeping = true;
	s.sweep_at = berth_now_ms();
	s.sync_sequence = in->sequence;
	event_add_event(berth_loop, on_sweep, NULL, 0, &s.t_sweep);
	return NULL;
}

/* False: the connection is closed. */
static bool on_message(const Berth__Fpm__Message *m)
{
	const char *error;
	size_t i;

	if (!s.greeted && m->body_case != BERTH__FPM__MESSAGE__BODY_HELLO) {
		reject("the first message must be Hello");
		return false;
	}
	switch (m->body_case) {
	case BERTH__FPM__MESSAGE__BODY_HELLO:
		if (s.greeted) {
			reject("a second Hello");
			return false;
		}
		return on_hello(m->hello);
	case BERTH__FPM__MESSAGE__BODY_BATCH:
		if (m->batch->n_operations > BERTH_MAX_OPERATIONS || !m->batch->sequence) {
			reject("a batch of too many operations, or without a sequence number");
			return false;
		}
		for (i = 0; i < m->batch->n_operations && s.fd >= 0; i++)
			berth_operation_apply(m->batch->operations[i], m->batch->sequence);
		berth_session_flush();
		break;
	case BERTH__FPM__MESSAGE__BODY_END_OF_SYNC:
		error = on_end_of_sync(m->end_of_sync);
		if (error) {
			reject(error);
			return false;
		}
		break;
	case BERTH__FPM__MESSAGE__BODY_QUERY:
		on_query(m->query);
		break;
	case BERTH__FPM__MESSAGE__BODY_BYE:
		hang_up(m->bye->reason[0] ? m->bye->reason : "a clean stop");
		return false;
	default:
		reject("a message that this module does not take");
		return false;
	}
	return s.fd >= 0;
}

/*
 * A message lives as long as it is worked on, so its parts come from one block; what does not fit comes from the heap.
 */
static struct {
	size_t used;
	bool spilled;
	alignas(max_align_t) uint8_t bytes[ARENA_SIZE];
} arena;

static void *arena_alloc(void *unused, size_t size)
{
	size_t at = arena.used;

	(void)unused;
	if (size > ARENA_SIZE - at) {
		arena.spilled = true;
		return malloc(size);
	}
	arena.used = MIN(at + ((size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1)), (size_t)ARENA_SIZE);
	return arena.bytes + at;
}

static void arena_free(void *unused, void *p)
{
	(void)unused;
	if ((uint8_t *)p < arena.bytes || (uint8_t *)p >= arena.bytes + ARENA_SIZE)
		free(p);
}

static ProtobufCAllocator arena_allocator = {.alloc = arena_alloc, .free = arena_free};

static void on_read(struct event *t)
{
	const uint8_t *body;
	const char *error;
	size_t len, total, at = 0;
	ssize_t n = read(s.fd, s.in + s.in_len, sizeof(s.in) - s.in_len);

	(void)t;
	if (n == 0 || (n < 0 && !ERRNO_IO_RETRY(errno))) {
		hang_up(n ? safe_strerror(errno) : "connection closed");
		return;
	}
	if (n > 0)
		s.in_len += n;
	for (;;) {
		enum berth_frame_status status = berth_frame_next(s.in + at, s.in_len - at, &body, &len, &total, &error);
		Berth__Fpm__Message *m;
		bool alive;

		if (status == BERTH_FRAME_MORE)
			break;
		if (status == BERTH_FRAME_BAD) {
			reject(error);
			return;
		}
		arena.used = 0;
		arena.spilled = false;
		m = berth__fpm__message__unpack(&arena_allocator, len, body);
		if (!m) {
			reject("a frame whose body is not a protobuf message of berth's");
			return;
		}
		berth_counters.frames_in++;
		alive = on_message(m);
		if (arena.spilled)
			berth__fpm__message__free_unpacked(m, &arena_allocator);
		if (!alive)
			return;
		at += total;
	}
	memmove(s.in, s.in + at, s.in_len - at);
	s.in_len -= at;
	want_read();
}

/* A connection of one who may; false: there is an owner already. */
bool berth_session_begin(int fd, const char *peer)
{
	char byte;

	/* an owner that is dead, but whose end was not read yet, is in nobody's way */
	if (s.fd >= 0 && recv(s.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		hang_up("connection closed");
	if (s.fd >= 0)
		return false;
	set_nonblocking(fd);
	s.fd = fd;
	strlcpy(s.peer, peer, sizeof(s.peer));
	s.greeted = false;
	berth_counters.connections++;
	event_add_timer(berth_loop, on_hello_late, NULL, HELLO_SECONDS, &s.t_hello);
	want_read();
	return true;
}

void berth_session_show(struct vty *vty)
{
	vty_out(vty, "Socket %s, %s\n", berth_settings.socket,
		s.greeted ? "berthd is connected" : "berthd is not connected");
	if (s.greeted)
		vty_out(vty, " Peer %s, session %llu\n", s.peer, (unsigned long long)s.id);
	if (s.last_error[0])
		vty_out(vty, " Last closed: %s\n", s.last_error);
	vty_out(vty, " Objects %zu, stale %zu, grace time %u s\n", berth_table_count(), berth_table_stale_count(), s.grace);
}

void berth_session_fini(void)
{
	close_with("zebra stops");
	event_cancel(&s.t_grace);
}

void berth_session_init(void)
{
	s.grace = berth_settings.grace;
}
