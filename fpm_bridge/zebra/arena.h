/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of the message that is worked on. There is one at a time: the next unpack reuses it. */
#ifndef BERTH_ARENA_H
#define BERTH_ARENA_H

#include "compat.h"

#include "berth.pb-c.h"

/* NULL: these bytes are no message of berth's. Else berth_message_free() must follow. */
Berth__Fpm__Message *berth_message_unpack(const uint8_t *body, size_t len);
void berth_message_free(Berth__Fpm__Message *m);

/* Gives the memory back; not while a message is in use. */
void berth_arena_fini(void);

#endif
