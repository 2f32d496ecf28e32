// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/errors.h"

#include <cerrno>
#include <system_error>

namespace berth {

// What is not in it (ENOMEM, ENOBUFS, EBUSY, EMFILE, EINTR, …) passes: the kernel or this process lacks something at present.
ErrorKind kind_of(int error) {
  switch (error) {
    // What the operation builds on is not as we saw it: the link or the namespace is gone, or its name is taken; no
    // address makes the next hop reachable; the link is down.
    case ENODEV:
    case ENXIO:
    case ENOENT:
    case ESRCH:
    case EEXIST:
    case EADDRNOTAVAIL:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH: return ErrorKind::Stale;
    // It will be refused for as long as berthd runs with these powers, on this kernel, with this configuration.
    case EPERM:
    case EACCES:
    case EROFS:
    case EINVAL:
    case ERANGE:
    case ELOOP:
    case EMLINK:
    case ENAMETOOLONG:
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ENOSYS: return ErrorKind::Permanent;
    default: return ErrorKind::Transient;
  }
}

Error error_of(int error, const std::string& what) {
  const std::string text = std::generic_category().message(error);
  return {kind_of(error), what.empty() ? text : what + ": " + text, {}};
}

}  // namespace berth
