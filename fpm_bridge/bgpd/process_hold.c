// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bgpd_process_hold: bgpd's process queue waits less. bgpd puts each route that changes into a queue, and begins to work on that
 * queue 50 ms after its first entry, so that what comes together is worked on together. A container's route waits so long in each
 * bgpd on its way, and there is no command for it: struct bgp's process_queue->spec.hold is set where the instance is made.
 *
 *	-M /usr/lib/…/bgpd_process_hold.so:hold=1	milliseconds, 0 to 1000
 *
 * Once a second all instances are looked at: bgpd says nothing of those that are made later, or made again. What is found is told in
 * FRR's log and, for `show modules`, in the module's description.
 *
 * Everything here runs on bgpd's main pthread, as the queue does.
 */
#include "event.h"

#include "lib/module.h"
#include "libfrr.h"
#include "linklist.h"
#include "workqueue.h"
#include "zlog.h"

#include "bgpd/bgpd.h"

#include "release.h"

#define LOOK_SECONDS 1

static char description[300] = "bgpd's process queue waits less: not yet ready";
static unsigned int hold;
static struct event_loop *loop;
static struct event *t_look;

static void tell_inert(const char *why)
{
	snprintf(description, sizeof(description), "inert: %s", why);
	zlog_err("berth: bgpd_process_hold: %s", why);
}

/* struct bgp is as it was when this was compiled: what is where the queue should be bears the queue's name. */
static bool is_process_queue(const struct work_queue *queue)
{
	return queue->name && !strncmp(queue->name, "process_queue", strlen("process_queue"));
}

static void on_look(struct event *t)
{
	struct listnode *node;
	struct bgp *bgp;
	unsigned int instances = 0;

	for (ALL_LIST_ELEMENTS_RO(bm->bgp, node, bgp)) {
		struct work_queue *queue = bgp->process_queue;

		if (!queue) /* it is being deleted */
			continue;
		if (!is_process_queue(queue)) {
			tell_inert("struct bgp of this bgpd is not what the module was built for; nothing is done");
			return;
		}
		instances++;
		if (queue->spec.hold == hold)
			continue;
		zlog_info("berth: the process queue of %s waits %u ms, and not %u", bgp->name_pretty, hold, queue->spec.hold);
		queue->spec.hold = hold;
	}
	snprintf(description, sizeof(description), "the process queue waits %u ms in each of %u instances", hold, instances);
	event_add_timer(loop, on_look, NULL, LOOK_SECONDS, &t_look);
}

static int on_early_fini(void)
{
	event_cancel(&t_look);
	return 0;
}

/* hold=N */
static const char *parse(const char *args)
{
	char *end;
	unsigned long value;

	if (!args || strncmp(args, "hold=", 5) || !args[5])
		return "its argument is hold=N, milliseconds, 0 to 1000; nothing is done";
	value = strtoul(args + 5, &end, 10);
	if (*end || args[5] < '0' || args[5] > '9' || value > 1000)
		return "hold= needs milliseconds, 0 to 1000; nothing is done";
	hold = value;
	return NULL;
}

static int on_late_init(struct event_loop *the_loop)
{
	const char *why = berth_foreign_release();

	if (!why)
		why = parse(THIS_MODULE->load_args);
	if (why) {
		tell_inert(why);
		return 0;
	}
	loop = the_loop;
	hook_register(frr_early_fini, on_early_fini);
	event_add_timer_msec(loop, on_look, NULL, 0, &t_look);
	return 0;
}

static int module_init(void)
{
	if (berth_has_its_imports())
		hook_register(frr_late_init, on_late_init);
	else
		snprintf(description, sizeof(description), "inert: built for another FRR");
	return 0;
}

FRR_MODULE_SETUP(.name = "bgpd_process_hold", .version = BERTH_MODULE_VERSION, .description = description, .init = module_init, );
