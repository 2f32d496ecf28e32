// SPDX-License-Identifier: GPL-2.0-or-later
/* What each code means, and what helps. */
#include "compat.h"

#include "ferr.h"

#include "errors.h"

static struct log_ref refs[] = {
	{
		.code = EC_BERTH_INERT,
		.title = "berth: the module does nothing",
		.description = "zebra_fpm_bridge was loaded, but it was built for another release of FRR, or it does "
			       "not understand one of its arguments. zebra works as if it was not there.",
		.suggestion = "Build the module for the FRR that runs here (scripts/install on a host, scripts/images "
			      "for containers), or mend the argument behind -M in zebra's options. Then restart FRR.",
	},
	{
		.code = EC_BERTH_TRANSITION,
		.title = "berth: an event that can't be",
		.description = "An object of berth's got an event that its state has no transition for. This is a bug "
			       "in the module. The object was left as it is; zebra and all other routes are not "
			       "affected.",
		.suggestion = "Report the whole line. Until then, 'docker restart' of the container or a restart of "
			      "berthd puts the object in again.",
	},
	{
		.code = EC_BERTH_SOCKET,
		.title = "berth: berthd can't connect",
		.description = "The module could not listen on its socket. Routes of containers do not get into "
			       "zebra.",
		.suggestion = "Make sure that the folder of the socket is there and that zebra's user may write to "
			      "it, that no other zebra uses the same path, and that no file stands in its place. Then "
			      "restart FRR.",
	},
	{
		.code = EC_BERTH_SOCKET_REPLACED,
		.title = "berth: somebody has replaced the socket",
		.description = "Between making the socket and giving it to its group, something else has taken its "
			       "name. It was not touched.",
		.suggestion = "Look who may write to the socket's folder. Only root and zebra's user should.",
	},
	{
		.code = EC_BERTH_SOCKET_GROUP,
		.title = "berth: the socket has no group",
		.description = "The group of the socket (module argument group=) does not exist or could not be set. "
			       "Only root and zebra's own user may connect.",
		.suggestion = "Create the group or name another one behind -M, if berthd does not run as root.",
	},
	{
		.code = EC_BERTH_ACCEPT,
		.title = "berth: a connection can't be accepted",
		.description = "The kernel gave no descriptor for a new connection. It is tried again each second.",
		.suggestion = "Raise zebra's limit of open files (MAX_FDS in /etc/frr/daemons).",
	},
	{
		.code = EC_BERTH_PEER_REFUSED,
		.title = "berth: a peer was refused",
		.description = "A process connected that may not, or while another one is the owner.",
		.suggestion = "Run one berthd only, as root or in the socket's group. The line names the process.",
	},
	{
		.code = EC_BERTH_CONNECTION,
		.title = "berth: a connection was closed before its Hello",
		.description = "A process connected and said nothing that the module takes. No route was changed.",
		.suggestion = "Nothing needs to be done, unless it was berthd: then install berthd and the module of "
			      "one release.",
	},
	{
		.code = EC_BERTH_OWNER_LOST,
		.title = "berth: berthd is gone",
		.description = "The connection of berthd has ended. Its routes stay for the grace time.",
		.suggestion = "Start berthd again within the grace time; look into its log for why it has ended.",
	},
	{
		.code = EC_BERTH_GRACE_OVER,
		.title = "berth: the grace time is over",
		.description = "berthd has not come back in time. Its routes were taken out, and the containers are "
			       "no longer advertised.",
		.suggestion = "Start berthd: it puts them in again. 'zebra grace-time' in berthd.conf sets the time.",
	},
	{
		.code = EC_BERTH_LINK,
		.title = "berth: an interface has no use for its routes",
		.description = "The interface is gone, down, without carrier or without its last address. Its routes "
			       "were taken out of the RIB, so that nobody advertises them.",
		.suggestion = "Mend the interface: the routes are put in again by themselves.",
	},
	{
		.code = EC_BERTH_KERNEL,
		.title = "berth: the kernel can't be asked for its routes",
		.description = "A netlink socket could not be opened. What the kernel drops without a word is noticed "
			       "only where the link tells.",
		.suggestion = "Allow zebra the netlink families ROUTE and FIB_LOOKUP (container runtime, seccomp, "
			      "limit of open files).",
	},
	{
		.code = END_FERR,
	},
};

void berth_errors_init(void)
{
	log_ref_add(refs);
}
