// SPDX-License-Identifier: GPL-2.0-or-later
//
// One rtnetlink socket for questions and orders to the kernel of the namespace that it was opened in. Blocks until the
// kernel has answered: on the worker's thread. Private to attach/.
#pragma once

#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/result.h"

struct nl_msg;
struct nl_sock;

namespace berth {

struct FreeNetlink {
  void operator()(nl_sock* socket) const;
  void operator()(nl_msg* message) const;
};
using NetlinkMessage = std::unique_ptr<nl_msg, FreeNetlink>;

class Netlink {
 public:
  using Handler = std::function<void(nlmsghdr*)>;
  static Result<Netlink> open();
  // Head of a message: its type and the fixed structure of that type. nullptr: no memory.
  static NetlinkMessage message(int type, const void* head, std::size_t size, int flags);
  // All that the kernel has; an error where the list changed under the reading, since something may be missing then.
  Status dump(nl_msg* request, const Handler& each);
  Status get(nl_msg* request, const Handler& answer);  // one answer
  Status order(nl_msg* request);                       // acknowledged

 private:
  explicit Netlink(nl_sock* socket) : socket_(socket) {}
  Status exchange(nl_msg* request, int flags, const Handler& each);
  std::unique_ptr<nl_sock, FreeNetlink> socket_;
};

}  // namespace berth
