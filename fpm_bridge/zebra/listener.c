// SPDX-License-Identifier: GPL-2.0-or-later
/* The socket: who may come in, and a word for those who may not. */
#include "module.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "network.h"
#include "zlog.h"

#include "connection.h"
#include "errors.h"
#include "fpm_frame.h"
#include "listener.h"
#include "session.h"

static int listener = -1;
static struct stat ours;	/* the socket file that we made */
static char deaf[200] = "zebra starts";
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
		flog_warn(EC_BERTH_ACCEPT, "berth: can't accept a connection: %s", safe_strerror(errno));
		event_add_timer(berth_loop, on_accept, NULL, 1, &t_accept);
		return;
	}
	event_add_read(berth_loop, on_accept, NULL, listener, &t_accept);
	if (fd < 0)
		return;
	/* who has given up while zebra was stopped or busy must not take the place of who is still there */
	if (berth_socket_left(fd)) {
		close(fd);
		return;
	}
	why = unwelcome(fd, peer, sizeof(peer));
	if (!why)
		why = berth_session_begin(fd, peer);
	if (!why)
		return;
	berth_counters.refused++;
	flog_warn(EC_BERTH_PEER_REFUSED, "berth: %s refused: %s", peer, why);
	turn_away(fd, why);
	close(fd);
}

const char *berth_listener_deaf(void)
{
	return listener < 0 ? deaf : NULL;
}

static void __attribute__((format(printf, 1, 2))) stay_deaf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(deaf, sizeof(deaf), format, args);
	va_end(args);
	flog_err(EC_BERTH_SOCKET, "berth: %s", deaf);
	if (listener >= 0)
		close(listener);
	listener = -1;
}

/* What has the socket's name by now may be somebody else's. */
static bool is_ours(const struct stat *file)
{
	return S_ISSOCK(file->st_mode) && file->st_dev == ours.st_dev && file->st_ino == ours.st_ino;
}

void berth_listener_fini(void)
{
	struct stat file;

	if (listener < 0)
		return;
	event_cancel(&t_accept);
	close(listener);
	if (lstat(berth_settings.socket, &file) == 0 && is_ours(&file))
		unlink(berth_settings.socket);
	listener = -1;
}

/*
 * The socket file goes to the group. The folder may belong to somebody who can put something else there, a link to a file of
 * root's where zebra runs as root: what is changed is what was looked at, and a socket of our own.
 */
static void give_to_group(const char *path, bool is_group)
{
	int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (file < 0 || fstat(file, &ours) < 0 || !S_ISSOCK(ours.st_mode) || ours.st_uid != geteuid())
		flog_warn(EC_BERTH_SOCKET_REPLACED, "berth: %s is not the socket that was made there", path);
	else if (is_group && fchownat(file, "", -1, group, AT_EMPTY_PATH) < 0)
		flog_warn(EC_BERTH_SOCKET_GROUP, "berth: %s keeps its group: %s", path, safe_strerror(errno));
	if (file >= 0)
		close(file);
}

void berth_listener_init(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct group *members = getgrnam(berth_settings.group);
	struct stat file;
	mode_t mask;
	int other;

	if (!members)
		flog_warn(EC_BERTH_SOCKET_GROUP, "berth: there is no group %s: only root and zebra's own user may connect",
			  berth_settings.group);
	group = members ? members->gr_gid : 0;
	if (strlcpy(addr.sun_path, berth_settings.socket, sizeof(addr.sun_path)) >= sizeof(addr.sun_path)) {
		stay_deaf("the socket's path is too long: %s", berth_settings.socket);
		return;
	}
	/* A zebra that only checks its configuration, or a second one, must not take a running one's place. */
	other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (other >= 0 && (connect(other, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN)) {
		stay_deaf("another zebra listens on %s: nothing is done here", addr.sun_path);
		close(other);
		return;
	}
	if (other >= 0)
		close(other);
	if (lstat(addr.sun_path, &file) == 0 && S_ISSOCK(file.st_mode))
		unlink(addr.sun_path);	/* left by a zebra that was killed; a file of somebody's stays */
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0117);
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listener, 4) < 0)
		stay_deaf("can't listen on %s: %s", addr.sun_path, safe_strerror(errno));
	umask(mask);
	if (listener < 0)
		return;
	give_to_group(addr.sun_path, members);
	event_add_read(berth_loop, on_accept, NULL, listener, &t_accept);
}
