// SPDX-License-Identifier: GPL-2.0-or-later
//
// Between berth's values and the messages of fpm_bridge/proto. Pure; any thread. Decoding validates: what a peer sends
// becomes a value or an error, never half of one.
#pragma once

#include <optional>
#include <string_view>

#include "berth.pb.h"
#include "core/result.h"
#include "core/rib.h"

namespace berth {

void encode(const Prefix& prefix, fpm::Prefix* out);
void encode_put(const RibObject& object, fpm::Operation* out);
void encode_remove(const RibKey& key, fpm::Operation* out);
// Nothing: of a kind of object that only a newer module knows. A state that only it knows is RibState::Other.
Result<std::optional<RibAnswer>> decode(const fpm::Result& in);
// `ours`: the route type of what berthd put there.
RibRoute decode(const fpm::RibEntry& in, std::string_view ours);

}  // namespace berth
