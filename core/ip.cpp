// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "core/number.h"

namespace berth {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;  // inet_pton reads up to it
  IpAddress address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes_.data()) == 1) return address;
  address.v6_ = true;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) == 1) return address;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::from_bytes(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  IpAddress address;
  address.v6_ = bytes.size() == 16;
  std::memcpy(address.bytes_.data(), bytes.data(), bytes.size());
  return address;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), text, sizeof(text));
}

Prefix Prefix::of(const IpAddress& address, unsigned length) {
  Prefix prefix;
  std::array<std::uint8_t, 16> bytes{};
  const auto from = address.bytes();
  for (unsigned bit = 0; bit < length; bit += 8) {
    const unsigned left = length - bit;
    const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xff : 0xff00 >> left);
    bytes[bit / 8] = from[bit / 8] & mask;
  }
  prefix.address_ = *IpAddress::from_bytes({bytes.data(), from.size()});
  prefix.length_ = length;
  return prefix;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return host(*address);
  const auto length = parse_number<unsigned>(text.substr(slash + 1));
  if (!length || *length > address->bits()) return std::nullopt;
  const Prefix prefix = of(*address, *length);
  if (prefix.address_ != *address) return std::nullopt;
  return prefix;
}

IpAddress Prefix::last() const {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = address_.bytes();
  for (unsigned bit = 0; bit < address_.bits(); bit += 8) {
    const unsigned ours = length_ <= bit ? 0 : std::min(length_ - bit, 8u);
    bytes[bit / 8] = static_cast<std::uint8_t>(from[bit / 8] | (0xff >> ours));
  }
  return *IpAddress::from_bytes({bytes.data(), from.size()});
}

bool Prefix::contains(const IpAddress& address) const {
  return address.is_v4() == is_v4() && of(address, length_).address_ == address_;
}

bool Prefix::contains(const Prefix& other) const {
  return other.length_ >= length_ && contains(other.address_);
}

std::string Prefix::to_string() const {
  return address_.to_string() + "/" + std::to_string(length_);
}

std::size_t hash_value(const IpAddress& address) {
  const auto bytes = address.bytes();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::size_t hash_value(const Prefix& prefix) {
  return hash_value(prefix.address()) * 131 + prefix.length();
}

}  // namespace berth
