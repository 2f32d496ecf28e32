// SPDX-License-Identifier: GPL-2.0-or-later
//
// nft(8) of this network namespace: the one place that knows libnftables. Blocks for some milliseconds; one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"

struct nft_ctx;

namespace berth::firewall {

class Nft {
 public:
  Nft();
  // Its output. Transient: nft refuses it, with the first line of why; what is one transaction is not done at all then.
  Result<std::string> run(const std::string& commands);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace berth::firewall
