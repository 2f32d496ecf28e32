// SPDX-License-Identifier: GPL-2.0-or-later
/* The only file that touches zebra's RIB. */
#include "module.h"

#include "srcdest_table.h"

#include "zebra/interface.h"
#include "zebra/redistribute.h"
#include "zebra/rib.h"
#include "zebra/zebra_nhg.h"
#include "zebra/zebra_routemap.h"
#include "zebra/zebra_router.h"
#include "zebra/zebra_vrf.h"

#include "link.h"
#include "rib.h"
#include "table.h"

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

static const struct nexthop *next_hop_in(const struct route_entry *re)
{
	return re->nhe ? re->nhe->nhg.nexthop : NULL;
}

static uint8_t gateway_len(const struct nexthop *nh)
{
	if (nh->type == NEXTHOP_TYPE_IPV4 || nh->type == NEXTHOP_TYPE_IPV4_IFINDEX)
		return 4;
	return nh->type == NEXTHOP_TYPE_IPV6 || nh->type == NEXTHOP_TYPE_IPV6_IFINDEX ? 16 : 0;
}

static struct route_entry *entry_of(struct route_node *rn, const struct berth_object *object)
{
	struct route_entry *re;

	/* what we took out counts as there until zebra has unlinked it: until then it is advertised */
	RNODE_FOREACH_RE (rn, re) {
		if (CHECK_FLAG(re->status, ROUTE_ENTRY_REMOVED) && berth_state_in_rib(object->state))
			continue;
		if (!berth_is_mark(object)) {
			if (re->type == berth_settings.type && re->instance == 0)
				return re;
		} else if (re->type == ZEBRA_ROUTE_CONNECT) {
			struct interface *ifp = berth_interface(object->ifname);
			const struct nexthop *nh = next_hop_in(re);

			if (ifp && nh && nh->ifindex == ifp->ifindex)
				return re;
		}
	}
	return NULL;
}

/* True when the entry has changed; false also where there is none. */
static bool tag_entry(struct route_table *table, const struct berth_object *object, uint32_t tag)
{
	struct route_node *rn = table ? route_node_lookup(table, &object->prefix) : NULL;
	struct route_entry *re = rn ? entry_of(rn, object) : NULL;

	bool changed = re && re->tag != tag;

	if (changed)
		re->tag = tag;
	if (rn)
		route_unlock_node(rn);
	return changed;
}

/*
 * Our tag on a connected route. Redistribution is told only when the tag changes. zebra holds a connected route twice, for
 * unicast and for multicast, and redistributes both as if they were one: the last one told wins. So both bear the tag.
 */
static void set_tag(const struct berth_object *object, uint32_t tag)
{
	afi_t afi = afi_of(&object->prefix);
	bool changed;
	struct route_node *rn;
	struct route_entry *re;

	changed = tag_entry(zebra_vrf_table(afi, SAFI_MULTICAST, VRF_DEFAULT), object, tag);
	changed |= tag_entry(zebra_vrf_table(afi, SAFI_UNICAST, VRF_DEFAULT), object, tag);
	rn = changed ? node_of(&object->prefix) : NULL;
	re = rn ? entry_of(rn, object) : NULL;
	if (re && CHECK_FLAG(re->flags, ZEBRA_FLAG_SELECTED))
		redistribute_update(rn, re, NULL);
	if (rn)
		route_unlock_node(rn);
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

/* zebra queues a put: until it has worked on that, the entry is the one before. */
static bool as_wanted(const struct route_entry *re, const struct berth_object *object)
{
	const struct nexthop *nh = next_hop_in(re);

	return re->tag == object->tag && re->metric == object->metric &&
	       re->distance == (object->distance ? object->distance : berth_settings.distance) && nh && !nh->next &&
	       gateway_len(nh) == object->gateway_len && !memcmp(&nh->gate, &object->gateway, object->gateway_len) &&
	       (!object->ifindex || nh->ifindex == object->ifindex) &&
	       (!object->onlink || CHECK_FLAG(nh->flags, NEXTHOP_FLAG_ONLINK));
}

void berth_rib_put(const struct berth_object *object)
{
	struct prefix p = object->prefix;	/* some releases' functions want one that they may write to */
	struct nexthop nexthop;

	if (berth_is_mark(object)) {
		set_tag(object, object->tag);
		return;
	}
	nexthop = next_hop_of(object);
	rib_add(afi_of(&p), SAFI_UNICAST, VRF_DEFAULT, berth_settings.type, 0, 0, &p, NULL, &nexthop, 0, main_table(),
		object->metric, 0, object->distance ? object->distance : berth_settings.distance, object->tag, false
#ifdef BERTH_RIB_ADD_REPLACE
		,
		false
#endif
	);
}

void berth_rib_remove(const struct berth_object *object)
{
	struct prefix p = object->prefix;

	if (berth_is_mark(object)) {
		set_tag(object, 0);
		return;
	}
	rib_delete(afi_of(&p), SAFI_UNICAST, VRF_DEFAULT, berth_settings.type, 0, 0, &p, NULL, NULL, 0, main_table(), 0, 0,
		   false);
}

bool berth_rib_has(const struct berth_object *object)
{
	struct route_node *rn = node_of(&object->prefix);
	struct route_entry *re = rn ? entry_of(rn, object) : NULL;

	if (rn)
		route_unlock_node(rn);
	/* a mark that was taken off leaves the connected route */
	return re && !berth_is_mark(object);
}

static bool is_selected(const struct route_entry *re)
{
	return CHECK_FLAG(re->flags, ZEBRA_FLAG_SELECTED) && !CHECK_FLAG(re->status, ROUTE_ENTRY_REMOVED);
}

/* The interface that a gateway is on, as zebra resolves those of ours: by a connected route that is the longest match. */
static ifindex_t gateway_on(const struct berth_object *object)
{
	struct route_table *table = zebra_vrf_table(afi_of(&object->prefix), SAFI_UNICAST, VRF_DEFAULT);
	struct prefix p = {.family = object->prefix.family, .prefixlen = object->gateway_len * 8};
	struct route_node *rn, *at;
	struct route_entry *re;
	ifindex_t found = 0;
	bool connected, done = false;

	memcpy(&p.u, &object->gateway, object->gateway_len);
	if (p.family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&p.u.prefix6))
		return object->link && object->link->operative ? object->ifindex : 0;
	rn = table ? route_node_match(table, &p) : NULL;
	for (at = rn; at && !done && !prefix_same(&at->p, &object->prefix); at = at->parent) {
		connected = false;
		RNODE_FOREACH_RE (at, re) {
			if (!is_selected(re))
				continue;
			done = true;
			connected = re->type == ZEBRA_ROUTE_CONNECT && next_hop_in(re);
			found = connected ? next_hop_in(re)->ifindex : 0;
		}
		RNODE_FOREACH_RE (at, re)
			if (connected && re->type == ZEBRA_ROUTE_CONNECT && next_hop_in(re) &&
			    next_hop_in(re)->ifindex == object->ifindex)
				found = object->ifindex;
	}
	if (rn)
		route_unlock_node(rn);
	return found;
}

bool berth_rib_next_hop_moved(const struct berth_object *object)
{
	struct route_node *rn = node_of(&object->prefix);
	struct route_entry *re = rn ? entry_of(rn, object) : NULL;
	const struct nexthop *nh = re ? next_hop_in(re) : NULL;
	bool moved = false;

	if (nh && as_wanted(re, object) && !CHECK_FLAG(re->status, ROUTE_ENTRY_QUEUED)) {
		bool active = CHECK_FLAG(nh->flags, NEXTHOP_FLAG_ACTIVE), selected = CHECK_FLAG(re->flags, ZEBRA_FLAG_SELECTED);
		ifindex_t now = gateway_on(object);

		if (object->ifindex && now != object->ifindex)
			now = 0;
		moved = (active || selected ? nh->ifindex : 0) != now || (selected && !active);
	}
	if (rn)
		route_unlock_node(rn);
	return moved;
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

/* The route-map of `ip protocol`, when it denies the route: zebra takes its next hop for inactive then. */
static bool is_denied(const struct berth_object *object, struct route_entry *re, char *text, size_t size)
{
	struct zebra_vrf *zvrf = zebra_vrf_lookup_by_id(VRF_DEFAULT);
	afi_t afi = afi_of(&object->prefix);
	/* of this protocol; of any, which is one or the other by FRR's release */
	const int types[] = {re->type, ZEBRA_ROUTE_ALL, ZEBRA_ROUTE_MAX};
	struct nexthop nexthop = *next_hop_in(re);
	size_t i = 0;

	while (zvrf && i < array_size(types) && !PROTO_RM_NAME(zvrf, afi, types[i]))
		i++;
	if (!zvrf || i == array_size(types) ||
#ifdef BERTH_ROUTE_MAP_ENTRY
	    zebra_route_map_check(afi, re, &object->prefix, &nexthop, zvrf) != RMAP_DENYMATCH)
#else
	    zebra_route_map_check(afi, re->type, re->instance, &object->prefix, &nexthop, zvrf, re->tag) != RMAP_DENYMATCH)
#endif
		return false;
	snprintf(text, size, "the route-map %s of '%s protocol %s' %s", PROTO_RM_NAME(zvrf, afi, types[i]),
		 afi == AFI_IP ? "ip" : "ipv6", i ? "any" : zebra_route_string(re->type),
		 PROTO_RM_MAP(zvrf, afi, types[i]) ? "denies it" : "does not exist: zebra denies everything then");
	return true;
}

/* Of an entry that zebra does not take, though there is no better one. */
static const char *why_inactive(const struct berth_object *object, struct route_entry *re)
{
	static char text[200];
	char gateway[INET6_ADDRSTRLEN];

	if (!berth_is_mark(object) && next_hop_in(re) && is_denied(object, re, text, sizeof(text)))
		return text;
	if (object->link && !object->link->running) {
		snprintf(text, sizeof(text), "the interface %s has no carrier", object->ifname);
		return text;
	}
	if (!object->gateway_len || object->onlink)
		return "the next hop does not resolve or its link is down";
	inet_ntop(object->prefix.family, &object->gateway, gateway, sizeof(gateway));
	snprintf(text, sizeof(text), "the gateway %s is in no connected network%s%s", gateway,
		 object->ifname[0] ? " of the interface " : "", object->ifname);
	return text;
}

const char *berth_rib_refusal(void)
{
	return zebra_nhg_kernel_nexthops_enabled()
		       ? "the kernel refused the route; if it goes on, try: no zebra nexthop kernel enable"
		       : "the kernel refused the route";
}

/* Of a route's entry that is the selected one. */
static void judge_selected(const struct route_entry *re, struct berth_verdict *verdict)
{
	if (CHECK_FLAG(re->status, ROUTE_ENTRY_INSTALLED) && !CHECK_FLAG(re->status, ROUTE_ENTRY_QUEUED)) {
		verdict->state = BERTH__FPM__STATE__STATE_INSTALLED;
	} else if (CHECK_FLAG(re->status, ROUTE_ENTRY_FAILED)) {
		verdict->state = BERTH__FPM__STATE__STATE_INACTIVE;
		verdict->reason = berth_rib_refusal();
		verdict->is_refused = true;
	}
}

/* Of an entry that zebra has decided on and not taken. */
static void judge_unselected(const struct berth_object *object, struct route_node *rn, struct route_entry *re,
			     struct berth_verdict *verdict)
{
	struct route_entry *other;

	RNODE_FOREACH_RE (rn, other) {
		if (other == re || !is_selected(other))
			continue;
		fill(&verdict->winner, other);
		verdict->state = BERTH__FPM__STATE__STATE_NOT_BEST;
		verdict->reason = "another route for this prefix is better";
		return;
	}
	verdict->state = BERTH__FPM__STATE__STATE_INACTIVE;
	verdict->reason = why_inactive(object, re);
}

/* zebra has decided on an entry that is not selected, and not in the middle of its work on the prefix. */
static bool is_decided(const struct route_node *rn, const struct route_entry *re, bool is_settled)
{
	if (CHECK_FLAG(re->status, ROUTE_ENTRY_QUEUED))
		return false;
	/* it may keep CHANGED for good: that means work only while its prefix is queued */
	return is_settled || !CHECK_FLAG(re->status, ROUTE_ENTRY_CHANGED) ||
	       !CHECK_FLAG(rib_dest_from_rnode((struct route_node *)rn)->flags, RIB_ROUTE_ANY_QUEUED);
}

void berth_rib_look(const struct berth_object *object, bool is_settled, struct berth_verdict *verdict)
{
	struct route_node *rn = node_of(&object->prefix);
	struct route_entry *re = rn ? entry_of(rn, object) : NULL;
	bool is_mark = berth_is_mark(object);

	*verdict = (struct berth_verdict){.state = BERTH__FPM__STATE__STATE_ACCEPTED, .is_present = re != NULL};
	if (!re && is_mark) {
		verdict->state = BERTH__FPM__STATE__STATE_INACTIVE;
		verdict->reason = "zebra has no connected route for this prefix on that interface";
	} else if (!re) {
		verdict->state = BERTH__FPM__STATE__STATE_GONE;
	} else if (is_mark ? re->tag != object->tag : !as_wanted(re, object)) {
		verdict->state = BERTH__FPM__STATE__STATE_ACCEPTED;
	} else if (is_selected(re) && is_mark) {
		/* zebra does not install connected routes itself: the kernel has them by the address */
		verdict->state = BERTH__FPM__STATE__STATE_INSTALLED;
	} else if (is_selected(re)) {
		judge_selected(re, verdict);
	} else if (is_decided(rn, re, is_settled)) {
		judge_unselected(object, rn, re, verdict);
	}
	if (rn)
		route_unlock_node(rn);
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
		hop->gateway.len = gateway_len(nh);
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
