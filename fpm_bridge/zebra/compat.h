/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between the FRR releases that the module is built for. The Makefile probes for the signatures
 * (BERTH_RIB_ADD_REPLACE, …); nothing here compares versions.
 */
#ifndef BERTH_COMPAT_H
#define BERTH_COMPAT_H

#include <linux/rtnetlink.h>
#include <string.h>
#include <zebra.h>

#include "event.h"

/* c: each connected address of an interface */
#ifdef BERTH_CONNECTED_DLIST
#define BERTH_EACH_CONNECTED(ifp, c) frr_each (if_connected_const, (ifp)->connected, c)
#else
#define BERTH_EACH_CONNECTED(ifp, c)                                                                                   \
	for (struct listnode *berth_node = listhead((ifp)->connected);                                                 \
	     berth_node && ((c) = listgetdata(berth_node), true); berth_node = listnextnode(berth_node))
#endif

#endif
