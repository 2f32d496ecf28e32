// SPDX-License-Identifier: GPL-2.0-or-later
#include "release.h"

#include <syslog.h>

#include "lib/module.h"

#include "imports.h"

#define BUILD_IT "build it for this FRR (scripts/install, or scripts/images for containers) and restart FRR"

/* libfrr tells its version in the list of modules. */
const char *berth_running_version(void)
{
	struct frrmod_runtime *module;

	for (module = frrmod_list; module; module = module->next)
		if (!strcmp(module->info->name, "libfrr"))
			return module->info->version;
	return "unknown";
}

bool berth_has_its_imports(void)
{
	static const char format[] = "berth: this module was built for FRR %s and does nothing in this FRR, which has "
				     "no %s: " BUILD_IT;
	const struct berth_import *each;

	for (each = berth_imports; each->name; each++) {
		if (each->address)
			continue;
		fprintf(stderr, format, BERTH_BUILT_FOR, each->name);
		fputc('\n', stderr);
		syslog(LOG_DAEMON | LOG_ERR, format, BERTH_BUILT_FOR, each->name);
		return false;
	}
	return true;
}

/* A distribution appends its own revision: 8.4.4 and 8.4.4-1 have one ABI. */
static bool same_release(const char *a, const char *b)
{
	size_t n = strspn(a, "0123456789.");

	return n && n == strspn(b, "0123456789.") && !strncmp(a, b, n);
}

const char *berth_foreign_release(void)
{
	static char text[300];

	if (same_release(berth_running_version(), BERTH_BUILT_FOR))
		return NULL;
	snprintf(text, sizeof(text), "this module was built for FRR %s and stays inert in FRR %s: " BUILD_IT, BERTH_BUILT_FOR,
		 berth_running_version());
	return text;
}
