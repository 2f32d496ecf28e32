// SPDX-License-Identifier: GPL-2.0-or-later
/* What zebra knows of an interface, read anew at each look: zebra has no hook for any of it. */
#include "module.h"

#include "jhash.h"
#include "zlog.h"

#include "debug.h"
#include "errors.h"
#include "link.h"

#include "zebra/interface.h"
#include "zebra/zebra_nhg.h"

DEFINE_MTYPE_STATIC(BERTH, BERTH_LINK, "berth interface");

static int link_cmp(const struct berth_link *a, const struct berth_link *b)
{
	return strcmp(a->ifname, b->ifname);
}

static uint32_t link_hash(const struct berth_link *a)
{
	return jhash(a->ifname, strlen(a->ifname), 0);
}

DECLARE_HASH(berth_links, struct berth_link, by_name, link_cmp, link_hash);

static struct berth_links_head links;
static struct berth_link *next_link;	/* to watch */

struct berth_link *berth_link_find(const char *ifname)
{
	struct berth_link key;

	strlcpy(key.ifname, ifname, sizeof(key.ifname));
	return berth_links_find(&links, &key);
}

struct berth_link *berth_link_next(void)
{
	struct berth_link *link = next_link ? next_link : berth_links_first(&links);

	next_link = link ? berth_links_next(&links, link) : NULL;
	return link;
}

size_t berth_link_count(void)
{
	return berth_links_count(&links);
}

struct berth_side *berth_side_of(const struct berth_object *object)
{
	return object->link ? &object->link->sides[object->prefix.family != AF_INET] : NULL;
}

struct interface *berth_interface(const char *ifname)
{
	struct interface *ifp = ifname[0] ? if_lookup_by_name(ifname, VRF_DEFAULT) : NULL;

	/* zebra may keep one that is gone, for its configuration */
	return ifp && ifp->info && ifp->ifindex != IFINDEX_INTERNAL ? ifp : NULL;
}

/*
 * The addresses without which a family does not work on an interface. With the last IPv4 address the kernel drops the IPv4
 * routes, where they are not in nexthop groups. It keeps the IPv6 ones, but without a link-local address it asks for no
 * neighbour (ndisc_send_ns()). A family that never had one is left alone: routes on such an interface are fine.
 */
static size_t addresses(const struct interface *ifp, int family)
{
	const struct connected *c;
	size_t n = 0;

	BERTH_EACH_CONNECTED (ifp, c)
		if (CHECK_FLAG(c->conf, ZEBRA_IFC_REAL) && c->address->family == family &&
		    (family == AF_INET || IN6_IS_ADDR_LINKLOCAL(&c->address->u.prefix6)))
			n++;
	return n;
}

static enum berth_trouble trouble_of(struct berth_side *side, const struct interface *ifp, int family)
{
	if (!ifp)
		return BERTH_LINK_ABSENT;
	if (!if_is_up(ifp)) {
		/* IPv6 addresses go with it, and come back when it is up, the last after some seconds */
		side->had_address &= family == AF_INET;
		return BERTH_LINK_DOWN;
	}
	if (addresses(ifp, family))
		side->had_address = true;
	else if (side->had_address)
		return BERTH_LINK_NO_ADDRESS;
	if (if_is_running(ifp)) {
		side->dropped = false;
		return BERTH_LINK_USABLE;
	}
	/* the kernel keeps the routes, unless they are in nexthop groups (nh_netdev_event()) or of no use to it */
	return side->dropped || zebra_nhg_kernel_nexthops_enabled() ? BERTH_LINK_NO_CARRIER : BERTH_LINK_USABLE;
}

static const char *text_of(const struct berth_link *link, const struct berth_side *side)
{
	static char text[IFNAMSIZ + 96];
	const char *format = NULL;

	switch (side->trouble) {
	case BERTH_LINK_ABSENT:
		format = "there is no interface %s (in the default VRF)";
		break;
	case BERTH_LINK_DOWN:
		format = "the interface %s is down";
		break;
	case BERTH_LINK_NO_CARRIER:
		format = "the interface %s has no carrier, and the kernel keeps no routes there";
		break;
	case BERTH_LINK_NO_ADDRESS:
		format = side == &link->sides[0] ? "the interface %s has lost its last IPv4 address"
						 : "the interface %s has lost its IPv6 link-local address";
		break;
	case BERTH_LINK_USABLE:
		return NULL;
	}
	snprintf(text, sizeof(text), format, link->ifname);
	return text;
}

const char *berth_link_reason(const struct berth_object *object)
{
	return object->link ? text_of(object->link, berth_side_of(object)) : NULL;
}

static void set_trouble(struct berth_link *link, struct berth_side *side, enum berth_trouble trouble)
{
	const char *family = side == &link->sides[0] ? "IPv4" : "IPv6", *text;
	size_t count = berth_on_link_count(&side->objects);

	if (trouble == side->trouble)
		return;
	side->trouble = trouble;
	side->generation++;
	text = text_of(link, side);
	BERTH_DEBUG("interface %s, %s: generation %u, %s", link->ifname, family, side->generation, text ? text : "usable");
	if (count && text)
		flog_warn(EC_BERTH_LINK, "berth: %s: its %zu %s routes are taken out", text, count, family);
	else if (count)
		zlog_info("berth: the interface %s is usable again: its %zu %s routes are put in", link->ifname, count, family);
}

/*
 * A new generation of a side begins with each change that its objects have to be looked at for. zebra counts how often a
 * link went down: also what is up again by now has lost its routes. (It counts each word of the kernel's about a link that
 * is up as one more up.)
 */
void berth_link_look(struct berth_link *link)
{
	struct interface *ifp = berth_interface(link->ifname);
	bool operative = ifp && if_is_operative(ifp), changed = (ifp ? ifp->ifindex : 0) != link->ifindex;

	if (changed)
		link->sides[0].had_address = link->sides[1].had_address = false;
	link->ifindex = ifp ? ifp->ifindex : 0;
	if (operative) {
		uint32_t down_count = ((struct zebra_if *)ifp->info)->down_count;

		changed |= !link->operative || down_count != link->down_count;
		link->down_count = down_count;
	}
	link->operative = operative;
	link->running = ifp && if_is_running(ifp);
	for (int i = 0; i < 2; i++) {
		struct berth_side *side = &link->sides[i];

		side->generation += changed;
		set_trouble(link, side, trouble_of(side, ifp, i ? AF_INET6 : AF_INET));
	}
}

/* The list is in the order in which its objects were last put or taken out: what an older generation saw is in front. */
void berth_link_join(struct berth_object *object)
{
	struct berth_link *link = object->link;

	if (link && strcmp(link->ifname, object->ifname)) {
		berth_link_leave(object);
		link = NULL;
	}
	if (!object->ifname[0])
		return;
	if (link)
		berth_on_link_del(&berth_side_of(object)->objects, object);
	else
		link = berth_link_find(object->ifname);
	if (!link) {
		link = XCALLOC(MTYPE_BERTH_LINK, sizeof(*link));
		strlcpy(link->ifname, object->ifname, sizeof(link->ifname));
		for (int i = 0; i < 2; i++)
			berth_on_link_init(&link->sides[i].objects);
		berth_links_add(&links, link);
	}
	berth_link_look(link);
	object->link = link;
	object->generation = berth_side_of(object)->generation;
	berth_on_link_add_tail(&berth_side_of(object)->objects, object);
}

void berth_link_leave(struct berth_object *object)
{
	struct berth_link *link = object->link;

	if (!link)
		return;
	berth_on_link_del(&berth_side_of(object)->objects, object);
	object->link = NULL;
	if (berth_on_link_count(&link->sides[0].objects) || berth_on_link_count(&link->sides[1].objects))
		return;
	if (link == next_link)
		next_link = berth_links_next(&links, link);
	berth_links_del(&links, link);
	XFREE(MTYPE_BERTH_LINK, link);
}

void berth_link_init(void)
{
	berth_links_init(&links);
}
