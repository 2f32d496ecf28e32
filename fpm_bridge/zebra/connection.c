// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes of the owner's socket, on zebra's event loop. */
#include "module.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "network.h"
#include "zlog.h"

#include "arena.h"
#include "connection.h"
#include "fpm_frame.h"
#include "keepalive.h"
#include "session.h"

#define IN_SIZE (BERTH_FRAME_MAX + 1)
#define OUT_SIZE (1 << 20)
#define OUT_FULL (OUT_SIZE - 4 * BERTH_FRAME_MAX)	/* what follows one batch has room */

DEFINE_MTYPE_STATIC(BERTH, BERTH_BUFFERS, "berth connection buffers");

static struct {
	int fd;
	bool is_stalled;	/* frames wait in `in` until there is room for what follows them */
	size_t in_len, out_len;
	struct buffers {
		uint8_t in[IN_SIZE], out[OUT_SIZE];
	} *buffers;
	char peer[BERTH_PEER_SIZE], last_error[300];
	struct event *t_read, *t_write;
} c = {.fd = -1};

static void on_frames(struct event *t);
static void on_read(struct event *t);
static void on_write(struct event *t);

bool berth_connection_is_open(void)
{
	return c.fd >= 0;
}

bool berth_connection_is_full(void)
{
	return c.fd >= 0 && c.out_len >= OUT_FULL;
}

bool berth_connection_is_idle(void)
{
	return !c.out_len;
}

int berth_connection_unread(void)
{
	int n = 0;

	return ioctl(c.fd, SIOCOUTQ, &n) < 0 ? 0 : n;
}

bool berth_connection_has_words(void)
{
	struct pollfd words = {.fd = c.fd, .events = c.out_len < OUT_FULL ? POLLIN : 0};

	return poll(&words, 1, 0) > 0;
}

bool berth_socket_left(int fd)
{
	struct pollfd end = {.fd = fd};

	return poll(&end, 1, 0) > 0 && (end.revents & POLLHUP);
}

bool berth_connection_peer_left(void)
{
	return berth_socket_left(c.fd);
}

const char *berth_connection_peer(void)
{
	return c.peer;
}

const char *berth_connection_last_error(void)
{
	return c.last_error;
}

static void want_read(void)
{
	if (c.fd < 0 || c.out_len >= OUT_FULL)
		return;
	if (c.is_stalled)
		event_add_event(berth_loop, on_frames, NULL, 0, &c.t_read);
	else
		event_add_read(berth_loop, on_read, NULL, c.fd, &c.t_read);
}

void berth_connection_close(const char *why)
{
	if (c.fd < 0)
		return;
	event_cancel(&c.t_read);
	event_cancel(&c.t_write);
	close(c.fd);
	c.fd = -1;
	c.in_len = c.out_len = 0;
	c.is_stalled = false;
	if (why != c.last_error)
		strlcpy(c.last_error, why, sizeof(c.last_error));
	berth_session_lost(c.last_error);
}

void berth_connection_close_with_bye(const char *why)
{
	Berth__Fpm__Bye bye = BERTH__FPM__BYE__INIT;
	char reason[sizeof(c.last_error)];

	strlcpy(reason, why, sizeof(reason));
	bye.reason = reason;
	berth_connection_send(BERTH__FPM__MESSAGE__BODY_BYE, &bye);
	if (c.fd >= 0 && write(c.fd, c.buffers->out, c.out_len) < 0)
		zlog_debug("berth: the peer took no Bye");
	berth_connection_close(reason);
}

void berth_connection_send(Berth__Fpm__Message__BodyCase body, void *message)
{
	Berth__Fpm__Message m = BERTH__FPM__MESSAGE__INIT;
	size_t size;

	if (c.fd < 0)
		return;
	m.body_case = body;
	m.hello = message;	/* a union of pointers */
	size = berth__fpm__message__get_packed_size(&m);
	if (size + BERTH_FRAME_HEADER > BERTH_FRAME_MAX || c.out_len + size + BERTH_FRAME_HEADER > OUT_SIZE) {
		berth_connection_close("the peer does not read its answers");
		return;
	}
	berth_frame_header(c.buffers->out + c.out_len, size);
	berth__fpm__message__pack(&m, c.buffers->out + c.out_len + BERTH_FRAME_HEADER);
	c.out_len += size + BERTH_FRAME_HEADER;
	berth_counters.frames_out++;
	if (!c.t_write)
		event_add_write(berth_loop, on_write, NULL, c.fd, &c.t_write);
}

static void on_write(struct event *t)
{
	ssize_t n;

	(void)t;
	berth_keepalive_writing();
	n = write(c.fd, c.buffers->out, c.out_len);
	if (n < 0 && !ERRNO_IO_RETRY(errno)) {
		berth_connection_close(safe_strerror(errno));
		return;
	}
	if (n > 0) {
		memmove(c.buffers->out, c.buffers->out + n, c.out_len - n);
		c.out_len -= n;
	}
	berth_keepalive_written();
	if (c.out_len)
		event_add_write(berth_loop, on_write, NULL, c.fd, &c.t_write);
	want_read();
}

/* What has come, frame by frame, as long as there is room for what follows. */
static void on_frames(struct event *t)
{
	const uint8_t *body;
	const char *error;
	size_t len, total, at = 0;

	(void)t;
	c.is_stalled = false;
	for (;;) {
		enum berth_frame_status status =
			berth_frame_next(c.buffers->in + at, c.in_len - at, &body, &len, &total, &error);
		Berth__Fpm__Message *m;
		bool alive;

		if (status == BERTH_FRAME_MORE)
			break;
		if (status == BERTH_FRAME_BAD) {
			berth_session_reject(error);
			return;
		}
		c.is_stalled = c.out_len >= OUT_FULL;
		if (c.is_stalled)
			break;
		m = berth_message_unpack(body, len);
		if (!m) {
			berth_session_reject("a frame whose body is not a protobuf message of berth's");
			return;
		}
		berth_counters.frames_in++;
		alive = berth_session_message(m);
		berth_message_free(m);
		if (!alive)
			return;
		at += total;
	}
	memmove(c.buffers->in, c.buffers->in + at, c.in_len - at);
	c.in_len -= at;
	want_read();
}

static void on_read(struct event *t)
{
	ssize_t n = read(c.fd, c.buffers->in + c.in_len, sizeof(c.buffers->in) - c.in_len);

	if (n == 0 || (n < 0 && !ERRNO_IO_RETRY(errno))) {
		berth_connection_close(n ? safe_strerror(errno) : "connection closed");
		return;
	}
	if (n > 0) {
		c.in_len += n;
		berth_keepalive_heard();
	}
	on_frames(t);
}

void berth_connection_begin(int fd, const char *peer)
{
	if (!c.buffers)
		c.buffers = XMALLOC(MTYPE_BERTH_BUFFERS, sizeof(*c.buffers));
	set_nonblocking(fd);
	c.fd = fd;
	strlcpy(c.peer, peer, sizeof(c.peer));
	berth_counters.connections++;
	want_read();
}

void berth_connection_fini(void)
{
	XFREE(MTYPE_BERTH_BUFFERS, c.buffers);
}
