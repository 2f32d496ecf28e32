// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/netlink.h"

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <string>

namespace berth {
namespace {

int on_message(nl_msg* message, void* handler) {
  (*static_cast<const Netlink::Handler*>(handler))(nlmsg_hdr(message));
  return NL_OK;
}

}  // namespace

void FreeNetlink::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}
void FreeNetlink::operator()(nl_msg* message) const {
  nlmsg_free(message);
}

Result<Netlink> Netlink::open() {
  Netlink out(nl_socket_alloc());
  if (!out.socket_ || nl_connect(out.socket_.get(), NETLINK_ROUTE) != 0) return transient("netlink can't be opened");
  nl_socket_disable_auto_ack(out.socket_.get());
  nl_socket_set_msg_buf_size(out.socket_.get(), 64 * 1024);  // what the kernel fills at most in one go of a dump
  return out;
}

NetlinkMessage Netlink::message(int type, const void* head, std::size_t size, int flags) {
  NetlinkMessage out(nlmsg_alloc_simple(type, flags));
  if (out && nlmsg_append(out.get(), const_cast<void*>(head), size, NLMSG_ALIGNTO) != 0) out.reset();
  return out;
}

Status Netlink::exchange(nl_msg* request, int flags, const Handler& each) {
  if (!request) return transient("there is no memory for a netlink message");
  nlmsg_hdr(request)->nlmsg_flags |= NLM_F_REQUEST | flags;
  nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, on_message, const_cast<Handler*>(&each));
  int error = nl_send_auto(socket_.get(), request);
  if (error >= 0) error = nl_recvmsgs_default(socket_.get());
  if (error < 0) return transient(nl_geterror(error));
  return {};
}

Status Netlink::dump(nl_msg* request, const Handler& each) {
  return exchange(request, NLM_F_DUMP, each);
}
Status Netlink::get(nl_msg* request, const Handler& answer) {
  return exchange(request, 0, answer);
}
Status Netlink::order(nl_msg* request) {
  return exchange(request, NLM_F_ACK, [](nlmsghdr*) {});
}

}  // namespace berth
