// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/nft.h"

#include <nftables/libnftables.h>

namespace berth::firewall {

void Nft::Free::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

Nft::Nft() : context_(nft_ctx_new(NFT_CTX_DEFAULT)) {
  nft_ctx_buffer_output(context_.get());
  nft_ctx_buffer_error(context_.get());
  nft_ctx_output_set_flags(context_.get(),
                           NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_PRIO);
}

Result<std::string> Nft::run(const std::string& commands) {
  const bool ok = nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0;
  std::string errors = nft_ctx_get_error_buffer(context_.get());  // both are emptied, or they would grow
  std::string output = nft_ctx_get_output_buffer(context_.get());
  if (ok) return output;
  return transient(errors.substr(0, errors.find('\n')));
}

}  // namespace berth::firewall
