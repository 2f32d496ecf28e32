/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unix socket that berthd connects to. Who is neither root, zebra's own user nor in the socket's group is turned away,
 * with the reason in a Hello. A socket that can't be made is told in the log and in the shows, and zebra goes on.
 */
#ifndef BERTH_LISTENER_H
#define BERTH_LISTENER_H

void berth_listener_init(void);
void berth_listener_fini(void);
const char *berth_listener_deaf(void);	/* why nobody can connect; NULL: everybody who may can */

#endif
