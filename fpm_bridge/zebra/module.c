// SPDX-License-Identifier: GPL-2.0-or-later
/* Loading, the module's arguments, the version check, and the order in which its parts begin and end. */
#include "module.h"

#include "lib/module.h"
#include "libfrr.h"
#include "monotime.h"
#include "zlog.h"

#include "errors.h"
#include "follow.h"
#include "kernel.h"
#include "link.h"
#include "listener.h"
#include "rib.h"
#include "session.h"
#include "table.h"
#include "vty.h"
#include "watch.h"

DEFINE_MGROUP(BERTH, "berth zebra module");

struct berth_settings berth_settings = {.socket = (char *)"/run/frr/berth.sock", .group = (char *)"frr",
					.type = ZEBRA_ROUTE_OPENFABRIC, .grace = 120, .distance = 15,
					.max_routes = 200000, .fpm_commands = true};
struct berth_counters berth_counters;
struct event_loop *berth_loop;

int64_t berth_now_ms(void)
{
	struct timeval now;

	monotime(&now);
	return now.tv_sec * 1000LL + now.tv_usec / 1000;
}

/* zebra stops in order: what it takes apart from here on is no news for berthd. */
static int on_early_fini(void)
{
	berth_listener_fini();
	berth_session_fini();
	berth_follow_fini();
	berth_watch_fini();
	berth_kernel_fini();
	berth_loop = NULL;
	return 0;
}

static int on_late_init(struct event_loop *loop)
{
	berth_loop = loop;
	berth_errors_init();
	berth_vty_init();
	berth_table_init();
	berth_link_init();
	berth_follow_init();
	if (berth_settings.inert) {
		flog_err(EC_BERTH_INERT, "berth: %s", berth_settings.inert);
	} else {
		berth_kernel_init();
		berth_watch_init();
		berth_rib_init();
	}
	/* an inert module listens as well: it tells berthd why */
	berth_listener_init();
	hook_register(frr_early_fini, on_early_fini);
	return 0;
}

static bool number(const char *text, uint32_t *out, uint32_t max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end || value > max)
		return false;
	*out = value;
	return true;
}

/*
 * FRR has more types, but of no use here: zebra takes those of the system for the kernel's own, several are of one family,
 * and others no daemon redistributes. By name, since the numbers differ between releases.
 */
static bool set_type(const char *name)
{
	static const char *const names[] = {"openfabric", "babel", "isis", "nhrp", "static"};

	for (size_t i = 0; i < array_size(names); i++) {
		int type = strcmp(name, names[i]) ? -1 : proto_redistnum(AFI_IP, name);

		if (type <= 0 || strcmp(zebra_route_string(type), name))
			continue;
		berth_settings.type = type;
		return true;
	}
	return false;
}

/* SOCKET[,option…] */
static const char *parse(char *args)
{
	char *save = NULL, *word = args ? strtok_r(args, ",", &save) : NULL;

	if (word && *word == '/') {
		berth_settings.socket = strdup(word);
		word = strtok_r(NULL, ",", &save);
	}
	for (; word; word = strtok_r(NULL, ",", &save)) {
		if (!strcmp(word, "no-fpm-commands")) {
			berth_settings.fpm_commands = false;
		} else if (!strncmp(word, "group=", 6)) {
			berth_settings.group = strdup(word + 6);
		} else if (!strncmp(word, "grace=", 6)) {
			if (!number(word + 6, &berth_settings.grace, 86400))
				return "grace= needs seconds, 0 to 86400";
		} else if (!strncmp(word, "distance=", 9)) {
			if (!number(word + 9, &berth_settings.distance, 254) || !berth_settings.distance)
				return "distance= needs 1 to 254";
		} else if (!strncmp(word, "max-routes=", 11)) {
			if (!number(word + 11, &berth_settings.max_routes, 10000000))
				return "max-routes= needs a number";
		} else if (!strncmp(word, "type=", 5)) {
			if (!set_type(word + 5))
				return "type= needs openfabric, babel, isis, nhrp or static: these are installed and can be "
				       "redistributed in both families";
		} else {
			return "unknown option (SOCKET,group=,grace=,distance=,max-routes=,type=,no-fpm-commands)";
		}
	}
	return NULL;
}

static int module_init(void)
{
	static char text[300];
	const char *error;
	char *args;

	if (!berth_has_its_imports())
		return 0;
	args = THIS_MODULE->load_args ? strdup(THIS_MODULE->load_args) : NULL;
	error = parse(args);
	free(args);
	/* A failed -M would keep zebra from starting: stay inert instead, and say so. */
	berth_settings.inert = berth_foreign_release();
	if (!berth_settings.inert && error) {
		snprintf(text, sizeof(text), "module argument: %s; nothing is done", error);
		berth_settings.inert = text;
	}
	hook_register(frr_late_init, on_late_init);
	return 0;
}

FRR_MODULE_SETUP(.name = "zebra_fpm_bridge", .version = BERTH_MODULE_VERSION,
		 .description = "routes of containers, by berthd over FPM-framed protobuf", .init = module_init, );
