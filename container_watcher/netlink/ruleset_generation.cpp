// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/ruleset_generation.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <memory>

#include "container_watcher/netlink/netlink.h"

namespace berth {
namespace {

int on_answer(nl_msg* message, void* out) {
  nlmsghdr* header = nlmsg_hdr(message);
  if (header->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) return NL_OK;
  if (nlattr* number = nlmsg_find_attr(header, sizeof(nfgenmsg), NFTA_GEN_ID))
    *static_cast<std::optional<std::uint32_t>*>(out) = ntohl(nla_get_u32(number));
  return NL_OK;
}

}  // namespace

std::optional<std::uint32_t> ruleset_generation() {
  const std::unique_ptr<nl_sock, FreeNetlink> socket(nl_socket_alloc());
  const NetlinkMessage request(nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, NLM_F_REQUEST));
  if (!socket || !request || nl_connect(socket.get(), NETLINK_NETFILTER) != 0) return std::nullopt;
  nl_socket_disable_auto_ack(socket.get());
  nfgenmsg head{};
  head.version = NFNETLINK_V0;
  std::optional<std::uint32_t> out;
  nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, on_answer, &out);
  if (nlmsg_append(request.get(), &head, sizeof head, NLMSG_ALIGNTO) != 0 ||
      nl_send_auto(socket.get(), request.get()) < 0 || nl_recvmsgs_default(socket.get()) < 0)
    return std::nullopt;
  return out;
}

}  // namespace berth
