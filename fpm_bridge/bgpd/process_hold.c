// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bgpd_process_hold: bgpd's process queue waits less. bgpd puts each route that changes into a queue, and begins to work on that
 * queue 50 ms after its first entry, so that what comes together is worked on together. A container's route waits so long in each
 * bgpd on its way, and there is no command for it: struct bgp's process_queue->spec.hold is set where the instance is made.
 *
 *	-M /usr/lib/…/bgpd_process_hold.so			as hold=1-50
 *	-M /usr/lib/…/bgpd_process_hold.so:hold=1-50	milliseconds, 0 to 1000: from so few while few routes change, to so many
 *	-M /usr/lib/…/bgpd_process_hold.so:hold=1	always so many
 *
 * Between the two it waits WAIT_OVER_WORK times as long as the work took that the queue did last: one route is some 50 µs of work
 * and waits for nothing, a thousand routes are worked on together as they always were. When nothing has been busy for QUIET_MS, all
 * queues wait the least again.
 *
 * Once a second all instances are looked at: bgpd says nothing of those that are made later, or made again. What is found is told in
 * FRR's log and, for `show modules`, in the module's description.
 *
 * Everything here runs on bgpd's main pthread, as the queue does.
 */
#include <time.h>

#include "event.h"

#include "lib/module.h"
#include "libfrr.h"
#include "linklist.h"
#include "workqueue.h"
#include "zlog.h"

#include "bgpd/bgpd.h"

#include "release.h"

#define LOOK_SECONDS 1
#define WAIT_OVER_WORK 10
#define QUIET_MS 100

static char description[300] = "bgpd's process queue waits less: not yet ready";
static unsigned int least = 1, most = 50; /* milliseconds */
static unsigned int longest;		  /* that a queue was made to wait until now */
static unsigned int instances;
static struct event_loop *loop;
static struct event *t_look, *t_quiet;

/* The work that is being done: of which queue, and what this pthread had taken of a processor when it began. */
static wq_item_status (*work_of_bgpd)(struct work_queue *, void *);
static struct work_queue *working;
static struct timespec began;

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

static void describe(void)
{
	if (least == most)
		snprintf(description, sizeof(description), "the process queue waits %u ms in each of %u instances", least, instances);
	else
		snprintf(description, sizeof(description),
			 "the process queue waits %u to %u ms in each of %u instances, until now at most %u", least, most, instances,
			 longest);
}

static void on_quiet(struct event *t)
{
	struct listnode *node;
	struct bgp *bgp;

	for (ALL_LIST_ELEMENTS_RO(bm->bgp, node, bgp))
		if (bgp->process_queue)
			bgp->process_queue->spec.hold = least;
}

static wq_item_status work(struct work_queue *queue, void *data)
{
	if (working != queue) {
		working = queue;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
	}
	return work_of_bgpd(queue, data);
}

/* The queue is empty. */
static void on_done(struct work_queue *queue)
{
	struct timespec now;
	uint64_t wait;

	if (working != queue) /* another instance's queue came between */
		return;
	working = NULL;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	wait = WAIT_OVER_WORK * ((now.tv_sec - began.tv_sec) * 1000000000LL + now.tv_nsec - began.tv_nsec) / 1000000;
	queue->spec.hold = wait < least ? least : wait > most ? most : wait;
	if (queue->spec.hold == least)
		return;
	if (queue->spec.hold > longest) {
		longest = queue->spec.hold;
		describe();
	}
	event_cancel(&t_quiet);
	event_add_timer_msec(loop, on_quiet, NULL, QUIET_MS, &t_quiet);
}

/* Of an instance that is new here. */
static void take(struct bgp *bgp)
{
	struct work_queue *queue = bgp->process_queue;

	if (least == most)
		zlog_info("berth: the process queue of %s waits %u ms, and not %u", bgp->name_pretty, least, queue->spec.hold);
	else
		zlog_info("berth: the process queue of %s waits %u to %u ms, and not %u", bgp->name_pretty, least, most,
			  queue->spec.hold);
	queue->spec.hold = least;
	if (least == most)
		return;
	work_of_bgpd = queue->spec.workfunc;
	queue->spec.workfunc = work;
	queue->spec.completion_func = on_done;
}

static bool is_ours(const struct work_queue *queue)
{
	return least == most ? queue->spec.hold == least : queue->spec.workfunc == work;
}

static void on_look(struct event *t)
{
	struct listnode *node;
	struct bgp *bgp;

	instances = 0;
	for (ALL_LIST_ELEMENTS_RO(bm->bgp, node, bgp)) {
		struct work_queue *queue = bgp->process_queue;

		if (!queue) /* it is being deleted */
			continue;
		if (!is_process_queue(queue)) {
			tell_inert("struct bgp of this bgpd is not what the module was built for; nothing is done");
			return;
		}
		instances++;
		if (!is_ours(queue))
			take(bgp);
	}
	describe();
	event_add_timer(loop, on_look, NULL, LOOK_SECONDS, &t_look);
}

static int on_early_fini(void)
{
	event_cancel(&t_look);
	event_cancel(&t_quiet);
	return 0;
}

/* N or N-N of hold=…, whose text is left where the number ends. */
static bool number(const char **text, unsigned int *value)
{
	char *end;
	unsigned long parsed;

	if (**text < '0' || **text > '9')
		return false;
	parsed = strtoul(*text, &end, 10);
	if (parsed > 1000)
		return false;
	*value = parsed;
	*text = end;
	return true;
}

static const char *parse(const char *args)
{
	bool good;

	if (!args)
		return NULL;
	good = !strncmp(args, "hold=", 5);
	args += good ? 5 : 0;
	good = good && number(&args, &least);
	most = least;
	if (good && *args == '-') {
		args++;
		good = number(&args, &most) && most > least;
	}
	return good && !*args ? NULL : "its argument is hold=N or hold=N-N, milliseconds, 0 to 1000; nothing is done";
}

static int on_late_init(struct event_loop *the_loop)
{
	const char *why = berth_foreign_release();

	if (!why)
		why = parse(THIS_MODULE->load_args);
	longest = least;
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
