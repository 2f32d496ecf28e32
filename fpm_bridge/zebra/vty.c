// SPDX-License-Identifier: GPL-2.0-or-later
/* What an operator types into zebra's vty, and what it answers. */
#include "module.h"

#include "command.h"
#include "lib/json.h"
#include "lib/vty.h"

#include "zebra/interface.h"

#include "debug.h"
#include "session.h"
#include "table.h"
#include "vty.h"

#define BERTH_STR "berth, routes of containers\n"

struct debug berth_debug = {
	.desc = "berth",
#ifdef BERTH_DEBUG_INSTALL
	.conf = "debug berth",
#endif
};

static void show_counter(struct vty *vty, const char *name, uint64_t value)
{
	vty_out(vty, "%-24s %llu\n", name, (unsigned long long)value);
}

static void show_counters(struct vty *vty)
{
	const struct berth_counters *c = &berth_counters;

	show_counter(vty, "Connections", c->connections);
	show_counter(vty, "Refused", c->refused);
	show_counter(vty, "Malformed", c->malformed);
	show_counter(vty, "Frames in", c->frames_in);
	show_counter(vty, "Frames out", c->frames_out);
	show_counter(vty, "Operations", c->operations);
	show_counter(vty, "Rejected", c->rejected);
	show_counter(vty, "Results", c->results);
	show_counter(vty, "Added again", c->readded);
	show_counter(vty, "Swept", c->swept);
	show_counter(vty, "Expired", c->expired);
	show_counter(vty, "Unknown messages", c->unknown);
	show_counter(vty, "Undefined transitions", c->bugs);
}

static void show_status(struct vty *vty)
{
	vty_out(vty, "berth zebra_fpm_bridge %s, built for FRR %s, running FRR %s\n", BERTH_MODULE_VERSION, BERTH_BUILT_FOR,
		berth_running_version());
	if (berth_settings.inert)
		vty_out(vty, "%% inert: %s\n", berth_settings.inert);
	else
		berth_session_show(vty);
	if (DEBUG_MODE_CHECK(&berth_debug, DEBUG_MODE_ALL))
		vty_out(vty, " Debugging is on (no debug berth)\n");
}

DEFUN (show_berth_status, show_berth_status_cmd, "show berth status", SHOW_STR BERTH_STR "Connection and state\n")
{
	show_status(vty);
	return CMD_SUCCESS;
}

DEFUN (show_berth_counters, show_berth_counters_cmd, "show berth counters", SHOW_STR BERTH_STR "Counters\n")
{
	show_counters(vty);
	return CMD_SUCCESS;
}

/* One row of `show berth routes`, from which both printers print. */
struct row {
	const struct prefix *prefix;
	const char *kind, *interface, *state;
	uint32_t tag;
};

static struct row row_of(const struct berth_object *object)
{
	static const char *const told[] = {"pending", "accepted", "installed", "notBest", "inactive", "rejected", "gone"};
	struct row row = {.prefix = &object->prefix,
			  .kind = berth_is_mark(object) ? "mark" : "route",
			  .interface = object->ifname,
			  .tag = object->tag};

	if (object->claim != BERTH_CURRENT)
		row.state = "stale";
	else if (berth_state_leaving(object->state))
		row.state = "removing";
	else
		row.state = told[object->told];
	return row;
}

static void print_text(struct vty *vty, const struct row *row)
{
	vty_out(vty, "%-42pFX %-6s %-10u %-16s %s\n", row->prefix, row->kind, row->tag, row->interface, row->state);
}

static void print_json(struct vty *vty, const struct row *row)
{
	json_object *json = json_object_new_object();
	char text[PREFIX_STRLEN];

	json_object_string_add(json, "prefix", prefix2str(row->prefix, text, sizeof(text)));
	json_object_string_add(json, "kind", row->kind);
	json_object_int_add(json, "tag", row->tag);
	json_object_string_add(json, "interface", row->interface);
	json_object_string_add(json, "state", row->state);
	vty_out(vty, "%s", json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_free(json);
}

/*
 * The array is printed row by row: as one json-c document, the table of a big host would be some hundred megabytes in zebra
 * for as long as it is printed.
 */
DEFUN (show_berth_routes, show_berth_routes_cmd, "show berth routes [json]",
       SHOW_STR BERTH_STR "What berthd wants, and its state\n" "JavaScript Object Notation\n")
{
	struct berth_object *object;
	bool json = argc > 3;
	const char *comma = "";

	if (json)
		vty_out(vty, "{\"routes\":[");
	else
		vty_out(vty, "%-42s %-6s %-10s %-16s %s\n", "Prefix", "Kind", "Tag", "Interface", "State");
	for (object = berth_table_next(NULL); object; object = berth_table_next(object)) {
		struct row row = row_of(object);

		if (json) {
			vty_out(vty, "%s", comma);
			print_json(vty, &row);
		} else {
			print_text(vty, &row);
		}
		comma = ",";
	}
	if (json)
		vty_out(vty, "]}\n");
	return CMD_SUCCESS;
}

/* Two that the stock vtysh knows of FRR's own FPM modules. */
DEFUN (show_zebra_fpm_stats, show_zebra_fpm_stats_cmd, "show zebra fpm stats",
       SHOW_STR "Zebra information\n" "Forwarding Path Manager information\n" "Statistics\n")
{
	show_status(vty);
	show_counters(vty);
	return CMD_SUCCESS;
}

DEFUN (show_fpm_counters, show_fpm_counters_cmd, "show fpm counters",
       SHOW_STR "Forwarding Path Manager information\n" "Counters\n")
{
	show_status(vty);
	show_counters(vty);
	return CMD_SUCCESS;
}

DEFUN (debug_berth, debug_berth_cmd, "[no] debug berth", NO_STR DEBUG_STR BERTH_STR)
{
	DEBUG_MODE_SET(&berth_debug, DEBUG_NODE2MODE(vty->node), strcmp(argv[0]->text, "no") != 0);
	return CMD_SUCCESS;
}

/* With it, FRR writes the line of the configuration, has it in `show debugging`, and sets it with `debug all`. */
static void install_debug(void)
{
#ifdef BERTH_DEBUG_INSTALL
	debug_install(&berth_debug);
#endif
	install_element(ENABLE_NODE, &debug_berth_cmd);
	install_element(CONFIG_NODE, &debug_berth_cmd);
}

#ifdef BERTH_IF_EXTRA_JSON
static int on_if_show(struct vty *vty, json_object *json, struct interface *ifp)
#else
static int on_if_show(struct vty *vty, struct interface *ifp)
#endif
{
	size_t count = berth_table_on_interface(ifp->name);

	if (!count)
		return 0;
#ifdef BERTH_IF_EXTRA_JSON
	if (json)
		json_object_int_add(json, "berthRoutes", count);
	else
#endif
		vty_out(vty, "  berth: %zu routes of containers on this interface\n", count);
	return 0;
}

void berth_vty_init(void)
{
	install_element(VIEW_NODE, &show_berth_status_cmd);
	install_element(VIEW_NODE, &show_berth_counters_cmd);
	install_element(VIEW_NODE, &show_berth_routes_cmd);
	if (berth_settings.fpm_commands) {
		install_element(VIEW_NODE, &show_zebra_fpm_stats_cmd);
		install_element(VIEW_NODE, &show_fpm_counters_cmd);
	}
	if (berth_settings.inert)
		return;
	install_debug();
	hook_register(zebra_if_extra_info, on_if_show);
}
