// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/containerd/task_netns.h"

#include "container_watcher/netlink/netns.h"
#include "container_watcher/netlink/observer.h"

namespace berth {
namespace {

Result<NetnsId> id_of(const Netns& where) {
  const auto opened = open_netns(where);
  return opened ? netns_id(*opened) : Result<NetnsId>(opened.error());
}

}  // namespace

Result<TaskNetns> read_task_netns(const Netns& where) {
  const auto id = id_of(where);
  if (!id) return id.error();
  const auto own = id_of({});
  if (!own) return own.error();
  if (*id == *own) return TaskNetns{*id, true, {}, 0};
  const auto state = KernelObserver().state({}, where);
  if (!state) return state.error();
  TaskNetns out{*id, false, {}, 0};
  out.links = task_links(*state, &out.cut);
  return out;
}

}  // namespace berth
