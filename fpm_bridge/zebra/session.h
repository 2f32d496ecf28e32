/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The talk with the owner, from its Hello on. Bad input closes the connection with a Bye that says why, and touches no
 * route. docs/protocol.md describes the talk.
 */
#ifndef BERTH_SESSION_H
#define BERTH_SESSION_H

#include "compat.h"

#include "lib/vty.h"

#include "berth.pb-c.h"

#define BERTH_PROTOCOL 1
#define BERTH_WINDOW 16			/* batches that the owner may have unanswered */
#define BERTH_MAX_OPERATIONS 1000	/* in a batch */

void berth_session_fini(void);

/* A connection of one who may. NULL: it is the owner now; else why not, until the next call. */
const char *berth_session_begin(int fd, const char *peer);

/* After Hello and before the end. */
bool berth_session_is_greeted(void);

/* Of connection.c: a message came; false: the connection is closed. A connection was closed. */
bool berth_session_message(const Berth__Fpm__Message *m);
void berth_session_lost(const char *why);

/* Closes with a Bye, and counts it as malformed input. */
void berth_session_reject(const char *why);

void berth_session_show(struct vty *vty);

#endif
