// SPDX-License-Identifier: GPL-2.0-or-later
//
// Carries out operations on this host. An operation that is answered without an error is acknowledged: things are as it says.
// KernelExecutor asks the kernel and blocks until it has answered: on the worker's thread.
//
// Failures, by their kind (netlink/errors.h): Stale: what the operation builds on is not there (any more): look again, and
// plan anew. Transient: again, later. Permanent: the operator must do something; a remedy where it is known which.
#pragma once

#include <vector>

#include "container_watcher/netlink/operation.h"
#include "core/result.h"

namespace berth {

class Executor {
 public:
  virtual ~Executor() = default;
  virtual Status apply(const Operation& operation) = 0;
};

class KernelExecutor : public Executor {
 public:
  Status apply(const Operation& operation) override;
};

}  // namespace berth
