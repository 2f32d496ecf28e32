// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "container_watcher/netlink/errors.h"

namespace berth {
namespace {

constexpr const char* kOwn = "/proc/thread-self/ns/net";

Fd open_file(const char* path) {
  return Fd(open(path, O_RDONLY | O_CLOEXEC));
}

}  // namespace

Result<std::shared_ptr<const Fd>> open_process(int pid) {
  Fd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return error_of(errno, "process " + std::to_string(pid));
  return std::shared_ptr<const Fd>(std::make_shared<Fd>(std::move(fd)));
}

Status within(const Fd& netns, const std::function<void()>& work) {
  const Fd home = open_file(kOwn);
  if (!home) return error_of(errno, "the own network namespace");
  if (setns(netns.get(), CLONE_NEWNET) != 0) return error_of(errno, "the network namespace can't be entered");
  work();
  if (setns(home.get(), CLONE_NEWNET) != 0) std::abort();  // everything after it would look at the wrong host
  return {};
}

Result<Fd> open_netns(const Netns& where) {
  Fd out;
  int error = 0;
  if (where.process) {
    const Status entered = within(*where.process, [&] { out = open_file(kOwn), error = errno; });
    if (!entered) return entered.error();
  } else {
    out = open_file(where.own() ? kOwn : where.path.c_str()), error = errno;
  }
  if (!out) return error_of(error, where.path.empty() ? "the network namespace" : where.path);
  return out;
}

Result<NetnsId> netns_id(const Fd& netns) {
  struct stat is{};
  if (fstat(netns.get(), &is) != 0) return error_of(errno, "a network namespace that can't be asked for its number");
  return NetnsId{is.st_dev, is.st_ino};
}

}  // namespace berth
