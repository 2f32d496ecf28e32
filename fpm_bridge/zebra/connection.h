/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner's socket: bytes in, frames out, never blocking. What can't be written is bounded: while too much of it waits,
 * nothing is read and no state is told. There is one connection at a time, or none.
 *
 * Its buffers are allocated for the first owner and kept until zebra stops.
 */
#ifndef BERTH_CONNECTION_H
#define BERTH_CONNECTION_H

#include "compat.h"

#include "berth.pb-c.h"

#define BERTH_PEER_SIZE 64	/* "pid 4294967295 uid 4294967295" */

/* Takes the descriptor. There must be no connection. */
void berth_connection_begin(int fd, const char *peer);

/* Closes it and tells session.c; nothing where there is none. `why` may be the reason of the close before. */
void berth_connection_close(const char *why);

/* The same, after a Bye that says why, as far as the socket takes it at once. */
void berth_connection_close_with_bye(const char *why);

void berth_connection_fini(void);

bool berth_connection_is_open(void);
bool berth_connection_is_full(void);	/* no more results for now */
bool berth_connection_is_idle(void);	/* all that was said is written */
bool berth_connection_has_words(void);	/* the owner has said what was not read yet, though there is room for it */
int berth_connection_unread(void);	/* bytes that the socket holds for the owner to read */
bool berth_connection_peer_left(void);	/* the owner's end is closed, though what it said last may still be unread */
bool berth_socket_left(int fd);	/* the other end of this socket was closed */

/* A peer that does not read is closed; so there may be no connection afterwards. `message` is the one of `body`. */
void berth_connection_send(Berth__Fpm__Message__BodyCase body, void *message);

const char *berth_connection_peer(void);	/* of this connection or the last one */
const char *berth_connection_last_error(void);	/* why the last one was closed; "": none was */

#endif
