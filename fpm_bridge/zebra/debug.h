/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `debug berth`: each step of an object, each batch and each sync in zebra's log. Off by default; vty.c has the command. */
#ifndef BERTH_DEBUG_H
#define BERTH_DEBUG_H

#include "compat.h"

#include "lib/debug.h"
#include "zlog.h"

extern struct debug berth_debug;

/* Nothing but a look at the flag while it is off: the arguments are not evaluated. */
#define BERTH_DEBUG(format, ...)                                                                                       \
	do {                                                                                                           \
		if (DEBUG_MODE_CHECK(&berth_debug, DEBUG_MODE_ALL))                                                    \
			zlog_debug("berth: " format, ##__VA_ARGS__);                                                   \
	} while (0)

#endif
