// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks the kernel whether it has a route. It drops routes without a word (fib_disable_ip(), nexthop_flush_dev(), a message
 * lost), and then zebra's RIB is no witness. Both questions are answered before the send returns, and neither waits for the
 * lock that the kernel's network configuration is under (rtnl).
 */
#include "module.h"

#include <linux/netlink.h>

#include "zlog.h"

#include "errors.h"
#include "kernel.h"

/* IPv4, by NETLINK_FIB_LOOKUP: one table, no rules. The layout is the kernel's net/ip_fib.h; libnl has a copy as well. */
struct fib_question {
	uint32_t address, mark;
	uint8_t tos, scope, table_in, table, prefixlen, nh_sel, type, found_scope;
	int32_t error;
};

static int fib_socket = -1, route_socket = -1;

static int open_socket(int protocol)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		flog_warn(EC_BERTH_KERNEL,
			  "berth: the kernel can't be asked for its routes (netlink protocol %d: %s): what it drops without a word "
			  "is noticed only where the link tells",
			  protocol, safe_strerror(errno));
	return fd;
}

/* The answer to this very question, in the same memory; NULL: none. */
static struct nlmsghdr *ask(int fd, struct nlmsghdr *question, void *buffer, size_t size)
{
	static uint32_t sequence;
	struct nlmsghdr *answer = buffer;
	ssize_t n;

	question->nlmsg_seq = ++sequence;
	if (fd < 0 || send(fd, question, question->nlmsg_len, MSG_DONTWAIT) < 0)
		return NULL;
	do {
		n = recv(fd, buffer, size, MSG_DONTWAIT);
		if (n < (ssize_t)sizeof(*answer) || !NLMSG_OK(answer, (size_t)n))
			return NULL;
	} while (answer->nlmsg_seq != sequence);
	return answer;
}

static enum berth_kernel_has judge(int prefixlen, int found)
{
	if (found == prefixlen)
		return BERTH_KERNEL_HAS;
	/* behind a longer one, ours is not seen */
	return found > prefixlen ? BERTH_KERNEL_UNKNOWN : BERTH_KERNEL_LACKS;
}

static enum berth_kernel_has has_ipv4(const struct prefix *p)
{
	struct {
		struct nlmsghdr header;
		struct fib_question question;
	} message = {.header = {.nlmsg_len = sizeof(message), .nlmsg_flags = NLM_F_REQUEST},
		     .question = {.address = p->u.prefix4.s_addr, .table_in = RT_TABLE_MAIN}};

	if (!ask(fib_socket, &message.header, &message, sizeof(message)) || message.header.nlmsg_len < sizeof(message))
		return BERTH_KERNEL_UNKNOWN;
	return judge(p->prefixlen, message.question.error ? -1 : message.question.prefixlen);
}

/* IPv6 has no such way: the rules apply, so an answer out of another table says nothing. */
static enum berth_kernel_has has_ipv6(const struct prefix *p)
{
	union {
		struct {
			struct nlmsghdr header;
			struct rtmsg route;
			struct rtattr attribute;
			struct in6_addr address;
		} out;
		struct {
			struct nlmsghdr header;
			union {
				struct rtmsg route;
				struct nlmsgerr error;
			};
		} in;
		uint8_t space[4096];
	} message;

	memset(&message.out, 0, sizeof(message.out));
	message.out.header = (struct nlmsghdr){.nlmsg_len = sizeof(message.out), .nlmsg_type = RTM_GETROUTE,
					       .nlmsg_flags = NLM_F_REQUEST};
	message.out.route = (struct rtmsg){.rtm_family = AF_INET6, .rtm_dst_len = IPV6_MAX_BITLEN,
					   .rtm_flags = RTM_F_FIB_MATCH};
	message.out.attribute = (struct rtattr){.rta_len = RTA_LENGTH(sizeof(struct in6_addr)), .rta_type = RTA_DST};
	message.out.address = p->u.prefix6;
	if (!ask(route_socket, &message.out.header, &message, sizeof(message)))
		return BERTH_KERNEL_UNKNOWN;
	if (message.in.header.nlmsg_type == NLMSG_ERROR)
		return message.in.error.error == -ENETUNREACH || message.in.error.error == -EHOSTUNREACH
			       ? BERTH_KERNEL_LACKS
			       : BERTH_KERNEL_UNKNOWN;
	if (message.in.header.nlmsg_type != RTM_NEWROUTE || message.in.route.rtm_table != RT_TABLE_MAIN)
		return BERTH_KERNEL_UNKNOWN;
	return judge(p->prefixlen, message.in.route.rtm_dst_len);
}

enum berth_kernel_has berth_kernel_has(const struct prefix *p)
{
	return p->family == AF_INET ? has_ipv4(p) : has_ipv6(p);
}

void berth_kernel_fini(void)
{
	if (fib_socket >= 0)
		close(fib_socket);
	if (route_socket >= 0)
		close(route_socket);
	fib_socket = route_socket = -1;
}

void berth_kernel_init(void)
{
	fib_socket = open_socket(NETLINK_FIB_LOOKUP);
	route_socket = open_socket(NETLINK_ROUTE);
}
