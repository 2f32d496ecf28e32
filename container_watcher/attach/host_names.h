// SPDX-License-Identifier: GPL-2.0-or-later
//
// What other hosts are called, by an address of theirs: as /etc/hosts, the DNS or whatever nsswitch.conf(5) names has it. An operator
// knows his hosts by name, and an overlay knows them by their VTEPs.
//
// of() never blocks: who is not known yet has no name, and is asked for on a thread of its own, which a slow DNS may hold as long as
// it will. An answer, also that there is none, counts for ten minutes. One thread; each object has its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/ip.h"

namespace berth {

// Blocks. Empty: it has none, or nobody answers.
std::string name_of_host(const IpAddress& address);

class HostNames {
 public:
  using Ask = std::function<std::string(const IpAddress&)>;
  explicit HostNames(Ask ask = name_of_host);
  ~HostNames();  // does not wait for an answer that is out
  std::string of(const IpAddress& address);
  // "host2 (VTEP 10.0.0.22)"; without a name "the host with the VTEP 10.0.0.22".
  std::string told(const IpAddress& vtep);

 private:
  struct State;
  std::shared_ptr<State> state_;  // outlives this where an answer is out
};

}  // namespace berth
