// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/wire/codec.h"

namespace berth {
namespace {

std::string to_bytes(const IpAddress& address) {
  const auto bytes = address.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<IpAddress> from_bytes(const std::string& bytes) {
  return IpAddress::from_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

RibState state_of(fpm::State state) {
  switch (state) {
    case fpm::STATE_ACCEPTED: return RibState::Accepted;
    case fpm::STATE_INSTALLED: return RibState::Installed;
    case fpm::STATE_NOT_BEST: return RibState::NotBest;
    case fpm::STATE_INACTIVE: return RibState::Inactive;
    case fpm::STATE_REJECTED: return RibState::Rejected;
    case fpm::STATE_GONE: return RibState::Gone;
    default: return RibState::Other;
  }
}

}  // namespace

void encode(const Prefix& prefix, fpm::Prefix* out) {
  out->set_address(to_bytes(prefix.address()));
  out->set_length(prefix.length());
}

void encode_put(const RibObject& object, fpm::Operation* out) {
  if (object.key.kind == RibKind::ConnectedTag) {
    fpm::MarkConnected* mark = out->mutable_mark();
    encode(object.key.prefix, mark->mutable_prefix());
    mark->set_interface(object.interface);
    mark->set_tag(object.tag);
    return;
  }
  fpm::Route* route = out->mutable_add();
  encode(object.key.prefix, route->mutable_prefix());
  route->set_tag(object.tag);
  route->set_distance(object.distance);
  route->set_metric(object.metric);
  fpm::NextHop* next_hop = route->add_next_hops();
  next_hop->set_interface(object.interface);
  if (object.gateway) next_hop->set_gateway(to_bytes(*object.gateway));
}

void encode_remove(const RibKey& key, fpm::Operation* out) {
  encode(key.prefix, key.kind == RibKind::ConnectedTag ? out->mutable_unmark() : out->mutable_remove());
}

Result<std::optional<RibAnswer>> decode(const fpm::Result& in) {
  if (in.kind() == fpm::OBJECT_UNSPECIFIED) return permanent("a result without a kind");
  if (in.kind() != fpm::OBJECT_ROUTE && in.kind() != fpm::OBJECT_MARK) return std::optional<RibAnswer>();
  const auto address = from_bytes(in.prefix().address());
  if (!address || in.prefix().length() > address->bits()) return permanent("a result without a valid prefix");
  if (in.state() == fpm::STATE_UNSPECIFIED) return permanent("a result without a state");
  RibAnswer answer;
  answer.key = {in.kind() == fpm::OBJECT_MARK ? RibKind::ConnectedTag : RibKind::Route,
                Prefix::of(*address, in.prefix().length())};
  answer.state = state_of(in.state());
  answer.reason = in.reason();
  if (in.has_winner()) {
    answer.reason = in.winner().type() + " wins, distance " + std::to_string(in.winner().distance());
  }
  if (answer.state == RibState::Other) {
    const std::string said = "state " + std::to_string(in.state()) + " of a newer module";
    answer.reason = answer.reason.empty() ? said : said + ": " + answer.reason;
  }
  return std::optional(answer);
}

RibRoute decode(const fpm::RibEntry& in, std::string_view ours) {
  RibRoute out{in.type(), in.type() == ours, {}};
  for (const fpm::NextHop& hop : in.next_hops()) out.next_hops.push_back({from_bytes(hop.gateway()), hop.interface()});
  return out;
}

}  // namespace berth
