/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FRR's event loop under the names that it has since 9.0. */
#ifndef BERTH_EVENT_H
#define BERTH_EVENT_H

#include <string.h>

#include <zebra.h>

#if __has_include("frrevent.h")
#include "frrevent.h"
#else
#include "thread.h"
#define event thread
#define event_loop thread_master
#define event_add_read thread_add_read
#define event_add_write thread_add_write
#define event_add_event thread_add_event
#define event_add_timer thread_add_timer
#define event_add_timer_msec thread_add_timer_msec
#define event_cancel thread_cancel
#define EVENT_ARG THREAD_ARG
#endif

#endif
