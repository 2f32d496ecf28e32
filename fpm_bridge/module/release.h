/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the FRR that has loaded this module the one that it was built for? FRR makes no check of its own. */
#ifndef BERTH_RELEASE_H
#define BERTH_RELEASE_H

#include <stdbool.h>

#include <zebra.h>

#include "lib/version.h"

#define BERTH_MODULE_VERSION "0.1.0"
#ifndef BERTH_BUILT_FOR
#define BERTH_BUILT_FOR FRR_VERSION
#endif

/* FRR's version as the running libfrr says it, "unknown" where it does not. */
const char *berth_running_version(void);
/*
 * False: the running FRR lacks something that the module was linked with. That has been told, on stderr and to syslog: not even the
 * vty or FRR's log can be trusted to be what the module was compiled for, and the module must do nothing at all.
 */
bool berth_has_its_imports(void);
/* Why the module must stay inert in this release; NULL: it is the right one. The text lives as long as the module. */
const char *berth_foreign_release(void);

#endif
