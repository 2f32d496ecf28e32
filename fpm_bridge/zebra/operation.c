// SPDX-License-Identifier: GPL-2.0-or-later
/* One operation of a batch: from bytes that nobody has checked to what the table may keep, or the reason why not. */
#include "module.h"

#include "operation.h"
#include "reserved.h"
#include "results.h"
#include "table.h"

bool berth_prefix_from(const Berth__Fpm__Prefix *in, struct prefix *out)
{
	struct prefix masked;

	memset(out, 0, sizeof(*out));
	if (!in || (in->address.len != 4 && in->address.len != 16) || in->length > in->address.len * 8)
		return false;
	out->family = in->address.len == 4 ? AF_INET : AF_INET6;
	out->prefixlen = in->length;
	memcpy(&out->u, in->address.data, in->address.len);
	prefix_copy(&masked, out);
	apply_mask(&masked);
	return prefix_same(&masked, out);
}

void berth_prefix_to(const struct prefix *in, Berth__Fpm__Prefix *out)
{
	berth__fpm__prefix__init(out);
	out->address.data = (uint8_t *)&in->u;
	out->address.len = in->family == AF_INET ? 4 : 16;
	out->length = in->prefixlen;
}

/* NULL when a route for this prefix is nothing that a container can have. */
static const char *unfit(const struct prefix *p)
{
	if (p->prefixlen == 0)
		return "the default route is never taken";
	if (berth_is_reserved((const uint8_t *)&p->u, p->family == AF_INET ? 4 : 16, p->prefixlen))
		return "loopback, link-local, multicast and reserved prefixes are never taken";
	return NULL;
}

static const char *next_hop_from(const Berth__Fpm__Route *route, struct berth_object *object)
{
	const Berth__Fpm__NextHop *nh = route->n_next_hops == 1 ? route->next_hops[0] : NULL;
	size_t len;

	if (!nh)
		return "exactly one next hop is needed";
	len = nh->gateway.len;
	if (strlen(nh->interface) >= IFNAMSIZ)
		return "the interface name is too long";
	if (len && len != (object->prefix.family == AF_INET ? 4 : 16))
		return "the gateway is of another address family";
	if (!len && !nh->interface[0])
		return "a next hop needs a gateway or an interface";
	strlcpy(object->ifname, nh->interface, sizeof(object->ifname));
	memcpy(&object->gateway, nh->gateway.data, len);
	object->gateway_len = len;
	object->onlink = nh->onlink;
	return NULL;
}

void berth_operation_apply(const Berth__Fpm__Operation *operation, uint64_t sequence)
{
	struct berth_object wanted = {.sequence = sequence, .kind = BERTH__FPM__OBJECT_KIND__OBJECT_ROUTE};
	const Berth__Fpm__Prefix *prefix = NULL;
	const char *error = NULL;
	bool removes = false;

	berth_counters.operations++;
	switch (operation->op_case) {
	case BERTH__FPM__OPERATION__OP_ADD:
		prefix = operation->add->prefix;
		break;
	case BERTH__FPM__OPERATION__OP_MARK:
		wanted.kind = BERTH__FPM__OBJECT_KIND__OBJECT_MARK;
		prefix = operation->mark->prefix;
		break;
	case BERTH__FPM__OPERATION__OP_UNMARK:
		wanted.kind = BERTH__FPM__OBJECT_KIND__OBJECT_MARK;
		prefix = operation->unmark;
		removes = true;
		break;
	case BERTH__FPM__OPERATION__OP_REMOVE:
		prefix = operation->remove;
		removes = true;
		break;
	default:
		error = "an operation that this module does not know";
	}
	if (!error && !berth_prefix_from(prefix, &wanted.prefix))
		error = "the prefix is not valid (4 or 16 bytes, length in range, host bits zero)";
	if (!error && removes) {
		berth_table_take(wanted.kind, &wanted.prefix, sequence);
		return;
	}
	if (!error)
		error = unfit(&wanted.prefix);
	if (!error && operation->op_case == BERTH__FPM__OPERATION__OP_ADD) {
		wanted.tag = operation->add->tag;
		wanted.distance = operation->add->distance;
		wanted.metric = operation->add->metric;
		if (wanted.distance > 254)
			error = "the distance must be 1 to 254";
		else
			error = next_hop_from(operation->add, &wanted);
	} else if (!error) {
		wanted.tag = operation->mark->tag;
		if (!wanted.tag)
			error = "a mark needs a tag";
		else if (!operation->mark->interface[0] || strlen(operation->mark->interface) >= IFNAMSIZ)
			error = "a mark needs the name of an interface";
		else
			strlcpy(wanted.ifname, operation->mark->interface, sizeof(wanted.ifname));
	}
	if (!error && !berth_table_has_room(wanted.kind, &wanted.prefix))
		error = "the limit of routes is reached (module argument max-routes)";
	if (error) {
		berth_counters.rejected++;
		berth_result(wanted.kind, &wanted.prefix, BERTH__FPM__STATE__STATE_REJECTED, error, sequence, NULL);
		return;
	}
	berth_table_put(&wanted);
}
