// SPDX-License-Identifier: GPL-2.0-or-later
/* The socket: who may come in, and a word for those who may not. */
#include "bridge.h"

#include <grp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "frame.h"
#include "network.h"
#include "zlog.h"

static int listener = -1;
static gid_t group;	/* 0: none */
static struct event *t_accept;

/* NULL: uid 0, our own uid, or of the socket's group. `peer` says who it is, in any case. */
static const char *unwelcome(int fd, char *peer, size_t size)
{
	static const char why[] = "it is neither root nor of our group";
	struct ucred who = {};
	socklen_t len = sizeof(who);
	gid_t groups[64];
	size_t i;

	strlcpy(peer, "somebody", size);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return why;
	snprintf(peer, size, "pid %d uid %u", who.pid, who.uid);
	if (who.uid == 0 || who.uid == geteuid() || (group && who.gid == group))
		return NULL;
	len = sizeof(groups);
	if (!group || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return why;
	for (i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return NULL;
	return why;
}

/* Why, in a Hello, as far as the socket takes it at once. */
static void turn_away(int fd, const char *why)
{
	Berth__Fpm__Message m = BERTH__FPM__MESSAGE__INIT;
	Berth__Fpm__Hello hello = BERTH__FPM__HELLO__INIT;
	uint8_t frame[512];
	size_t size;

	hello.protocol = BERTH_PROTOCOL;
	hello.software = (char *)"zebra_fpm_bridge " BERTH_MODULE_VERSION;
	hello.frr_version = (char *)berth_running_version();
	hello.error = (char *)why;
	m.body_case = BERTH__FPM__MESSAGE__BODY_HELLO;
	m.hello = &hello;
	size = berth__fpm__message__get_packed_size(&m);
	if (size + BERTH_FRAME_HEADER > sizeof(frame))
		return;
	berth_frame_header(frame, size);
	berth__fpm__message__pack(&m, frame + BERTH_FRAME_HEADER);
	if (send(fd, frame, size + BERTH_FRAME_HEADER, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		zlog_debug("berth: the refused peer took no word");
}

static void on_accept(struct event *t)
{
	char peer[BERTH_PEER_SIZE];
	const char *why;
	int fd = accept(listener, NULL, NULL);

	(void)t;
	if (fd < 0 && !ERRNO_IO_RETRY(errno)) {
		/* out of file descriptors: the connection stays ready, and would be tried without an end */
		zlog_warn("berth: can't accept a connection: %s", safe_strerror(errno));
		event_add_timer(berth_loop, on_accept, NULL, 1, &t_accept);
		return;
	}
	event_add_read(berth_loop, on_accept, NULL, listener, &t_accept);
	if (fd < 0)
		return;
	why = unwelcome(fd, peer, sizeof(peer));
	if (!why && berth_session_begin(fd, peer))
		return;
	if (!why)
		why = "there is an owner already";
	berth_counters.refused++;
	zlog_warn("berth: %s refused: %s", peer, why);
	turn_away(fd, why);
	close(fd);
}

void berth_listener_fini(void)
{
	if (listener < 0)
		return;
	event_cancel(&t_accept);
	close(listener);
	unlink(berth_settings.socket);
	listener = -1;
}

void berth_listener_init(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct group *members = getgrnam(berth_settings.group);
	struct stat file;
	mode_t mask;
	int other;

	group = members ? members->gr_gid : 0;
	if (strlcpy(addr.sun_path, berth_settings.socket, sizeof(addr.sun_path)) >= sizeof(addr.sun_path)) {
		zlog_err("berth: the socket's path is too long: %s", berth_settings.socket);
		return;
	}
	/* A zebra that only checks its configuration, or a second one, must not take a running one's place. */
	other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (other >= 0 && (connect(other, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN)) {
		zlog_err("berth: another zebra listens on %s: nothing is done here", addr.sun_path);
		close(other);
		return;
	}
	if (other >= 0)
		close(other);
	if (lstat(addr.sun_path, &file) == 0 && S_ISSOCK(file.st_mode))
		unlink(addr.sun_path);	/* left by a zebra that was killed; a file of somebody's stays */
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0117);
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listener, 4) < 0) {
		zlog_err("berth: can't listen on %s: %s", addr.sun_path, safe_strerror(errno));
		if (listener >= 0)
			close(listener);
		listener = -1;
	}
	umask(mask);
	if (listener < 0)
		return;
	if (members && chown(addr.sun_path, -1, members->gr_gid) < 0)
		zlog_warn("berth: %s keeps its group: %s", addr.sun_path, safe_strerror(errno));
	event_add_read(berth_loop, on_accept, NULL, listener, &t_accept);
}
