/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The codes of what the module logs as an error or a warning. `show error CODE` in zebra's vty prints what each means and
 * what helps; errors.c has the text. A code keeps its number for good: a new one goes to the end.
 */
#ifndef BERTH_ERRORS_H
#define BERTH_ERRORS_H

/* FRR gives each daemon a range by its number (lib/ferr.h); this one is nobody's. */
#define BERTH_FERR_START 0xBE000001

enum berth_log_refs {
	EC_BERTH_INERT = BERTH_FERR_START,
	EC_BERTH_TRANSITION,
	EC_BERTH_SOCKET,
	EC_BERTH_SOCKET_REPLACED,
	EC_BERTH_SOCKET_GROUP,
	EC_BERTH_ACCEPT,
	EC_BERTH_PEER_REFUSED,
	EC_BERTH_CONNECTION,
	EC_BERTH_OWNER_LOST,
	EC_BERTH_GRACE_OVER,
	EC_BERTH_LINK,
	EC_BERTH_KERNEL,
};

/* Puts them into FRR's catalogue. Once, after FRR has made it. */
void berth_errors_init(void);

#endif
