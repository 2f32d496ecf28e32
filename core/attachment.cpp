// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/attachment.h"

namespace berth {

std::string_view to_string(AttachmentState state) {
  switch (state) {
    case AttachmentState::Requested: return "requested";
    case AttachmentState::Configuring: return "configuring";
    case AttachmentState::Configured: return "configured";
    case AttachmentState::Failed: return "failed";
  }
  return "requested";
}

}  // namespace berth
