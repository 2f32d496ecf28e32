/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What berthd asks for, checked: bytes from outside become an object that the table may keep, or a reason why not. */
#ifndef BERTH_OPERATION_H
#define BERTH_OPERATION_H

#include "compat.h"

#include "prefix.h"

#include "berth.pb-c.h"

/* Does it, or answers the batch with STATE_REJECTED and changes nothing. */
void berth_operation_apply(const Berth__Fpm__Operation *operation, uint64_t sequence);

bool berth_prefix_from(const Berth__Fpm__Prefix *in, struct prefix *out);	/* false: not valid */
void berth_prefix_to(const struct prefix *in, Berth__Fpm__Prefix *out);		/* `in` must outlive `out` */

#endif
