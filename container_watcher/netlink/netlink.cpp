// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/netlink.h"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include <utility>

#include "container_watcher/netlink/errors.h"
#include "container_watcher/netlink/netns.h"

namespace berth {
namespace {

int on_message(nl_msg* message, void* each) {
  return (*static_cast<const std::function<bool(nlmsghdr*)>*>(each))(nlmsg_hdr(message)) ? NL_OK : NL_STOP;
}

struct Refusal {
  int* error;
  std::string* said;
};

// What the kernel says of a refusal in words (NLMSGERR_ATTR_MSG) stands behind the number.
std::string words_of(nlmsgerr* error) {
  auto* header = reinterpret_cast<nlmsghdr*>(reinterpret_cast<char*>(error) - NLMSG_HDRLEN);
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  const std::size_t head =
      sizeof *error + ((header->nlmsg_flags & NLM_F_CAPPED) != 0 ? 0 : error->msg.nlmsg_len - sizeof error->msg);
  nlattr* text = nlmsg_find_attr(header, static_cast<int>(head), NLMSGERR_ATTR_MSG);
  return text ? std::string(nla_get_string(text)) : std::string();
}

}  // namespace

void FreeNetlink::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}
void FreeNetlink::operator()(nl_msg* message) const {
  nlmsg_free(message);
}

Netlink::Netlink(nl_sock* socket) : socket_(socket) {}

Result<Netlink> Netlink::open() {
  Netlink out(nl_socket_alloc());
  if (!out.socket_ || nl_connect(out.socket_.get(), NETLINK_ROUTE) != 0) return transient("netlink can't be opened");
  nl_sock* socket = out.socket_.get();
  nl_socket_disable_auto_ack(socket);
  nl_socket_set_msg_buf_size(socket, 64 * 1024);  // what the kernel fills at most in one go of a dump
  const int yes = 1;
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK})
    static_cast<void>(setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, option, &yes, sizeof yes));
  nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, out.each_.get());
  return out;
}

Result<Netlink> Netlink::open(const Netns& where) {
  if (where.own()) return open();
  const auto netns = open_netns(where);
  if (!netns) return netns.error();
  Result<Netlink> out = transient("");
  if (const Status entered = within(*netns, [&] { out = open(); }); !entered) return entered.error();
  return out;
}

NetlinkMessage Netlink::message(int type, const void* head, std::size_t size, int flags) {
  NetlinkMessage out(nlmsg_alloc_simple(type, flags));
  if (out && nlmsg_append(out.get(), const_cast<void*>(head), size, NLMSG_ALIGNTO) != 0) out.reset();
  return out;
}

Status Netlink::exchange(nl_msg* request, int flags) {
  if (!request) return transient("there is no memory for a netlink message");
  Refusal refusal{error_.get(), said_.get()};
  *error_ = 0;
  said_->clear();
  const auto on_error = [](sockaddr_nl*, nlmsgerr* error, void* into) -> int {
    const auto* refused = static_cast<const Refusal*>(into);
    *refused->error = -error->error;
    *refused->said = words_of(error);
    return NL_STOP;
  };
  nl_socket_modify_err_cb(socket_.get(), NL_CB_CUSTOM, on_error, &refusal);
  nlmsg_hdr(request)->nlmsg_flags |= NLM_F_REQUEST | flags;
  int error = nl_send_auto(socket_.get(), request);
  if (error >= 0) error = nl_recvmsgs_default(socket_.get());
  if (*error_ != 0) {
    Error out = error_of(*error_, "");
    if (!said_->empty()) out.message += " (" + *said_ + ")";
    return out;
  }
  if (error < 0) return transient(nl_geterror(error));
  return {};
}

Status Netlink::dump_while(nl_msg* request, const std::function<bool(nlmsghdr*)>& each) {
  *each_ = each;
  return exchange(request, NLM_F_DUMP);
}
Status Netlink::dump(nl_msg* request, const Handler& each) {
  return dump_while(request, [&](nlmsghdr* message) { return each(message), true; });
}
Status Netlink::get(nl_msg* request, const Handler& answer) {
  *each_ = [&](nlmsghdr* message) { return answer(message), true; };
  return exchange(request, 0);
}
Status Netlink::order(nl_msg* request) {
  *each_ = [](nlmsghdr*) { return true; };
  return exchange(request, NLM_F_ACK);
}

void parse(nlmsghdr* message, std::size_t head, nlattr** out, std::size_t size) {
  if (nlmsg_parse(message, static_cast<int>(head), out, static_cast<int>(size) - 1, nullptr) != 0)
    std::fill_n(out, size, nullptr);
}
void parse(nlattr* nest, nlattr** out, std::size_t size) {
  if (nla_parse_nested(out, static_cast<int>(size) - 1, nest, nullptr) != 0) std::fill_n(out, size, nullptr);
}

std::optional<IpAddress> address_in(nlattr* attribute) {
  if (!attribute) return std::nullopt;
  return IpAddress::from_bytes(
      {static_cast<const std::uint8_t*>(nla_data(attribute)), static_cast<std::size_t>(nla_len(attribute))});
}

Mac mac_in(nlattr* attribute) {
  Mac out = 0;
  if (!attribute || nla_len(attribute) != 6) return out;
  const auto* bytes = static_cast<const std::uint8_t*>(nla_data(attribute));
  for (int i = 0; i < 6; ++i) out = out << 8 | bytes[i];
  return out;
}

std::vector<NextHop> next_hops_in(nlmsghdr* route) {
  std::vector<NextHop> out;
  const auto parts = attributes<RTA_MAX + 1>(route, sizeof(rtmsg));
  if (parts[RTA_OIF]) out.push_back({nla_get_s32(parts[RTA_OIF]), parts[RTA_GATEWAY] || parts[RTA_VIA]});
  if (!parts[RTA_MULTIPATH]) return out;
  // RTNH_OK() reads a head before it asks whether one is left.
  constexpr int kHead = sizeof(rtnexthop);
  auto* at = static_cast<std::uint8_t*>(nla_data(parts[RTA_MULTIPATH]));
  for (int left = nla_len(parts[RTA_MULTIPATH]); left >= kHead;) {
    const auto* hop = reinterpret_cast<const rtnexthop*>(at);
    if (hop->rtnh_len < kHead || hop->rtnh_len > left) break;
    auto* inner = reinterpret_cast<nlattr*>(at + kHead);
    const int size = hop->rtnh_len - kHead;
    out.push_back({hop->rtnh_ifindex, nla_find(inner, size, RTA_GATEWAY) || nla_find(inner, size, RTA_VIA)});
    const int step = RTNH_ALIGN(hop->rtnh_len);
    at += step, left -= step;
  }
  return out;
}

void put(nl_msg* message, int type, const IpAddress& address) {
  nla_put(message, type, static_cast<int>(address.bytes().size()), address.bytes().data());
}

void put(nl_msg* message, int type, Mac mac) {
  std::array<std::uint8_t, 6> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(mac >> (40 - 8 * i));
  nla_put(message, type, bytes.size(), bytes.data());
}

}  // namespace berth
