// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The talk with the owner: frames in, results out, the sweep, the grace time. Bad input closes the connection with a Bye
 * that says why, and touches no route. What can't be written is bounded: then nothing is read and no state is told. An
 * owner that says nothing for its hold time is put out: a process that hangs keeps its end of the socket open.
 */
#include "bridge.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "frame.h"
#include "network.h"
#include "zlog.h"

#define IN_SIZE (BERTH_FRAME_MAX + 1)
#define OUT_SIZE (1 << 20)
#define OUT_FULL (OUT_SIZE - 4 * BERTH_FRAME_MAX)	/* what follows one batch has room */
#define RESULTS_A_FRAME 200
#define REASON_SIZE 200		/* with its zero; so many results of that length fit into a frame */
#define SWEEP_A_SLICE 1000
#define MAX_KEEP (BERTH_FRAME_MAX / 8)	/* prefixes of an EndOfSync: more do not fit into a frame */
#define LEAVE_MS 2		/* between two looks at whether zebra has worked on the sweep */
#define LEAVE_MAX_MS 10000	/* a zebra that has not by then is not waited for */
#define HELLO_SECONDS 3		/* the one place for an owner is not for who says nothing */
#define HOLD_LEAST 3		/* seconds */
#define HOLD_MOST 3600
#define ALIVE_LEAST_MS 100	/* between two looks at whether the owner is silent */
#define LATE_MS 1000		/* a timer that comes so much later than it was due: zebra itself was stopped, or busy */

static struct {
	int fd;
	uint64_t id;
	bool greeted, sweeping;
	uint64_t sync_sequence;
	int64_t sweep_at;	/* monotonic: the EndOfSync that is worked on */
	uint32_t swept, grace, hold;	/* seconds; hold 0: an owner that knows of no Keepalive */
	int64_t begun_at, heard_at, alive_due;	/* monotonic: Hello, the last sign of life, the next look at it */
	bool stalled;			/* frames wait in `in` until there is room for what follows them */
	int unread;			/* bytes that were in the socket, for the owner to read, after the last write */
	int64_t lost_at, away_ms;	/* monotonic; how long berthd was away since a session that settled, in all */
	size_t in_len, out_len;
	char peer[BERTH_PEER_SIZE], last_error[300];
	uint8_t in[IN_SIZE], out[OUT_SIZE];
	struct event *t_read, *t_write, *t_grace, *t_sweep, *t_hello, *t_alive;
} s = {.fd = -1};

static Berth__Fpm__Result results[RESULTS_A_FRAME], *result_list[RESULTS_A_FRAME];
static Berth__Fpm__Prefix result_prefixes[RESULTS_A_FRAME];
static struct prefix prefixes[RESULTS_A_FRAME];
static char reasons[RESULTS_A_FRAME][REASON_SIZE];
static Berth__Fpm__RibEntry winners[RESULTS_A_FRAME];
static size_t n_results;

static void on_frames(struct event *t);
static void on_read(struct event *t);
static void on_write(struct event *t);

static void want_read(void)
{
	if (s.fd < 0 || s.out_len >= OUT_FULL)
		return;
	if (s.stalled)
		event_add_event(berth_loop, on_frames, NULL, 0, &s.t_read);
	else
		event_add_read(berth_loop, on_read, NULL, s.fd, &s.t_read);
}

static void on_grace(struct event *t)
{
	(void)t;
	berth_counters.expired += berth_table_sweep(SWEEP_A_SLICE);
	s.away_ms = 0;	/* this grace time is over, and the next loss has one of its own */
	s.lost_at = berth_now_ms();
	if (berth_table_stale_count())
		event_add_timer_msec(berth_loop, on_grace, NULL, 1, &s.t_grace);
	else
		zlog_warn("berth: berthd has been away for %u s: its routes are gone", s.grace);
}

/*
 * A session that got in sync, or was alive for longer than the grace time, is one that works: the next loss is a new one.
 * Silence before a loss is no life.
 */
static bool is_settled(void)
{
	int64_t last = s.hold ? s.heard_at : berth_now_ms();

	return last - s.begun_at >= s.grace * 1000LL;
}

static void hang_up(const char *why)
{
	int64_t left;

	if (s.fd < 0)
		return;
	event_cancel(&s.t_alive);
	event_cancel(&s.t_hello);
	event_cancel(&s.t_read);
	event_cancel(&s.t_write);
	event_cancel(&s.t_sweep);
	close(s.fd);
	s.fd = -1;
	s.in_len = s.out_len = n_results = 0;
	s.sweeping = s.stalled = false;
	strlcpy(s.last_error, why, sizeof(s.last_error));
	if (!s.greeted) {
		zlog_warn("berth: connection of %s closed: %s", s.peer, why);
		return;
	}
	s.greeted = false;
	berth_table_all_stale();
	/* A berthd that dies again and again before it is in sync has one grace time, not one for each try. */
	s.lost_at = berth_now_ms();
	if (is_settled())
		s.away_ms = 0;
	left = MAX(s.grace * 1000LL - s.away_ms, 0);
	zlog_warn("berth: berthd is gone (%s): %zu routes stay for %lld s", why, berth_table_stale_count(),
		  (long long)left / 1000);
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
	strlcpy(reasons[n_results], reason ? reason : "", REASON_SIZE);
	r->reason = reasons[n_results];
	r->sequence = sequence;
	if (winner) {
		winners[n_results] = *winner;
		r->winner = &winners[n_results];
	}
	berth_counters.results++;
	if (++n_results == RESULTS_A_FRAME)
		berth_session_flush();
}

static int unread(void)
{
	int n = 0;

	return ioctl(s.fd, SIOCOUTQ, &n) < 0 ? 0 : n;
}

/* An owner that reads lives, also while its own words wait because there is no room for what would follow. */
static void see_life(void)
{
	int n = unread();

	if (n < s.unread)
		s.heard_at = berth_now_ms();
	s.unread = n;
}

static void on_write(struct event *t)
{
	ssize_t n;

	(void)t;
	see_life();
	n = write(s.fd, s.out, s.out_len);
	if (n < 0 && !ERRNO_IO_RETRY(errno)) {
		hang_up(safe_strerror(errno));
		return;
	}
	if (n > 0) {
		memmove(s.out, s.out + n, s.out_len - n);
		s.out_len -= n;
	}
	s.unread = unread();
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

/*
 * The owner was silent for the hold time. Not where it has said something that this loop has not come to yet, nor where the
 * loop was not there to hear it: a zebra that was stopped itself begins anew.
 */
static bool is_overdue(void)
{
	struct pollfd words = {.fd = s.fd, .events = s.out_len < OUT_FULL ? POLLIN : 0};
	int64_t now = berth_now_ms();

	if (!s.greeted || !s.hold)
		return false;
	see_life();
	return now - s.heard_at >= s.hold * 1000LL && now - s.alive_due <= LATE_MS && poll(&words, 1, 0) <= 0;
}

static void put_out(void)
{
	char why[80];

	snprintf(why, sizeof(why), "berthd was silent for %u s, its hold time", s.hold);
	close_with(why);
}

static void on_alive(struct event *t);

static void look_at_life(void)
{
	int64_t now = berth_now_ms(), hold = s.hold * 1000LL, wait = MIN(hold / 3, s.heard_at + hold - now);

	wait = MAX(wait, ALIVE_LEAST_MS);
	s.alive_due = now + wait;
	event_add_timer_msec(berth_loop, on_alive, NULL, wait, &s.t_alive);
}

static void on_alive(struct event *t)
{
	Berth__Fpm__Keepalive keepalive = BERTH__FPM__KEEPALIVE__INIT;

	(void)t;
	if (is_overdue()) {
		put_out();
		return;
	}
	if (berth_now_ms() - s.alive_due > LATE_MS)
		s.heard_at = berth_now_ms();
	if (!s.out_len)	/* else there is enough for the owner to read */
		berth_session_send(BERTH__FPM__MESSAGE__BODY_KEEPALIVE, &keepalive);
	if (s.fd >= 0)
		look_at_life();
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
	uint32_t grace = in->grace_seconds ? in->grace_seconds : berth_settings.grace;
	uint32_t hold = in->hold_seconds ? MIN(MAX(in->hold_seconds, HOLD_LEAST), HOLD_MOST) : 0;
	char error[sizeof(s.last_error)] = "";

	if (in->protocol != BERTH_PROTOCOL)
		snprintf(error, sizeof(error), "protocol %u is not spoken here, %u is: berthd and the module differ in release",
			 in->protocol, BERTH_PROTOCOL);
	else if (berth_settings.inert)
		strlcpy(error, berth_settings.inert, sizeof(error));
	else if (in->route_type[0] && strcmp(in->route_type, zebra_route_string(berth_settings.type)))
		snprintf(error, sizeof(error), "routes here are of type %s (module argument type=)",
			 zebra_route_string(berth_settings.type));
	out.protocol = BERTH_PROTOCOL;
	out.software = (char *)"zebra_fpm_bridge " BERTH_MODULE_VERSION;
	out.session = in->session;
	out.grace_seconds = grace;
	out.hold_seconds = hold;
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
	s.id = in->session;
	s.grace = grace;
	s.hold = hold;
	s.begun_at = s.heard_at = berth_now_ms();
	s.unread = 0;
	if (hold)
		look_at_life();
	zlog_info("berth: berthd is here (%s, %s), grace time %u s, hold time %u s, %u routes held", s.peer, in->software,
		  grace, hold, out.routes_held);
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
	case BERTH__FPM__MESSAGE__BODY_KEEPALIVE:
		break;
	case BERTH__FPM__MESSAGE__BODY__NOT_SET:
		berth_counters.unknown++;	/* of a newer berthd */
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

/* What has come, frame by frame, as long as there is room for what follows. */
static void on_frames(struct event *t)
{
	const uint8_t *body;
	const char *error;
	size_t len, total, at = 0;

	(void)t;
	s.stalled = false;
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
		s.stalled = s.out_len >= OUT_FULL;
		if (s.stalled)
			break;
		m = berth_message_unpack(body, len);
		if (!m) {
			reject("a frame whose body is not a protobuf message of berth's");
			return;
		}
		berth_counters.frames_in++;
		alive = on_message(m);
		berth_message_free(m);
		if (!alive)
			return;
		at += total;
	}
	memmove(s.in, s.in + at, s.in_len - at);
	s.in_len -= at;
	want_read();
}

static void on_read(struct event *t)
{
	ssize_t n = read(s.fd, s.in + s.in_len, sizeof(s.in) - s.in_len);

	if (n == 0 || (n < 0 && !ERRNO_IO_RETRY(errno))) {
		hang_up(n ? safe_strerror(errno) : "connection closed");
		return;
	}
	if (n > 0) {
		s.in_len += n;
		s.heard_at = berth_now_ms();
	}
	on_frames(t);
}

bool berth_session_left(int fd)
{
	struct pollfd end = {.fd = fd};

	return poll(&end, 1, 0) > 0 && (end.revents & POLLHUP);
}

/* A connection of one who may. NULL: it is the owner; else why not, until the next call. */
const char *berth_session_begin(int fd, const char *peer)
{
	static char why[200];

	/* an owner that is dead, but whose end was not read yet, is in nobody's way */
	if (s.fd >= 0 && berth_session_left(s.fd))
		hang_up("connection closed");
	else if (s.fd >= 0 && is_overdue())
		put_out();
	if (s.fd >= 0) {
		size_t n = snprintf(why, sizeof(why), "there is an owner already (%s)", s.peer);

		if (s.greeted && s.hold)
			snprintf(why + n, sizeof(why) - n, ", which is put out after %u s of silence", s.hold);
		return why;
	}
	set_nonblocking(fd);
	s.fd = fd;
	strlcpy(s.peer, peer, sizeof(s.peer));
	s.greeted = false;
	berth_counters.connections++;
	event_add_timer(berth_loop, on_hello_late, NULL, HELLO_SECONDS, &s.t_hello);
	want_read();
	return NULL;
}

void berth_session_show(struct vty *vty)
{
	const char *deaf = berth_listener_deaf();

	vty_out(vty, "Socket %s, %s\n", berth_settings.socket,
		s.greeted ? "berthd is connected" : "berthd is not connected");
	if (deaf)
		vty_out(vty, " %% nobody can connect: %s\n", deaf);
	if (s.greeted)
		vty_out(vty, " Peer %s, session %llu\n", s.peer, (unsigned long long)s.id);
	if (s.greeted && s.hold)
		vty_out(vty, " Hold time %u s, last heard %lld s ago\n", s.hold,
			(long long)(berth_now_ms() - s.heard_at) / 1000);
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
