// SPDX-License-Identifier: GPL-2.0-or-later
/* The only file that touches zebra's RIB. */
#include "bridge.h"

#include "srcdest_table.h"

#include "zebra/interface.h"
#include "zebra/redistribute.h"
#include "zebra/rib.h"
#include "zebra/zebra_nhg.h"
#include "zebra/zebra_router.h"
#include "zebra/zebra_vrf.h"

static afi_t afi_of(const struct prefix *p)
{
	return p->family == AF_INET ? AFI_IP : AFI_IP6;
}

static struct route_node *node_of(const struct prefix *p)
{
	struct route_table *table = zebra_vrf_table(afi_of(p), SAFI_UNICAST, VRF_DEFAULT);

	return table ? route_node_lookup(table, p) : NULL;
}

static uint32_t main_table(void)
{
	struct zebra_vrf *zvrf = zebra_vrf_lookup_by_id(VRF_DEFAULT);

	return zvrf ? zvrf->table_id : RT_TABLE_MAIN;
}

static struct route_entry *entry_of(struct route_node *rn, const struct berth_object *object)
{
	struct route_entry *re;

	/* what we took out counts as there until zebra has unlinked it: then the kernel has answered too */
	RNODE_FOREACH_RE (rn, re) {
		if (CHECK_FLAG(re->status, ROUTE_ENTRY_REMOVED) && !object->removed)
			continue;
		if (object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_ROUTE) {
			if (re->type == berth_settings.type && re->instance == 0)
				return re;
		} else if (re->type == ZEBRA_ROUTE_CONNECT) {
			struct interface *ifp = if_lookup_by_name(object->ifname, VRF_DEFAULT);
			struct nexthop *nh = re->nhe ? re->nhe->nhg.nexthop : NULL;

			if (ifp && nh && nh->ifindex == ifp->ifindex)
				return re;
		}
	}
	return NULL;
}

/* zebra queues a put: until it has worked on that, the entry is the one before. */
static bool as_wanted(const struct route_entry *re, const struct berth_object *object)
{
	const struct nexthop *nh = re->nhe ? re->nhe->nhg.nexthop : NULL;

	return re->tag == object->tag && re->metric == object->metric &&
	       re->distance == (object->distance ? object->distance : berth_settings.distance) && nh &&
	       (!object->ifindex || nh->ifindex == object->ifindex);
}

static bool tag_entry(struct route_table *table, const struct berth_object *object, uint32_t tag, bool *changed)
{
	struct route_node *rn = table ? route_node_lookup(table, &object->prefix) : NULL;
	struct route_entry *re = rn ? entry_of(rn, object) : NULL;

	if (re && re->tag != tag) {
		re->tag = tag;
		*changed = true;
	}
	if (rn)
		route_unlock_node(rn);
	return re != NULL;
}

/*
 * Our tag on a connected route. Redistribution is told only when the tag changes. zebra holds a connected route twice, for
 * unicast and for multicast, and redistributes both as if they were one: the last one told wins. So both bear the tag.
 */
static bool set_tag(struct berth_object *object, uint32_t tag)
{
	afi_t afi = afi_of(&object->prefix);
	bool changed = false, found;
	struct route_node *rn;
	struct route_entry *re;

	tag_entry(zebra_vrf_table(afi, SAFI_MULTICAST, VRF_DEFAULT), object, tag, &changed);
	found = tag_entry(zebra_vrf_table(afi, SAFI_UNICAST, VRF_DEFAULT), object, tag, &changed);
	rn = changed ? node_of(&object->prefix) : NULL;
	re = rn ? entry_of(rn, object) : NULL;
	if (re && CHECK_FLAG(re->flags, ZEBRA_FLAG_SELECTED))
		redistribute_update(rn, re, NULL);
	if (rn)
		route_unlock_node(rn);
	return found;
}

static uint32_t down_count(const struct interface *ifp)
{
	return ifp && ifp->info ? ((struct zebra_if *)ifp->info)->down_count : 0;
}

void berth_rib_mark(struct berth_object *object)
{
	set_tag(object, object->tag);
}

static struct nexthop next_hop_of(const struct berth_object *object)
{
	/*
	 * 10.7 with nexthop groups in the kernel says nothing to it of a route whose group is that of the route before, and takes
	 * it for installed. So what is put in again, because the kernel has lost or refused it, bears another weight, which means
	 * nothing for a single next hop.
	 */
	struct nexthop nexthop = {
		.vrf_id = VRF_DEFAULT, .ifindex = object->ifindex, .gate = object->gateway, .weight = object->tries};

	nexthop.type = object->gateway_len == 4    ? (object->ifname[0] ? NEXTHOP_TYPE_IPV4_IFINDEX : NEXTHOP_TYPE_IPV4)
		       : object->gateway_len == 16 ? (object->ifname[0] ? NEXTHOP_TYPE_IPV6_IFINDEX : NEXTHOP_TYPE_IPV6)
						   : NEXTHOP_TYPE_IFINDEX;
	if (object->onlink)
		SET_FLAG(nexthop.flags, NEXTHOP_FLAG_ONLINK);
	return nexthop;
}

void berth_rib_put(struct berth_object *object)
{
	struct interface *ifp = if_lookup_by_name(object->ifname, VRF_DEFAULT);
	struct nexthop nexthop;

	object->ifindex = ifp ? ifp->ifindex : 0;
	object->down_count = down_count(ifp);
	if (ifp && !if_is_operative(ifp))
		object->down_count--;	/* it has still to come up */
	if (object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK) {
		berth_rib_mark(object);
		return;
	}
	if (object->ifname[0] && !ifp) {
		/* inactive until there is such an interface; one that was put in over another must not stay meanwhile */
		berth_rib_remove(object);
		return;
	}
	nexthop = next_hop_of(object);
	rib_add(afi_of(&object->prefix), SAFI_UNICAST, VRF_DEFAULT, berth_settings.type, 0, 0, &object->prefix, NULL,
		&nexthop, 0, main_table(), object->metric, 0,
		object->distance ? object->distance : berth_settings.distance, object->tag, false
#ifdef BERTH_RIB_ADD_REPLACE
		,
		false
#endif
	);
}

void berth_rib_remove(struct berth_object *object)
{
	if (object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK) {
		set_tag(object, 0);
		return;
	}
	rib_delete(afi_of(&object->prefix), SAFI_UNICAST, VRF_DEFAULT, berth_settings.type, 0, 0, &object->prefix, NULL,
		   NULL, 0, main_table(), 0, 0, false);
}

/*
 * The kernel drops routes when a link goes down, and zebra does not notice when it comes back quickly: its RIB goes on
 * saying "installed". Putting the route in again repairs that. zebra has no hook for down, but counts it. (It counts each
 * word of the kernel's about a link that is up as one more up.)
 */
bool berth_rib_flapped(const struct berth_object *object)
{
	struct interface *ifp = if_lookup_by_name(object->ifname, VRF_DEFAULT);

	if (!ifp || !ifp->info || !if_is_operative(ifp))
		return false;
	return ifp->ifindex != object->ifindex || down_count(ifp) != object->down_count;
}

static void fill(Berth__Fpm__RibEntry *out, const struct route_entry *re)
{
	berth__fpm__rib_entry__init(out);
	out->type = (char *)zebra_route_string(re->type);
	out->instance = re->instance;
	out->distance = re->distance;
	out->metric = re->metric;
	out->tag = re->tag;
	out->selected = !!CHECK_FLAG(re->flags, ZEBRA_FLAG_SELECTED);
	out->installed = !!CHECK_FLAG(re->status, ROUTE_ENTRY_INSTALLED);
}

int berth_rib_look(struct berth_object *object, bool settled, Berth__Fpm__RibEntry *winner, const char **reason)
{
	struct route_node *rn = node_of(&object->prefix);
	struct route_entry *re = rn ? entry_of(rn, object) : NULL;
	struct route_entry *other;
	int state = BERTH__FPM__STATE__STATE_ACCEPTED;

	*reason = NULL;
	object->refused = false;
	if (!object->removed && object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_ROUTE && object->ifname[0] &&
	    !object->ifindex) {
		state = BERTH__FPM__STATE__STATE_INACTIVE;
		*reason = "no such interface";
	} else if (!re) {
		state = BERTH__FPM__STATE__STATE_GONE;
		if (!object->removed && object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK) {
			state = BERTH__FPM__STATE__STATE_INACTIVE;
			*reason = "zebra has no connected route for this prefix on that interface";
		}
	} else if (object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK && object->removed) {
		state = BERTH__FPM__STATE__STATE_GONE;
	} else if (object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_ROUTE && !object->removed && !as_wanted(re, object)) {
		state = BERTH__FPM__STATE__STATE_ACCEPTED;
	} else if (CHECK_FLAG(re->flags, ZEBRA_FLAG_SELECTED)) {
		/* zebra does not install connected routes itself: the kernel has them by the address */
		if (object->kind == BERTH__FPM__OBJECT_KIND__OBJECT_MARK)
			state = re->tag == object->tag ? BERTH__FPM__STATE__STATE_INSTALLED
						       : BERTH__FPM__STATE__STATE_ACCEPTED;
		else if (CHECK_FLAG(re->status, ROUTE_ENTRY_INSTALLED) && !CHECK_FLAG(re->status, ROUTE_ENTRY_QUEUED))
			state = BERTH__FPM__STATE__STATE_INSTALLED;
		else if (CHECK_FLAG(re->status, ROUTE_ENTRY_FAILED)) {
			state = BERTH__FPM__STATE__STATE_INACTIVE;
			*reason = zebra_nhg_kernel_nexthops_enabled()
					  ? "the kernel refused the route; if it goes on, try: no zebra nexthop kernel enable"
					  : "the kernel refused the route";
			object->refused = true;
		}
	} else if (!CHECK_FLAG(re->status, ROUTE_ENTRY_QUEUED) &&
		   (settled || !CHECK_FLAG(re->status, ROUTE_ENTRY_CHANGED))) {
		/* an entry that is not selected may keep CHANGED for good: that is work only while the put is young */
		state = BERTH__FPM__STATE__STATE_INACTIVE;
		*reason = "the next hop does not resolve or its link is down";
		RNODE_FOREACH_RE (rn, other) {
			if (other == re || CHECK_FLAG(other->status, ROUTE_ENTRY_REMOVED) ||
			    !CHECK_FLAG(other->flags, ZEBRA_FLAG_SELECTED))
				continue;
			fill(winner, other);
			state = BERTH__FPM__STATE__STATE_NOT_BEST;
			*reason = "another route for this prefix is better";
		}
	}
	object->seen |= re != NULL;
	if (rn)
		route_unlock_node(rn);
	return state;
}

static void fill_next_hops(struct berth_entry *out, const struct route_entry *re)
{
	Berth__Fpm__RibEntry *entry = &out->entry;
	const struct nexthop *nh;
	struct interface *ifp;

	for (nh = re->nhe ? re->nhe->nhg.nexthop : NULL; nh && entry->n_next_hops < BERTH_NEXT_HOPS; nh = nh->next) {
		Berth__Fpm__NextHop *hop = out->list[entry->n_next_hops] = &out->hops[entry->n_next_hops];

		berth__fpm__next_hop__init(hop);
		hop->gateway.data = (uint8_t *)&nh->gate;
		if (nh->type == NEXTHOP_TYPE_IPV4 || nh->type == NEXTHOP_TYPE_IPV4_IFINDEX)
			hop->gateway.len = 4;
		else if (nh->type == NEXTHOP_TYPE_IPV6 || nh->type == NEXTHOP_TYPE_IPV6_IFINDEX)
			hop->gateway.len = 16;
		ifp = nh->ifindex ? if_lookup_by_index(nh->ifindex, nh->vrf_id) : NULL;
		if (ifp)
			hop->interface = ifp->name;
		hop->onlink = !!CHECK_FLAG(nh->flags, NEXTHOP_FLAG_ONLINK);
		entry->n_next_hops++;
	}
	entry->next_hops = out->list;
}

size_t berth_rib_query(const struct prefix *p, struct berth_entry *entries, size_t max)
{
	struct route_node *rn = node_of(p);
	struct route_entry *re;
	size_t n = 0;

	if (!rn)
		return 0;
	RNODE_FOREACH_RE (rn, re) {
		if (n == max || CHECK_FLAG(re->status, ROUTE_ENTRY_REMOVED))
			continue;
		fill(&entries[n].entry, re);
		fill_next_hops(&entries[n++], re);
	}
	route_unlock_node(rn);
	return n;
}

static int on_rib_update(struct route_node *rn, const char *reason)
{
	const struct prefix *p, *src_p;

	(void)reason;
	srcdest_rnode_prefixes(rn, &p, &src_p);
	if (src_p && src_p->prefixlen)
		return 0;
	berth_table_look_again(BERTH__FPM__OBJECT_KIND__OBJECT_ROUTE, p);
	berth_table_look_again(BERTH__FPM__OBJECT_KIND__OBJECT_MARK, p);
	return 0;
}

void berth_rib_init(void)
{
	hook_register(rib_update, on_rib_update);
}
