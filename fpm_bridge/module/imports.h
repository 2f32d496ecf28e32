/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the module imports from FRR, all of it weak (Makefile). An address is NULL where the running FRR has no such symbol. */
#ifndef BERTH_IMPORTS_H
#define BERTH_IMPORTS_H

struct berth_import {
	const char *name;
	const void *address;
};
extern const struct berth_import berth_imports[];	/* ends with a NULL name */

#endif
